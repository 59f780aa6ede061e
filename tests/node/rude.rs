//! Clients that end badly: killed with replies on their way, half closed, or
//! paused in the middle of something big. Nobody else notices, and what was
//! asked before the end is answered.

use std::io::Read as _;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::resident_bytes;
use crate::wire::{Connection, Reply, request};
use crate::{bulk, node, status, wait_until};

/// Keys that live on both cores of a node with two.
fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key:{number}")).collect()
}

/// An `MSET` of so many keys, which borrows both cores' keyspaces.
fn big_mset(keys: &[String], value: &str) -> Vec<u8> {
    let mut words = vec!["MSET"];
    for key in keys {
        words.extend([key.as_str(), value]);
    }
    request(&words)
}

fn read_all(client: &Connection) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut socket = client.socket();
    socket
        .read_to_end(&mut bytes)
        .expect("it is closed in time");
    bytes
}

#[test]
fn a_client_killed_with_replies_on_their_way_harms_nobody() {
    let node = node(&[]);
    let mut killer = node.client();
    let value = "v".repeat(1000);
    for key in keys(64) {
        let set = killer.ask(&["SET", &key, &value]);
        assert_eq!(set.expect("it answers"), status("OK"));
    }
    let gets: Vec<u8> = keys(64)
        .iter()
        .flat_map(|key| request(&["GET", key]))
        .collect();
    for _ in 0..300 {
        let mut victim = node.client();
        let Ok(Reply::Integer(id)) = victim.ask(&["CLIENT", "ID"]) else {
            panic!("CLIENT ID is a number");
        };
        victim.send_bytes(&gets.repeat(8)).expect("it reads");
        let killed = killer.ask(&["CLIENT", "KILL", "ID", &id.to_string()]);
        assert_eq!(killed.expect("it answers"), Reply::Integer(1));
    }
    assert_eq!(killer.ask(&["PING"]).expect("it answers"), status("PONG"));
}

#[test]
fn a_client_gone_with_unread_replies_on_their_way_harms_nobody() {
    let node = node(&[]);
    let mut client = node.client();
    let value = "v".repeat(100_000);
    for key in keys(16) {
        let set = client.ask(&["SET", &key, &value]);
        assert_eq!(set.expect("it answers"), status("OK"));
    }
    let gets: Vec<u8> = keys(16)
        .iter()
        .flat_map(|key| request(&["GET", key]))
        .collect();
    for round in 0..200 {
        let mut gone = node.client();
        gone.send_bytes(&gets.repeat(4)).expect("it reads");
        thread::sleep(Duration::from_micros(round * 20));
        gone.send_bytes(&gets).expect("it reads");
    }
    assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
}

#[test]
fn requests_behind_a_big_one_over_two_cores_are_answered() {
    let node = node(&[]);
    let mut client = node.client();
    let mut bytes = big_mset(&keys(20_000), "0123456789");
    bytes.extend(request(&["PING"]));
    bytes.extend(request(&["GET", "key:7"]));
    client.send_bytes(&bytes).expect("it reads");
    assert_eq!(client.read().expect("it answers"), status("OK"));
    assert_eq!(client.read().expect("it answers"), status("PONG"));
    assert_eq!(client.read().expect("it answers"), bulk("0123456789"));
}

#[test]
fn a_big_request_behind_a_paused_one_arrives() {
    let node = node(&[]);
    let mut other = node.client();
    let pause = other.ask(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    assert_eq!(pause.expect("it answers"), status("OK"));
    let mut client = node.client();
    let value = "v".repeat(32 << 20);
    let mut bytes = request(&["SET", "small", "1"]);
    bytes.extend(request(&["SET", "big", &value]));
    let writer = thread::spawn(move || {
        client.send_bytes(&bytes).expect("it reads");
        let replies = [client.read(), client.read()];
        replies.map(|reply| reply.expect("it answers"))
    });
    // Long enough for the reading to stop.
    thread::sleep(Duration::from_millis(300));
    let unpause = other.ask(&["CLIENT", "UNPAUSE"]);
    assert_eq!(unpause.expect("it answers"), status("OK"));
    let replies = writer.join().expect("both are answered");
    assert_eq!(replies, [status("OK"), status("OK")]);
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let node = node(&[]);
    let mut client = node.client();
    let mut wanted = Vec::new();
    let mut bytes = Vec::new();
    for key in keys(500) {
        bytes.extend(request(&["SET", &key, "v"]));
        bytes.extend(request(&["GET", &key]));
        wanted.extend_from_slice(b"+OK\r\n$1\r\nv\r\n");
    }
    bytes.extend(request(&["MGET", "key:1", "key:2", "key:3"]));
    wanted.extend_from_slice(b"*3\r\n$1\r\nv\r\n$1\r\nv\r\n$1\r\nv\r\n");
    bytes.extend(b"*2\r\n$3\r\nGET");
    client.send_bytes(&bytes).expect("it reads");
    let socket = client.socket();
    socket.shutdown(Shutdown::Write).expect("it is open");
    let got = read_all(&client);
    assert_eq!(got.len(), wanted.len());
    assert!(got == wanted, "replies differ");
}

#[test]
fn a_client_that_ends_in_a_pause_is_forgotten_after_it() {
    let node = node(&[]);
    let mut other = node.client();
    let pause = other.ask(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    assert_eq!(pause.expect("it answers"), status("OK"));
    let mut client = node.client();
    client.send(&["SET", "k", "v"]).expect("it reads");
    let socket = client.socket();
    socket.shutdown(Shutdown::Write).expect("it is open");
    thread::sleep(Duration::from_millis(100));
    let unpause = other.ask(&["CLIENT", "UNPAUSE"]);
    assert_eq!(unpause.expect("it answers"), status("OK"));
    assert_eq!(read_all(&client), b"+OK\r\n");
    let start = Instant::now();
    wait_until("the end of a client", || {
        let listed = other.ask(&["CLIENT", "LIST"]).expect("it answers");
        listed.lines().len() <= 2
    });
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn readers_that_never_read_cost_a_bounded_amount_also_over_two_cores() {
    const READERS: usize = 4;
    /// Per reader: 64 MB of unsent replies and the smaller buffers they grew
    /// out of, and 32 MB of unknown size on their way in three places.
    const GROWTH_BYTES_MAX: u64 = (READERS as u64 * (2 * 64 + 3 * 32)) << 20;
    let node = node(&[]);
    let mut client = node.client();
    let value = "v".repeat(1 << 20);
    for key in keys(8) {
        let set = client.ask(&["SET", &key, &value]);
        assert_eq!(set.expect("it answers"), status("OK"));
    }
    let before = resident_bytes(node.id());
    let gets: Vec<u8> = keys(8)
        .iter()
        .flat_map(|key| request(&["GET", key]))
        .collect();
    let mut readers: Vec<Connection> = (0..READERS).map(|_| node.client()).collect();
    for reader in &mut readers {
        reader.send_bytes(&gets.repeat(100)).expect("it reads");
    }
    for _ in 0..50 {
        assert_eq!(client.ask(&["PING"]).expect("it answers"), status("PONG"));
        thread::sleep(Duration::from_millis(10));
    }
    let growth = resident_bytes(node.id()).saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "{} MB are held", growth >> 20);
    // Who reads after all is served to the end.
    for number in 0..800 {
        let reply = readers[0].read().expect("it answers");
        assert!(reply == bulk(&value), "reply {number} differs");
    }
}
