//! Limits of clients: who passes one is closed, and counted.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Server;
use crate::wire::{Connection, Reply, request};
use crate::{bulk, error, node, status, told, wait_until};

const MEGABYTE: usize = 1024 * 1024;

#[test]
fn a_client_closed_for_its_unread_replies_is_counted_once() {
    let node = node(&["client-output-buffer-limit normal 1mb 0 0"]);
    let mut client = node.client();
    let value = vec![b'v'; 8 * MEGABYTE];
    let set = client.ask(&[b"SET".as_slice(), b"k", &value]);
    assert_eq!(set.expect("it answers"), status("OK"));
    let field = "client_output_buffer_limit_disconnections";
    assert_eq!(told(&mut client, field), 0);
    let mut greedy = node.client();
    drop(greedy.send_bytes(&request(&["GET", "k"]).repeat(20)));
    wait_until("the end of who does not read", || {
        told(&mut client, "connected_clients") == 1
    });
    assert_eq!(told(&mut client, field), 1);
}

#[test]
fn nothing_is_sent_of_a_reply_above_the_hard_limit() {
    for shards in ["shards 1", "shards 4"] {
        let node = node(&[shards, "client-output-buffer-limit normal 100000 0 0"]);
        let mut client = node.client();
        for number in 0..4 {
            let key = format!("key-{number}");
            let value = vec![b'v'; 200_000];
            let set = client.ask(&[b"SET".as_slice(), key.as_bytes(), &value]);
            assert_eq!(set.expect("it answers"), status("OK"));
            let mut greedy = node.client();
            greedy.ask(&["GET", &key]).expect_err("it is closed");
            assert_eq!(greedy.last_bytes(), b"");
        }
        let field = "client_output_buffer_limit_disconnections";
        assert_eq!(told(&mut client, field), 4);
    }
}

#[test]
fn a_reply_without_end_is_given_up_when_it_is_above_the_limits() {
    let node = node(&[
        "client-output-buffer-limit normal 1mb 0 0",
        "client-output-buffer-limit pubsub 0 0 0",
    ]);
    let mut client = node.client();
    client.ask(&["HSET", "h", "f", "v"]).expect("it answers");
    client.ask(&["SADD", "s", "m"]).expect("it answers");
    client.ask(&["ZADD", "z", "1", "m"]).expect("it answers");
    for (name, key) in [
        ("HRANDFIELD", "h"),
        ("SRANDMEMBER", "s"),
        ("ZRANDMEMBER", "z"),
    ] {
        let mut greedy = node.client();
        // 90 GB of reply.
        let asked = greedy.ask(&[name, key, "-9999999999"]);
        asked.expect_err("it is closed");
    }
    assert!(told(&mut client, "used_memory_peak") < 64 * MEGABYTE as u64);
}

#[test]
fn who_has_not_said_the_password_is_closed_for_unread_replies() {
    let node = node(&["requirepass secret"]);
    let mut client = node.client();
    let auth = client.ask(&["AUTH", "secret"]);
    assert_eq!(auth.expect("it answers"), status("OK"));
    let mut stranger = node.client();
    let unread = request(&["SET", "x", "5"]).repeat(400);
    // Refused one after the other, as long as the refusals are read.
    for _ in 0..20 {
        stranger
            .send_bytes(&unread[..unread.len() / 4])
            .expect("it reads");
        for _ in 0..100 {
            let refused = stranger.read().expect("it answers");
            assert_eq!(refused, error("NOAUTH Authentication required."));
        }
    }
    for _ in 0..10_000 {
        if stranger.send_bytes(&unread).is_err() {
            break;
        }
    }
    wait_until("the end of who does not read", || {
        told(&mut client, "connected_clients") == 1
    });
    let field = "client_output_buffer_limit_disconnections";
    assert_eq!(told(&mut client, field), 1);
}

#[test]
fn a_client_closed_for_its_unparsed_bytes_is_counted_once() {
    let node = node(&["client-query-buffer-limit 1mb"]);
    let mut client = node.client();
    let field = "client_query_buffer_limit_disconnections";
    assert_eq!(told(&mut client, field), 0);
    let mut wordy = node.client();
    // A request of four megabytes in short words is not whole before the end.
    let mut bytes = b"*400000\r\n".to_vec();
    bytes.extend(b"$4\r\nword\r\n".repeat(390_000));
    drop(wordy.send_bytes(&bytes));
    wait_until("the end of who sends too much", || {
        told(&mut client, "connected_clients") == 1
    });
    assert_eq!(told(&mut client, field), 1);
    assert_eq!(
        client.ask(&["PING"]).expect("it answers"),
        Reply::Status(b"PONG".to_vec())
    );
}

#[test]
fn the_largest_client_goes_when_all_take_too_much() {
    let node = node(&["maxmemory-clients 4mb"]);
    let mut client = node.client();
    let mut spared = node.client();
    // What a buffer takes depends on how its bytes came in: only one may go.
    for one in [&mut client, &mut spared] {
        let told_off = one.ask(&["CLIENT", "NO-EVICT", "on"]);
        assert_eq!(told_off.expect("it answers"), status("OK"));
    }
    let mut small = node.client();
    // Words of ten bytes each, the last one missing.
    let begun = |words: usize| {
        let mut bytes = format!("*{}\r\n$6\r\nEXISTS\r\n", words + 2).into_bytes();
        bytes.extend(b"$4\r\nword\r\n".repeat(words));
        bytes
    };
    // Less than the limit harms nobody.
    small.send_bytes(&begun(150_000)).expect("it reads");
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(told(&mut client, "evicted_clients"), 0);
    // Above it, the largest goes that may.
    spared.send_bytes(&begun(300_000)).expect("it reads");
    wait_until("the end of the small one", || {
        told(&mut client, "evicted_clients") == 1
    });
    assert!(small.read().is_err(), "it is not closed");
    let last = spared.send_bytes(b"$4\r\nword\r\n");
    last.expect("it is not closed");
    assert_eq!(spared.read().expect("it answers"), Reply::Integer(0));
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
}

/// How many clients CLIENT LIST shows of each of these names, and what all take.
fn listed(client: &mut Connection, names: &[&str]) -> (Vec<usize>, u64) {
    let list = match client.ask(&["CLIENT", "LIST"]).expect("it answers") {
        Reply::Bulk(list) => String::from_utf8(list).expect("it is a text"),
        other => panic!("{other:?}"),
    };
    let named = |name: &&str| list.matches(&format!("name={name} ")).count();
    let taken = list.lines().map(|line| {
        let (_, rest) = line.split_once("tot-mem=").expect("it says so");
        let (bytes, _) = rest.split_once(' ').expect("more follows");
        bytes.parse::<u64>().expect("a number")
    });
    (names.iter().map(named).collect(), taken.sum())
}

#[test]
fn a_lower_limit_closes_the_largest_clients_of_all_cores_before_it_is_answered() {
    for shards in ["shards 1", "shards 4"] {
        let node = node(&[shards]);
        let mut client = node.client();
        let spared = client.ask(&["CLIENT", "NO-EVICT", "on"]);
        assert_eq!(spared.expect("it answers"), status("OK"));
        let sizes = [
            ("small", 64 << 10),
            ("middle", 256 << 10),
            ("large", 1 << 20),
        ];
        let names = sizes.map(|(name, _)| name);
        let mut held = Vec::new();
        for _ in 0..5 {
            for (name, bytes) in sizes {
                let mut one = node.client();
                let named = one.ask(&["CLIENT", "SETNAME", name]);
                assert_eq!(named.expect("it answers"), status("OK"));
                // A word that never ends.
                let begun = [
                    format!("*1\r\n${bytes}\r\n").into_bytes(),
                    vec![b'w'; bytes],
                ];
                one.send_bytes(&begun.concat()).expect("it reads");
                held.push(one);
            }
        }
        wait_until("all bytes", || {
            listed(&mut client, &names).1 > 5 * 1344 * 1024
        });
        let mut set = |limit: u64| {
            let limit = limit.to_string();
            let set = client.ask(&["CONFIG", "SET", "maxmemory-clients", &limit]);
            assert_eq!(set.expect("it answers"), status("OK"));
            listed(&mut client, &names)
        };
        let (all, taken) = set(64 << 20);
        assert_eq!(all, [5, 5, 5]);
        // Two of the large ones must go, and no more than that.
        let (left, taken) = set(taken - (3 << 19));
        assert_eq!(left, [5, 5, 3]);
        let (left, taken) = set(taken - (3 << 20) - (128 << 10));
        assert_eq!(left, [5, 4, 0]);
        let (left, _) = set(taken - (3 << 18) - (128 << 10));
        assert_eq!(left, [5, 0, 0]);
        let (left, _) = set(1);
        assert_eq!(left, [0, 0, 0]);
        assert_eq!(told(&mut client, "evicted_clients"), 15);
    }
}

#[test]
fn watched_keys_and_subscriptions_count_as_memory_of_their_clients() {
    let node = node(&["shards 2", "maxmemory-clients 200kb"]);
    let mut client = node.client();
    for (number, command) in ["WATCH", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"]
        .iter()
        .enumerate()
    {
        let mut greedy = node.client();
        let mut last = Ok(status("OK"));
        for name in 0..20_000 {
            last = greedy.ask(&[*command, &format!("{{t}}{name}")]);
            if last.is_err() {
                break;
            }
        }
        last.expect_err("it is closed");
        assert_eq!(told(&mut client, "evicted_clients"), number as u64 + 1);
    }
}

#[test]
fn a_pause_ends_when_it_is_over() {
    let node = node(&[]);
    let mut client = node.client();
    let paused = client.ask(&["CLIENT", "PAUSE", "120"]);
    let began = Instant::now();
    assert_eq!(paused.expect("it answers"), status("OK"));
    assert_eq!(client.ask(&["GET", "k"]).expect("it answers"), Reply::Null);
    let took = began.elapsed();
    let allowed = Duration::from_millis(100)..Duration::from_millis(250);
    assert!(allowed.contains(&took), "held back for {took:?}");
}

#[test]
fn the_largest_numbers_of_settings_are_taken_at_their_word() {
    let most = i64::MAX.to_string();
    let output = format!("normal 0 1 {most}");
    let node = node(&["enable-debug-command yes"]);
    let mut client = node.client();
    for (name, value) in [
        ("latency-monitor-threshold", &most),
        ("client-output-buffer-limit", &output),
        ("slowlog-max-len", &most),
        ("maxmemory", &most),
    ] {
        let answer = client.ask(&["CONFIG", "SET", name, value]);
        assert_eq!(answer.expect("it answers"), status("OK"), "{name}");
    }
    // More than one byte is unread at once, but not for so many seconds.
    for _ in 0..2 {
        client.send(&["DEBUG", "SLEEP", "0.01"]).expect("it reads");
        client.send(&["PING"]).expect("it reads");
        assert_eq!(client.read().expect("it answers"), status("OK"));
        assert_eq!(client.read().expect("it answers"), status("PONG"));
    }
    let answer = client.ask(&["LATENCY", "LATEST"]).expect("it answers");
    assert_eq!(answer, Reply::Array(Vec::new()));
}

#[test]
fn a_command_over_cores_is_not_charged_for_waiting_for_them() {
    let node = node(&["shards 2", "enable-debug-command yes"]);
    // Neighbours in the order of arrival are on different cores.
    let mut sleeper = node.client();
    let mut client = node.client();
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
    let sleeps = request(&["DEBUG", "SLEEP", "0.3"]);
    sleeper.send_bytes(&sleeps).expect("it reads");
    thread::sleep(Duration::from_millis(100));
    let words = ["MGET", "a", "b", "c", "d", "e", "f", "g", "h"];
    let began = Instant::now();
    client.ask(&words).expect("it answers");
    assert!(
        began.elapsed() > Duration::from_millis(100),
        "it did not wait"
    );
    assert_eq!(sleeper.read().expect("it answers"), status("OK"));
    let Ok(Reply::Bulk(text)) = client.ask(&["INFO", "commandstats"]) else {
        panic!("INFO answers with a text");
    };
    let text = String::from_utf8_lossy(&text);
    let (_, mget) = text
        .split_once("cmdstat_mget:calls=1,usec=")
        .expect("it was counted");
    let digits = mget.split(',').next().unwrap_or_default();
    let usec: u64 = digits.parse().expect("microseconds are a number");
    assert!(usec < 50_000, "charged {usec} us");
}

#[test]
fn more_clients_than_the_system_has_files_for_are_refused() {
    let node = node(&[]);
    let mut client = node.client();
    let reply = client.ask(&["CONFIG", "SET", "timeout", "9", "maxclients", "4294967295"]);
    let Reply::Error(text) = reply.expect("it answers") else {
        panic!("no system has files for so many");
    };
    let text = String::from_utf8_lossy(&text);
    let beginning = "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system \
                     is not able to handle the specified number of clients, try with ";
    let possible = text
        .strip_prefix(beginning)
        .unwrap_or_else(|| panic!("{text}"));
    assert!(possible.parse::<u64>().is_ok(), "{text}");
    let kept = client.ask(&["CONFIG", "GET", "timeout"]);
    assert_eq!(
        kept.expect("it answers"),
        Reply::Array(vec![bulk("timeout"), bulk("0")])
    );
    assert_eq!(
        client
            .ask(&["CONFIG", "SET", "maxclients", possible])
            .expect("it answers"),
        status("OK")
    );
}

/// Sends a signal to the node.
fn signal(node: &Server, name: &str) {
    let sent = Command::new("kill")
        .args([name, &node.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(sent.success());
}

#[test]
fn clients_that_come_at_once_are_dealt_evenly_and_no_more_than_allowed() {
    let node = node(&["shards 4", "maxclients 41"]);
    let mut teller = node.client();
    wait_until("the end of who saw the node come up", || {
        told(&mut teller, "connected_clients") == 1
    });
    // It finds all of them waiting, and accepts them before one has arrived.
    signal(&node, "-STOP");
    let mut clients: Vec<Connection> = (0..60).map(|_| node.client()).collect();
    signal(&node, "-CONT");
    let answered = clients
        .iter_mut()
        .filter_map(|client| client.ask(&["PING"]).ok())
        .filter(|reply| *reply == status("PONG"))
        .count();
    assert_eq!(answered, 40);
    let Ok(Reply::Bulk(text)) = teller.ask(&["INFO", "shards"]) else {
        panic!("INFO is a text");
    };
    let text = String::from_utf8(text).expect("INFO is ASCII");
    let count = |line: &str| {
        line.split_once(",clients=")?
            .1
            .split(',')
            .next()?
            .parse()
            .ok()
    };
    let counts: Vec<u64> = text.lines().filter_map(count).collect();
    assert_eq!((counts.len(), counts.iter().sum()), (4, 41), "{counts:?}");
    assert!(
        counts.iter().all(|count| (10..=11).contains(count)),
        "{counts:?}"
    );
}
