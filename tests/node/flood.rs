//! A flood of keys whose time comes at once: they go soon, their memory comes
//! back, and nobody waits for it.

use std::time::{Duration, Instant};

use crate::wire::{Connection, Reply, request};
use crate::{node, status, told};

/// A build without optimisation loads them too slowly.
const KEYS: usize = if cfg!(debug_assertions) {
    200_000
} else {
    1_000_000
};
const PIPELINE: usize = 2000;

/// Removing a million keys at one go takes some hundred milliseconds.
const WAIT_MAX: Duration = Duration::from_millis(100);
const GONE_WITHIN: Duration = Duration::from_secs(6);

/// Keys whose time is over when this returns, and that nobody has met since.
fn load_expired(client: &mut Connection) {
    let value = "v".repeat(40);
    for first in (0..KEYS).step_by(PIPELINE) {
        let numbers = first..first + PIPELINE;
        let requests: Vec<u8> = numbers
            .flat_map(|number| request(&["SET", &format!("key:{number}"), &value, "PX", "1"]))
            .collect();
        client.send_bytes(&requests).expect("it reads");
        for _ in 0..PIPELINE {
            assert_eq!(client.read().expect("it answers"), status("OK"));
        }
    }
}

fn size(client: &mut Connection) -> usize {
    match client.ask(&["DBSIZE"]).expect("it answers") {
        Reply::Integer(size) => usize::try_from(size).expect("it counts keys"),
        other => panic!("DBSIZE answers {other:?}"),
    }
}

#[test]
fn a_flood_of_expired_keys_goes_soon_and_keeps_nobody_waiting() {
    let node = node(&["shards 1", "enable-debug-command yes"]);
    let mut client = node.client();
    let mut ask = |words: &[&str]| {
        let answer = client.ask(words).expect("it answers");
        assert_eq!(answer, status("OK"), "{words:?}");
    };
    ask(&["CONFIG", "SET", "latency-monitor-threshold", "1"]);
    ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
    let before = told(&mut client, "used_memory");
    load_expired(&mut client);
    assert_eq!(size(&mut client), KEYS, "nothing goes by itself yet");
    let loaded = told(&mut client, "used_memory");

    let began = Instant::now();
    let on = client.ask(&["DEBUG", "SET-ACTIVE-EXPIRE", "1"]);
    assert_eq!(on.expect("it answers"), status("OK"));
    let mut waits = Vec::new();
    while size(&mut client) > 0 {
        assert!(
            began.elapsed() < GONE_WITHIN,
            "{} of {KEYS} keys are left",
            size(&mut client)
        );
        for _ in 0..20 {
            let asked = Instant::now();
            assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
            waits.push(asked.elapsed());
        }
    }
    let took = began.elapsed();
    waits.sort_unstable();
    let longest = waits[waits.len() - 1];
    assert!(
        longest < WAIT_MAX,
        "a PING waited {longest:?} of the {took:?} it took; mean {:?}",
        waits[waits.len() / 2]
    );
    assert_eq!(told(&mut client, "expired_keys"), KEYS as u64);
    assert!(told(&mut client, "expired_time_cap_reached_count") > 0);
    let after = told(&mut client, "used_memory");
    assert!(
        after - before < (loaded - before) / 10,
        "of {loaded} bytes {after} are still in use, and {before} were before"
    );
    if std::env::var_os("BASALT_TELL").is_some() {
        let at = |share: usize| waits[waits.len() * share / 10_000];
        let told = format!(
            "{KEYS} keys gone in {took:?}; PING median {:?}, p99 {:?}, p99.9 {:?}, longest {longest:?} of {}\n",
            at(5000),
            at(9900),
            at(9990),
            waits.len()
        );
        drop(std::fs::write("/dev/stderr", told));
    }
}
