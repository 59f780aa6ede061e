//! A rewrite of the append-only file that is not wanted any more.

use std::time::{Duration, Instant};

use crate::aof::{ON, end};
use crate::wire::Reply;
use crate::{Side, data_folder, status};

#[test]
fn a_rewrite_ends_with_the_file_and_the_next_one_is_whole() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, ON);
    side.tell("DEBUG POPULATE 1000 key 50");
    side.tell("CONFIG SET rdb-key-save-delay 100000");
    side.tell("BGREWRITEAOF");
    assert_eq!(side.told("aof_rewrite_in_progress"), "1");
    let start = Instant::now();
    assert_eq!(side.tell("CONFIG SET appendonly no"), status("OK"));
    while side.told("aof_rewrite_in_progress") == "1" {
        assert!(start.elapsed() < Duration::from_secs(10), "it goes on");
    }
    side.tell("CONFIG SET rdb-key-save-delay 0");
    side.tell("SET between 1");
    side.tell("CONFIG SET appendonly yes");
    let manifest = folder.path().join("appendonlydir/appendonly.aof.manifest");
    let has_next = || {
        let text = std::fs::read_to_string(&manifest).unwrap_or_default();
        text.contains("seq 2 type b")
    };
    while !has_next() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it does not begin"
        );
    }
    side.tell("SET after 1");
    std::thread::sleep(Duration::from_millis(100));
    end(side);
    let mut again = Side::basalt(folder.path(), 2, ON);
    assert_eq!(again.tell("DBSIZE"), Reply::Integer(1002));
}
