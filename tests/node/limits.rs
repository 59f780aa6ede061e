//! Limits of clients: who passes one is closed, and counted.

use std::thread;
use std::time::{Duration, Instant};

use crate::wire::{Reply, request};
use crate::{error, node, status, told, wait_until};

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
