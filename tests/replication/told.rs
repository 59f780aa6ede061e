//! What a primary tells of its stream and of a file on its way, and when.

use std::io::Read as _;
use std::thread;
use std::time::{Duration, Instant};

use crate::Side;
use crate::wire::{Connection, Reply};

/// The offset that ROLE tells.
fn role_offset(side: &mut Side) -> u64 {
    let Reply::Array(role) = side.ask("ROLE") else {
        panic!("it has a role");
    };
    let Some(Reply::Integer(offset)) = role.get(1) else {
        panic!("{role:?}");
    };
    *offset as u64
}

#[test]
fn what_a_client_has_written_is_in_the_offset_that_it_hears() {
    for shards in [1, 3] {
        let mut primary = Side::primary(shards, &[]);
        let mut replica = Side::stock(&[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        // The first says its database, too.
        primary.ask("SET key:000 v");
        let mut before = primary.offset();
        for number in 0..300 {
            let key = format!("key:{number:03}");
            let len = crate::wire::request(&["SET", &key, "v"]).len() as u64;
            primary.ask(&format!("SET {key} v"));
            let after = match number % 2 {
                0 => primary.offset(),
                _ => role_offset(&mut primary),
            };
            assert_eq!(after, before + len, "{shards} shards, {key}");
            before = after;
        }
        // Also when all come at once.
        let mut bytes = Vec::new();
        for number in 0..100 {
            bytes.extend(crate::wire::request(&["SET", &format!("{number:03}"), "v"]));
        }
        bytes.extend(crate::wire::request(&["ROLE"]));
        primary.client.send_bytes(&bytes).expect("it listens");
        for _ in 0..100 {
            primary.client.read().expect("it answers");
        }
        let Ok(Reply::Array(role)) = primary.client.read() else {
            panic!("it has a role");
        };
        let len = crate::wire::request(&["SET", "000", "v"]).len() as u64;
        let expected = Reply::Integer((before + 100 * len) as i64);
        assert_eq!(role.get(1), Some(&expected), "{shards} shards");
    }
}

/// What has come by then, or until the other end closed.
pub fn come_in(connection: &Connection, time: Duration) -> Vec<u8> {
    let timeout = Some(Duration::from_millis(50));
    let mut socket = connection.socket();
    socket.set_read_timeout(timeout).expect("it can be set");
    let (mut all, began) = (Vec::new(), Instant::now());
    while began.elapsed() < time {
        let mut bytes = [0; 4096];
        match socket.read(&mut bytes) {
            Ok(0) => break,
            Ok(len) => all.extend_from_slice(&bytes[..len]),
            Err(_) => {}
        }
    }
    all
}

/// One that asks for everything and reads nothing by itself.
pub fn stranger_at(primary: &Side) -> Connection {
    let mut stranger = primary.server.client();
    for words in [
        &["REPLCONF", "capa", "eof", "capa", "psync2"][..],
        &["PSYNC", "?", "-1"],
    ] {
        stranger.send(words).expect("it listens");
    }
    stranger
}

#[test]
fn a_replica_hears_at_once_that_a_file_comes() {
    let slow = "rdb-key-save-delay 1000000";
    for (way, head) in [
        ("repl-diskless-sync yes", "$EOF:"),
        ("repl-diskless-sync no", ""),
    ] {
        let mut primary = Side::primary(2, &[slow, way]);
        primary.ask("DEBUG POPULATE 100 key 50");
        let stranger = stranger_at(&primary);
        let come = come_in(&stranger, Duration::from_secs(1));
        let text = String::from_utf8_lossy(&come);
        let text = text.trim_start_matches("+OK\r\n").trim_start_matches('\n');
        let (answer, rest) = text.split_once("\r\n").expect("it has an answer");
        assert!(answer.starts_with("+FULLRESYNC "), "{way}: {text}");
        assert!(
            rest.trim_start_matches('\n').starts_with(head),
            "{way}: {text}"
        );
        assert!(!text.contains("REDIS"), "{way}: {text}");
        assert!(
            primary.told("slave0").contains("state=wait_bgsave"),
            "{way}"
        );
    }
}

#[test]
fn a_replica_that_is_frozen_in_a_transfer_is_let_go_by_the_timeout_of_now() {
    let mut primary = Side::primary(2, &["rdbcompression no"]);
    primary.ask("DEBUG POPULATE 60000 key 1000");
    let _frozen = stranger_at(&primary);
    primary.wait_until("the transfer has begun", |side| {
        side.told("rdb_bgsave_in_progress") == "1"
    });
    thread::sleep(Duration::from_millis(500));
    assert_eq!(primary.told("connected_slaves"), "1");
    primary.ask("CONFIG SET repl-timeout 1");
    primary.wait_until("it is gone", |side| side.told("connected_slaves") == "0");
    primary.wait_until("the log says why", |side| {
        let why = "Disconnecting timedout replica (full sync): 127.0.0.1:";
        side.server.log().contains(why)
    });
    primary.wait_until("the snapshot has ended", |side| {
        side.told("rdb_bgsave_in_progress") == "0"
    });
}

#[test]
fn a_node_that_sleeps_says_nothing_to_its_replicas() {
    let mut primary = Side::primary(2, &["repl-ping-replica-period 1"]);
    let mut replica = Side::basalt(2, &["repl-timeout 2"]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    primary.wait_until("it is online", |side| {
        side.told("slave0").contains("state=online")
    });
    let mut sleeper = primary.server.client();
    sleeper.send(&["DEBUG", "SLEEP", "4"]).expect("it listens");
    replica.wait_until("it notices", |side| {
        side.server
            .log()
            .contains("MASTER timeout: no data nor PING received")
    });
    replica.wait_until_linked();
    assert_eq!(primary.told("sync_full"), "1");
}

#[test]
fn a_replica_that_asks_for_more_than_the_stream_is_let_go() {
    let mut primary = Side::primary(2, &[]);
    primary.ask("SET k v");
    for (request, name) in [
        (&["PING"][..], "ping"),
        (&["XINFO", "HELP"], "xinfo|help"),
        (&["GET", "k"], "get"),
        (&["NONSENSE"], "unknown command"),
    ] {
        let mut stranger = primary.server.client();
        stranger.send(&["SYNC"]).expect("it listens");
        stranger.send(request).expect("it listens");
        let line = format!("Replica generated a reply to command '{name}', disconnecting it: 127");
        primary.wait_until("it is let go", |side| {
            side.server.log().contains(&line) && side.told("connected_slaves") == "0"
        });
        let come = come_in(&stranger, Duration::from_secs(5));
        let text = String::from_utf8_lossy(&come);
        assert!(!text.contains("PONG") && !text.contains("-ERR"), "{text}");
    }
    let refused = primary.ask("PSYNC ? x");
    assert_eq!(
        refused,
        crate::error("ERR value is not an integer or out of range")
    );
    primary.wait_until("the log says it", |side| {
        let log = side.server.log();
        log.contains("asks for synchronization but with a wrong offset")
    });
}

#[test]
fn who_comes_while_a_file_is_written_for_another_gets_that_too() {
    let settings = ["repl-diskless-sync no", "rdb-key-save-delay 100000"];
    let mut primary = Side::primary(2, &settings);
    primary.ask("DEBUG POPULATE 30 key 50");
    let mut replicas = [Side::stock(&[]), Side::basalt(2, &[])];
    for replica in &mut replicas {
        replica.follow(primary.port());
        primary.wait_until("its file is written", |side| {
            side.told("rdb_bgsave_in_progress") == "1"
        });
        primary.ask("INCR count");
    }
    for replica in &mut replicas {
        replica.wait_until_linked();
        crate::settle(&mut primary, replica);
    }
    assert_eq!(primary.told("sync_full"), "2");
    let log = primary.server.log();
    let begun = log.matches("Starting BGSAVE for SYNC").count();
    assert_eq!(begun, 1, "{log}");
}
