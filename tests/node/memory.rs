//! `maxmemory` and its eight policies: memory stays below the limit, the right
//! keys go, and what may not go is refused; `used_memory` is what the system
//! counts.

use std::thread;
use std::time::Duration;

use crate::machine::resident_bytes;
use crate::process::Server;
use crate::wire::{Connection, Reply, request};
use crate::{bulk, error, node, status, told, wait_until};

const KILOBYTE: usize = 1024;
const LIMIT: u64 = 20 << 20;
const LIMIT_SETTING: &str = "maxmemory 20mb";
const SHARDS: [&str; 2] = ["shards 1", "shards 2"];
const REFUSED: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// Keys of one pipeline: few enough for its bytes not to matter.
const PIPELINE: usize = 20;

/// Sets `prefix:N` for all numbers to so many bytes, each with these further
/// words; says how many were refused for want of memory, and how much memory
/// was in use at most.
fn fill(
    client: &mut Connection,
    prefix: &str,
    count: usize,
    bytes: impl Fn(usize) -> usize,
    words: &[&str],
) -> (usize, u64) {
    let (mut refused, mut most) = (0, 0);
    for first in (0..count).step_by(PIPELINE) {
        let mut requests = Vec::new();
        let numbers = first..count.min(first + PIPELINE);
        for number in numbers.clone() {
            let key = format!("{prefix}:{number}");
            let value = "v".repeat(bytes(number));
            let mut set = vec!["SET", &key, &value];
            set.extend(words);
            requests.extend(request(&set));
        }
        client.send_bytes(&requests).expect("it reads");
        for _ in numbers {
            match client.read().expect("it answers") {
                reply if reply == status("OK") => {}
                reply => {
                    assert_eq!(reply, error(REFUSED));
                    refused += 1;
                }
            }
        }
        if (first / PIPELINE).is_multiple_of(8) {
            most = most.max(told(client, "used_memory"));
        }
    }
    (refused, most.max(told(client, "used_memory")))
}

#[test]
fn an_idle_node_gives_back_what_was_freed() {
    for purges in [false, true] {
        let server = node(&["shards 1"]);
        let mut client = server.client();
        let value = "v".repeat(100 << 20);
        let mut ask = |words: &[&str]| client.ask(words).expect("it answers");
        assert_eq!(ask(&["SET", "huge", &value]), status("OK"));
        let before = resident_bytes(server.id());
        assert_eq!(ask(&["DEL", "huge"]), Reply::Integer(1));
        if purges {
            assert_eq!(ask(&["MEMORY", "PURGE"]), status("OK"));
        }
        wait_until("the memory is given back", || {
            resident_bytes(server.id()) + (90 << 20) < before
        });
    }
}

/// How many of `prefix:N` are there.
fn present(client: &mut Connection, prefix: &str, numbers: impl Iterator<Item = usize>) -> usize {
    let keys: Vec<String> = numbers.map(|number| format!("{prefix}:{number}")).collect();
    let mut requests = Vec::new();
    for key in &keys {
        requests.extend(request(&["EXISTS", key]));
    }
    client.send_bytes(&requests).expect("it reads");
    let replies = keys.iter().map(|_| client.read().expect("it answers"));
    replies.filter(|reply| *reply == Reply::Integer(1)).count()
}

fn limited(policy: &str, shards: &str) -> Server {
    let policy = format!("maxmemory-policy {policy}");
    node(&[shards, LIMIT_SETTING, &policy, "maxmemory-samples 10"])
}

/// Writes five times what there is room for, into every kind of entry.
fn stays_below_the_limit(policy: &str) {
    for shards in SHARDS {
        let node = limited(policy, shards);
        let mut client = node.client();
        // 100 bytes to 20 kB: 100 MB in all.
        let bytes = |number: usize| 100 + number * 7919 % (20 * KILOBYTE);
        let (refused, most) = fill(&mut client, "k", 10_000, bytes, &["EX", "1000"]);
        let mib = most as f64 / f64::from(1 << 20);
        assert_eq!(refused, 0, "{policy} with {shards} can evict");
        assert!(
            most <= LIMIT + LIMIT / 20,
            "{policy} with {shards}: {mib:.2} MiB in use"
        );
        assert!(most >= LIMIT / 2, "{policy} with {shards}: {mib:.2} MiB");
        let evicted = told(&mut client, "evicted_keys");
        let left = client.ask(&["DBSIZE"]).expect("it answers");
        assert_eq!(left, Reply::Integer(10_000 - evicted as i64));
    }
}

macro_rules! policies {
    ($($test:ident: $policy:literal,)*) => {
        $(
            #[test]
            fn $test() {
                stays_below_the_limit($policy);
            }
        )*
    };
}

policies! {
    allkeys_lru_stays_below_the_limit: "allkeys-lru",
    allkeys_lfu_stays_below_the_limit: "allkeys-lfu",
    allkeys_random_stays_below_the_limit: "allkeys-random",
    volatile_lru_stays_below_the_limit: "volatile-lru",
    volatile_lfu_stays_below_the_limit: "volatile-lfu",
    volatile_random_stays_below_the_limit: "volatile-random",
    volatile_ttl_stays_below_the_limit: "volatile-ttl",
}

#[test]
fn without_anything_to_evict_writes_are_refused_and_reads_go_on() {
    let policies = [
        "noeviction",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ];
    for (number, policy) in policies.into_iter().enumerate() {
        let node = limited(policy, SHARDS[number % 2]);
        let mut client = node.client();
        let (refused, most) = fill(&mut client, "k", 3000, |_| 10 * KILOBYTE, &[]);
        assert!((1000..2000).contains(&refused), "{policy}: {refused}");
        assert!(most <= LIMIT + LIMIT / 20, "{policy}: {most} bytes");
        assert_eq!(told(&mut client, "evicted_keys"), 0);
        let mut ask = |words: &[&str]| client.ask(words).expect("it answers");
        assert_eq!(ask(&["STRLEN", "k:0"]), Reply::Integer(10 * 1024));
        assert_eq!(ask(&["APPEND", "k:0", "more"]), error(REFUSED));
        assert_eq!(ask(&["MSET", "a", "1", "b", "2", "c", "3"]), error(REFUSED));
        for number in 0..100 {
            assert_eq!(ask(&["DEL", &format!("k:{number}")]), Reply::Integer(1));
        }
        assert_eq!(ask(&["MSET", "a", "1", "b", "2", "c", "3"]), status("OK"));
    }
}

#[test]
fn volatile_policies_leave_keys_without_a_deadline_alone() {
    for shards in SHARDS {
        let node = limited("volatile-lru", shards);
        let mut client = node.client();
        fill(&mut client, "stays", 1000, |_| 10 * KILOBYTE, &[]);
        let timed = ["EX", "1000"];
        let (refused, most) = fill(&mut client, "goes", 3000, |_| 10 * KILOBYTE, &timed);
        assert_eq!(refused, 0, "{shards}");
        assert!(most <= LIMIT + LIMIT / 20, "{shards}: {most} bytes");
        assert_eq!(present(&mut client, "stays", 0..1000), 1000, "{shards}");
    }
}

#[test]
fn keys_read_lately_outlive_those_that_were_not() {
    for shards in SHARDS {
        let node = limited("allkeys-lru", shards);
        let mut client = node.client();
        fill(&mut client, "k", 1500, |_| 10 * KILOBYTE, &[]);
        // The mark of a read is a second.
        thread::sleep(Duration::from_millis(1100));
        for number in (0..1500).step_by(2) {
            let length = client.ask(&["STRLEN", &format!("k:{number}")]);
            assert_eq!(length.expect("it answers"), Reply::Integer(10 * 1024));
        }
        thread::sleep(Duration::from_millis(1100));
        fill(&mut client, "new", 800, |_| 10 * KILOBYTE, &[]);
        outlive(&mut client, shards);
    }
}

#[test]
fn keys_read_often_outlive_those_that_were_not() {
    for shards in SHARDS {
        let node = limited("allkeys-lfu", shards);
        let mut client = node.client();
        fill(&mut client, "k", 1500, |_| 10 * KILOBYTE, &[]);
        for number in (0..1500).step_by(2) {
            let get = request(&["STRLEN", &format!("k:{number}")]);
            client.send_bytes(&get.repeat(30)).expect("it reads");
            for _ in 0..30 {
                client.read().expect("it answers");
            }
        }
        fill(&mut client, "new", 800, |_| 10 * KILOBYTE, &[]);
        outlive(&mut client, shards);
    }
}

#[test]
fn keys_with_much_time_left_outlive_those_with_little() {
    for shards in SHARDS {
        let node = limited("volatile-ttl", shards);
        let mut client = node.client();
        let much = ["EX", "10000"];
        fill(&mut client, "k", 1500, |_| 10 * KILOBYTE, &much);
        for number in (1..1500).step_by(2) {
            let key = format!("k:{number}");
            client.ask(&["EXPIRE", &key, "100"]).expect("it answers");
        }
        fill(&mut client, "new", 800, |_| 10 * KILOBYTE, &much);
        outlive(&mut client, shards);
    }
}

#[test]
fn a_core_with_few_keys_lets_the_others_evict() {
    let node = limited("allkeys-lru", "shards 2");
    let mut client = node.client();
    // Slots 15495 and 3300: the second core, then the first.
    fill(&mut client, "{a}", 2500, |_| 10 * KILOBYTE, &[]);
    let (refused, most) = fill(&mut client, "{b}", 1000, |_| 10 * KILOBYTE, &[]);
    assert_eq!(refused, 0);
    assert!(most <= LIMIT + LIMIT / 8, "{most} bytes");
    let kept = present(&mut client, "{b}", 0..1000);
    assert!(kept > 300, "{kept} of 1000 kept beside cold ones");
}

#[test]
fn keys_go_for_requests_that_do_not_end() {
    for shards in SHARDS {
        // A tick in a second: nothing here waits for one.
        let node = node(&[
            shards,
            LIMIT_SETTING,
            "maxmemory-policy allkeys-lru",
            "hz 1",
        ]);
        let mut client = node.client();
        let (_, most) = fill(&mut client, "k", 1500, |_| 10 * KILOBYTE, &[]);
        assert!(most < LIMIT, "{most} bytes");
        let mut senders: Vec<Connection> = (0..20).map(|_| node.client()).collect();
        let begun = [b"*250\r\n$400000\r\n".as_slice(), &[b'x'; 300_000]].concat();
        for sender in &mut senders {
            sender.send_bytes(&begun).expect("it reads");
        }
        let evicts = |client: &mut Connection| told(client, "evicted_keys") > 0;
        let started = std::time::Instant::now();
        wait_until("keys go", || evicts(&mut client));
        assert!(started.elapsed() < Duration::from_millis(500), "{shards}");
    }
}

#[test]
fn a_small_limit_is_honoured_too() {
    let node = node(&["shards 1", "maxmemory-policy allkeys-random"]);
    let mut client = node.client();
    // Statistics of SET and INFO are there before the limit is.
    fill(&mut client, "warm", 100, |_| 1, &[]);
    client.ask(&["FLUSHALL"]).expect("it answers");
    let limit = told(&mut client, "used_memory") + 100 * 1024;
    let set = ["CONFIG", "SET", "maxmemory", &limit.to_string()];
    assert_eq!(client.ask(&set).expect("it answers"), status("OK"));
    let (refused, most) = fill(&mut client, "k", 1000, |_| 1, &[]);
    assert_eq!(refused, 0);
    // What a pipeline of requests and its replies take stands beside the keys.
    assert!(most <= limit + 16 * 1024, "{most} of {limit} bytes");
    let evicted = told(&mut client, "evicted_keys");
    assert!(evicted > 0 && evicted < 950, "{evicted} of 1000 keys went");
}

#[test]
fn what_is_unlinked_comes_back_and_is_counted() {
    let node = node(&["shards 1"]);
    let mut client = node.client();
    let before = told(&mut client, "used_memory");
    let members: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    let mut sadd = vec!["SADD", "s"];
    sadd.extend(members.iter().map(String::as_str));
    let added = client.ask(&sadd).expect("it answers");
    assert_eq!(added, Reply::Integer(100_000));
    assert!(told(&mut client, "used_memory") > before + (1 << 20));
    let unlinked = client.ask(&["UNLINK", "s"]).expect("it answers");
    assert_eq!(unlinked, Reply::Integer(1));
    wait_until("its end", || told(&mut client, "lazyfreed_objects") == 1);
    assert_eq!(told(&mut client, "lazyfree_pending_objects"), 0);
    // The buffers of so long a request go a little later. On a busy machine some 250 KiB
    // stay once, and no more of the next; which they are is not known yet.
    wait_until("its memory", || {
        told(&mut client, "used_memory") < before + (512 << 10)
    });
    // A small value goes at once.
    client.ask(&["SADD", "s", "1"]).expect("it answers");
    client.ask(&["UNLINK", "s"]).expect("it answers");
    assert_eq!(told(&mut client, "lazyfreed_objects"), 1);
    fill(&mut client, "k", 500, |_| 1, &[]);
    client.ask(&["FLUSHALL"]).expect("it answers");
    wait_until("the others'", || {
        told(&mut client, "lazyfreed_objects") == 501
    });
    client.ask(&["CONFIG", "RESETSTAT"]).expect("it answers");
    assert_eq!(told(&mut client, "lazyfreed_objects"), 0);
}

#[test]
fn tenacity_says_how_long_a_command_waits_for_eviction() {
    let worst_ms = |tenacity: &str| {
        let tenacity = format!("maxmemory-eviction-tenacity {tenacity}");
        let policy = "maxmemory-policy allkeys-random";
        let node = node(&["shards 1", policy, &tenacity, "latency-monitor-threshold 1"]);
        let mut client = node.client();
        fill(&mut client, "k", 100_000, |_| 100, &[]);
        let full = told(&mut client, "used_memory");
        client
            .ask(&["CONFIG", "SET", "maxmemory", "3mb"])
            .expect("it answers");
        client.ask(&["GET", "k:0"]).expect("it answers");
        let after = told(&mut client, "used_memory");
        // The reply takes some itself.
        let near = (3 << 20) + (3 << 20) / 20;
        wait_until("the limit", || told(&mut client, "used_memory") <= near);
        let latest = client.ask(&["LATENCY", "LATEST"]).expect("it answers");
        let Reply::Array(events) = latest else {
            panic!("LATENCY LATEST answers {latest:?}");
        };
        let cycle = events.iter().find_map(|event| match event {
            Reply::Array(parts) if parts[0] == bulk("eviction-cycle") => match parts[3] {
                Reply::Integer(worst_ms) => Some(worst_ms),
                _ => None,
            },
            _ => None,
        });
        (after < full / 2, cycle.unwrap_or(0))
    };
    let (is_done, patient_ms) = worst_ms("100");
    assert!(is_done, "the first command does not wait for all of it");
    let (is_done, hasty_ms) = worst_ms("0");
    assert!(!is_done, "the first command waits for all of it");
    assert!(
        patient_ms > 3 && patient_ms > 2 * hasty_ms,
        "{patient_ms} ms and {hasty_ms} ms"
    );
}

/// Of the first 1500 keys the even ones were to stay: sampled eviction errs,
/// but not often.
fn outlive(client: &mut Connection, shards: &str) {
    let kept = present(client, "k", (0..1500).step_by(2));
    let others = present(client, "k", (1..1500).step_by(2));
    assert!(
        others < 600,
        "{shards}: {others} of 750 are there: no pressure"
    );
    assert!(kept > 700, "{shards}: {kept} of 750 kept, {others} others");
}

#[test]
fn used_memory_is_what_the_system_counts() {
    const COUNT: usize = 160_000;
    for shards in SHARDS {
        let node = node(&[shards]);
        let mut client = node.client();
        client.ask(&["PING"]).expect("it answers");
        let (used, resident) = (told(&mut client, "used_memory"), resident_bytes(node.id()));
        // 20 bytes to 2.5 kB: 200 MB.
        fill(
            &mut client,
            "k",
            COUNT,
            |number| 20 + number * 7919 % 2500,
            &[],
        );
        let used = told(&mut client, "used_memory") - used;
        let resident = resident_bytes(node.id()) - resident;
        let ratio = resident as f64 / used as f64;
        assert!(used > 190 << 20, "{shards}: {used} bytes are few");
        assert!(
            (0.9..1.1).contains(&ratio),
            "{shards}: {used} bytes used, {resident} resident: {ratio:.3}"
        );
    }
}
