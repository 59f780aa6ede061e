//! What is recorded of things that happen by themselves, and what a file does not
//! tell: when a key was used.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::aof::{ON, end};
use crate::wire::Reply;
use crate::{Side, data_folder, patient};

#[test]
fn a_key_that_is_over_when_who_waits_for_it_is_looked_at_is_recorded_to_go() {
    for shards in [1, 3] {
        let folder = data_folder();
        let mut side = Side::basalt(folder.path(), shards, ON);
        side.tell("DEBUG SET-ACTIVE-EXPIRE 0");
        let mut waiting = patient(&side.server);
        waiting.send(&["BRPOP", "k", "0"]).expect("it is open");
        while side.told("blocked_clients") != "1" {
            thread::sleep(Duration::from_millis(1));
        }
        side.tell("SELECT 1");
        side.tell("RPUSH k hello");
        side.tell("PEXPIRE k 1");
        thread::sleep(Duration::from_millis(20));
        side.tell("SWAPDB 0 1");
        assert_eq!(side.told("blocked_clients"), "1", "it is over");
        assert_eq!(side.told("expired_keys"), "1");
        // Nobody asks for it, and the file tells all the same.
        thread::sleep(Duration::from_millis(50));
        let increment = folder
            .path()
            .join("appendonlydir/appendonly.aof.1.incr.aof");
        let bytes = fs::read(increment).expect("it is there");
        assert!(
            bytes.ends_with(b"$3\r\nDEL\r\n$1\r\nk\r\n"),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn a_key_that_comes_from_the_file_was_used_just_now() {
    for policy in ["allkeys-lru", "allkeys-lfu"] {
        let folder = data_folder();
        let policy_line = format!("maxmemory-policy {policy}");
        let settings = [ON, &[&*policy_line]].concat();
        let mut side = Side::basalt(folder.path(), 2, &settings);
        for line in ["SET k v", "APPEND k w", "RPUSH l 1", "COPY k c"] {
            side.tell(line);
        }
        end(side);
        let mut side = Side::basalt(folder.path(), 2, &settings);
        for key in ["k", "l", "c"] {
            let (line, most) = match policy {
                "allkeys-lru" => (format!("OBJECT IDLETIME {key}"), 10),
                _ => (format!("OBJECT FREQ {key}"), 5),
            };
            let Reply::Integer(told) = side.tell(&line) else {
                panic!("{line} is a number");
            };
            assert!((0..=most).contains(&told), "{line}: {told}");
            assert!(policy == "allkeys-lru" || told == 5, "{line}: {told}");
        }
    }
}
