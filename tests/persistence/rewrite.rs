//! Rewrites of the append-only file: when they begin, and what becomes of those that
//! are not wanted any more or fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::aof::{ON, end};
use crate::wire::Reply;
use crate::{PATIENCE, Side, data_folder, error, status};

/// Waits for something that is sure to come.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not yet: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn manifest(folder: &Path) -> String {
    let path = folder.join("appendonlydir/appendonly.aof.manifest");
    fs::read_to_string(path).unwrap_or_default()
}

/// Where a rewrite writes, which fails while a directory is there.
fn block_rewrites(side: &Side, folder: &Path) -> PathBuf {
    let path = folder.join(format!("temp-rewriteaof-bg-{}.aof", side.server.id()));
    fs::create_dir(&path).expect("nothing is there");
    path
}

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

#[test]
fn a_rewrite_waits_for_a_save_and_is_not_begun_twice() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, ON);
    side.tell("SET k v");
    side.tell("CONFIG SET rdb-key-save-delay 10000000");
    side.tell("BGSAVE");
    let scheduled = status("Background append only file rewriting scheduled");
    assert_eq!(side.tell("BGREWRITEAOF"), scheduled);
    assert_eq!(side.told("aof_rewrite_scheduled"), "1");
    assert_eq!(side.told("aof_rewrite_in_progress"), "0");
    side.tell("CONFIG SET rdb-key-save-delay 0");
    wait_until("the rewrite", || {
        manifest(folder.path()).contains("seq 2 type b")
    });
    wait_until("its end", || side.told("aof_rewrite_in_progress") == "0");
    assert_eq!(side.told("aof_rewrite_scheduled"), "0");
    assert_eq!(side.told("aof_last_rewrite_time_sec"), "0");
    assert_eq!(side.told("aof_rewrites"), "1");
    side.tell("CONFIG SET rdb-key-save-delay 10000000");
    side.tell("BGREWRITEAOF");
    assert_eq!(
        side.ask("BGREWRITEAOF"),
        error("ERR Background append only file rewriting already in progress")
    );
    assert_ne!(side.told("aof_current_rewrite_time_sec"), "-1");
    side.tell("CONFIG SET appendonly no");
    side.tell("CONFIG SET rdb-key-save-delay 0");
    wait_until("its end", || side.told("aof_rewrite_in_progress") == "0");
    // The same for the base that a new file begins with.
    side.tell("CONFIG SET rdb-key-save-delay 10000000");
    side.tell("BGSAVE");
    side.tell("CONFIG SET appendonly yes");
    assert_eq!(side.told("aof_rewrite_scheduled"), "1");
    side.tell("CONFIG SET appendonly no");
    assert_eq!(side.told("aof_rewrite_scheduled"), "0");
    side.tell("CONFIG SET rdb-key-save-delay 0");
}

#[test]
fn a_file_whose_first_base_fails_begins_when_it_can() {
    let folder = data_folder();
    let mut side = Side::basalt(folder.path(), 2, &["save \"\""]);
    let blocked = block_rewrites(&side, folder.path());
    side.tell("SET early 1");
    side.tell("CONFIG SET appendonly yes");
    // It is tried again by itself, but not for ever.
    wait_until("the limit", || {
        side.log()
            .contains("triggered the limit, will retry in 1 minutes")
    });
    assert_eq!(side.told("aof_rewrites_consecutive_failures"), "3");
    assert_eq!(side.told("aof_last_bgrewrite_status"), "err");
    assert_eq!(manifest(folder.path()), "");
    side.tell("SET between 1");
    fs::remove_dir(blocked).expect("it is there");
    // Who asks need not wait for the minute.
    side.tell("BGREWRITEAOF");
    wait_until("the base", || {
        manifest(folder.path()).contains("seq 1 type i")
    });
    // The control core hears of it behind who wrote the manifest.
    wait_until("the end of the failures", || {
        side.told("aof_rewrites_consecutive_failures") == "0"
    });
    side.tell("SET late 1");
    thread::sleep(Duration::from_millis(50));
    end(side);
    let increment = folder
        .path()
        .join("appendonlydir/appendonly.aof.1.incr.aof");
    let bytes = fs::read(increment).expect("it is there");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("late") && !text.contains("between"), "{text}");
    let mut again = Side::basalt(folder.path(), 1, ON);
    assert_eq!(again.tell("EXISTS early between late"), Reply::Integer(3));
}

#[test]
fn rewrites_that_fail_are_not_begun_by_growth_for_ever() {
    let folder = data_folder();
    let settings = [
        ON,
        &[
            "auto-aof-rewrite-min-size 1kb",
            "auto-aof-rewrite-percentage 1",
        ],
    ];
    let mut side = Side::basalt(folder.path(), 1, &settings.concat());
    block_rewrites(&side, folder.path());
    side.tell(&format!("SET k {}", "x".repeat(2000)));
    wait_until("the limit", || side.log().contains("triggered the limit"));
    let list = manifest(folder.path());
    for _ in 0..50 {
        side.tell(&format!("SET k {}", "x".repeat(2000)));
    }
    thread::sleep(Duration::from_millis(100));
    assert_eq!(side.told("aof_rewrites_consecutive_failures"), "3");
    assert_eq!(side.log().matches("triggered the limit").count(), 1);
    assert_eq!(manifest(folder.path()), list);
}
