//! A large value is in the file as it was at the cut, whatever becomes of it while it is saved.

use std::time::Instant;

use crate::wire::Reply;
use crate::{PATIENCE, Side, data_folder, status};

/// Words parted by blanks.
fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// Makes `big` of these lines, and `copy`, saves, and sends `changes` by turns until the file is
/// written, and `fate` in the midst of it. Stock loads the file, in which both are the same.
fn check(fill: &[String], changes: &[&str], fate: &str, is_ordered: bool) {
    let folder = data_folder();
    let mut ours = Side::basalt(folder.path(), 2, &["appendonly no"]);
    ours.tell("SELECT 1");
    for part in fill.chunks(500) {
        for line in part {
            ours.client.send(&words(line)).expect("it takes requests");
        }
        for line in part {
            let reply = ours.client.read().expect("it answers");
            assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
        }
    }
    ours.tell("COPY big copy");
    let begins = status("Background saving started");
    // Nothing comes between.
    let at_once = changes.iter().cycle().take(40);
    ours.client.send(&["BGSAVE"]).expect("it takes requests");
    for line in at_once.clone() {
        ours.client.send(&words(line)).expect("it takes requests");
    }
    ours.client.send(&words(fate)).expect("it takes requests");
    assert_eq!(ours.client.read().expect("it answers"), begins);
    for line in at_once.chain([&fate]) {
        let reply = ours.client.read().expect("it answers");
        assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    }
    let start = Instant::now();
    while ours.told("rdb_bgsave_in_progress") != "0" {
        changes.iter().for_each(|line| drop(ours.ask(line)));
        assert!(start.elapsed() < PATIENCE, "{}", ours.log());
    }
    assert_eq!(ours.told("rdb_last_bgsave_status"), "ok", "{}", ours.log());
    drop(ours);
    let mut stock = Side::stock(folder.path(), &["proto-max-bulk-len 1gb"]);
    stock.tell("SELECT 1");
    assert_eq!(stock.tell("DBSIZE"), Reply::Integer(2), "{fate}");
    let same = if is_ordered {
        stock.tell("DUMP big") == stock.tell("DUMP copy")
    } else {
        let Reply::Array(digests) = stock.tell("DEBUG DIGEST-VALUE big copy") else {
            panic!("DEBUG DIGEST-VALUE answers with an array");
        };
        digests[0] == digests[1]
    };
    assert!(same, "what was saved is not what there was: {fate}");
}

fn many(line: impl Fn(usize) -> String, count: usize) -> Vec<String> {
    (0..count).map(line).collect()
}

#[test]
fn a_list_is_saved_as_it_was() {
    let fill = many(
        |at| format!("RPUSH big element:{at} some:{} {at}", at % 7),
        60_000,
    );
    let changes = [
        "LSET big 90000 another",
        "LPUSH big first",
        "RPUSH big last",
        "LPOP big 3",
        "RPOP big",
        "LINSERT big BEFORE element:3000 new",
        "LREM big 1 element:50000",
        "LREM big -2 some:3",
        "LTRIM big 5 -5",
        "LMOVE big big LEFT RIGHT",
    ];
    for fate in [
        "PING",
        "DEL big",
        "UNLINK big",
        "RENAME big elsewhere",
        "RENAME copy big",
        "SET big short",
        "LTRIM big 100000 100010",
        "LTRIM big 1 0",
        "LREM big 0 some:1",
        "COPY big third",
        "PEXPIRE big 1",
        "SORT big ALPHA LIMIT 0 5 STORE big",
        "FLUSHDB ASYNC",
        "FLUSHDB SYNC",
        "SWAPDB 0 1",
        "MOVE big 2",
    ] {
        check(&fill, &changes, fate, true);
    }
}

#[test]
fn a_stream_is_saved_as_it_was() {
    let mut fill = many(
        |at| format!("XADD big 1-{} field value:{at}", at + 1),
        40_000,
    );
    fill.push("XGROUP CREATE big group 0".to_owned());
    fill.push("XREADGROUP GROUP group alice COUNT 3000 STREAMS big >".to_owned());
    fill.push("XREADGROUP GROUP group bob COUNT 10 STREAMS big >".to_owned());
    let changes = [
        "XADD big * field other",
        "XDEL big 1-20000 1-1 1-39999",
        "XTRIM big MAXLEN ~ 39500",
        "XTRIM big MINID 1-700",
        "XREADGROUP GROUP group bob COUNT 5 STREAMS big >",
        "XACK big group 1-5 1-6",
        "XCLAIM big group carol 0 1-100",
        "XREADGROUP GROUP group alice COUNT 3 STREAMS big 1-300",
        "XACK big group 1-2900 1-10 1-1",
        "XAUTOCLAIM big group carol 0 1-2000 COUNT 5",
    ];
    for fate in [
        "PING",
        "DEL big",
        "RENAME big elsewhere",
        "XTRIM big MAXLEN 10",
        "XGROUP DESTROY big group",
        "XGROUP DELCONSUMER big group alice",
        "XGROUP CREATE big other 0",
        "SET big short",
        "FLUSHDB SYNC",
    ] {
        check(&fill, &changes, fate, true);
    }
}

#[test]
fn a_long_text_is_saved_as_it_was() {
    let filled = format!("SETRANGE big 40000000 {}", "x".repeat(1000));
    let fill = [filled, "SETRANGE big 20000000 abc".to_owned()];
    let changes = [
        "SETRANGE big 30000000 abcdef",
        "SETRANGE big 39999999 y",
        "APPEND big tail",
        "SETBIT big 80000000 1",
        "BITFIELD big SET u8 400000 200 INCRBY i16 300000000 7",
    ];
    for fate in [
        "PING",
        "DEL big",
        "SET big short",
        "RENAME big elsewhere",
        "RENAME copy big",
        "BITOP NOT big big",
        "GETDEL big",
        "PEXPIRE big 1",
        "FLUSHDB SYNC",
        "MOVE big 2",
        "COPY big third",
    ] {
        check(&fill, &changes, fate, true);
    }
}

#[test]
fn values_without_order_are_saved_as_they_were() {
    let hash = many(|at| format!("HSET big field:{at} {at}"), 60_000);
    let set = many(|at| format!("SADD big member:{at}"), 60_000);
    let zset = many(|at| format!("ZADD big {at} member:{at}"), 60_000);
    let of_hash = ["HSET big field:9 x", "HDEL big field:500", "HSET big new 1"];
    let of_set = ["SADD big new", "SREM big member:9", "SPOP big"];
    let of_zset = ["ZADD big 7 member:9000", "ZPOPMIN big", "ZREM big member:7"];
    for fate in ["PING", "DEL big", "RENAME big elsewhere", "FLUSHDB SYNC"] {
        check(&hash, &of_hash, fate, false);
        check(&set, &of_set, fate, false);
        check(&zset, &of_zset, fate, false);
    }
}

#[test]
fn a_long_field_of_a_large_hash_goes_to_its_database() {
    let mut fill = many(|at| format!("HSET big field:{at} {at}"), 30_000);
    fill.push(format!("HSET big long {}", "abcdefgh".repeat(50_000)));
    check(&fill, &["HSET big field:1 x"], "PING", false);
}
