//! What the key commands promise, as requests and replies.

use crate::command::check::{Node, START_MS, check};

#[test]
fn keys_are_counted_each_time_they_are_named() {
    check("MSET a 1 b 2 c 3; EXISTS a b a x", "OK; 3");
    check("MSET a 1 b 2 c 3; DEL a b a x; EXISTS a b c", "OK; 2; 1");
    check("MSET a 1 b 2; UNLINK a x; TOUCH a b b", "OK; 1; 2");
    check("SET a 1; TYPE a; TYPE x", "OK; string; none");
}

#[test]
fn expire_obeys_its_conditions() {
    check(
        "SET k v; EXPIRE k 9 XX; EXPIRE k 9 GT; TTL k",
        "OK; 0; 0; -1",
    );
    check(
        "SET k v; EXPIRE k 9 NX; EXPIRE k 8 NX; TTL k",
        "OK; 1; 0; 9",
    );
    check(
        "SET k v; EXPIRE k 9 LT; EXPIRE k 9 LT; EXPIRE k 9 GT; EXPIRE k 10 xx gt; TTL k",
        "OK; 1; 0; 0; 1; 10",
    );
}

#[test]
fn expire_refuses_options_before_its_number() {
    check("EXPIRE k x FOO", "ERR Unsupported option FOO");
    check(
        "EXPIRE k x NX LT",
        "ERR NX and XX, GT or LT options at the same time are not compatible",
    );
    check(
        "EXPIRE k x GT LT",
        "ERR GT and LT options at the same time are not compatible",
    );
    check(
        "EXPIRE k x; EXPIRE k 9223372036854775",
        "ERR value is not an integer or out of range; \
         ERR invalid expire time in 'expire' command",
    );
    check(
        "PEXPIRE k 9223372036854775807; EXPIREAT k -9223372036854775808",
        "ERR invalid expire time in 'pexpire' command; \
         ERR invalid expire time in 'expireat' command",
    );
}

#[test]
fn a_deadline_that_has_come_deletes() {
    for request in [
        "EXPIRE k 0",
        "EXPIRE k -1",
        "PEXPIRE k -9223372036854775808",
        "EXPIREAT k -5",
        "PEXPIREAT k 1",
        "EXPIRE k -1 LT",
    ] {
        check(
            &format!("SET k v; {request}; GET k; DBSIZE"),
            "OK; 1; nil; 0",
        );
    }
    check("SET k v; EXPIRE k -1 GT; GET k", "OK; 0; v");
    check("EXPIRE x -1", "0");
}

#[test]
fn times_are_told_to_the_nearest_second() {
    check("SET k v; PEXPIRE k 1499; TTL k; PTTL k", "OK; 1; 1; 1499");
    check("SET k v; PEXPIRE k 1500; TTL k", "OK; 1; 2");
    check(
        "SET k v; PEXPIREAT k 33177117420999; EXPIRETIME k; PEXPIRETIME k",
        "OK; 1; 33177117421; 33177117420999",
    );
    check(
        "SET k v; PEXPIREAT k 9223372036854775807; PEXPIRETIME k; PERSIST k; PERSIST k; TTL k",
        "OK; 1; 9223372036854775807; 1; 0; -1",
    );
    check(
        "TTL x; PTTL x; EXPIRETIME x; PEXPIRETIME x",
        "-2; -2; -2; -2",
    );
}

#[test]
fn a_key_past_its_deadline_is_seen_by_nobody() {
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        assert_eq!(node.play("SET k v PX 5"), "OK");
        node.clock.now += 6;
        let replies = node.play("EXISTS k; TYPE k; TTL k; KEYS *; RANDOMKEY; RENAME k j; COPY k j");
        assert_eq!(replies, "0; none; -2; []; nil; ERR no such key; 0");
    }
}

#[test]
fn rename_takes_the_deadline_along_and_replaces() {
    check(
        "SET a v EX 9; SET b w; RENAME a b; GET b; TTL b; EXISTS a",
        "OK; OK; OK; v; 9; 0",
    );
    check(
        "SET a v; RENAME a a; GET a; RENAME x x",
        "OK; OK; v; ERR no such key",
    );
    check(
        "MSET a v b w; RENAMENX a b; RENAMENX a a; RENAMENX a c; GET c; RENAMENX x y",
        "OK; 0; 0; 1; v; ERR no such key",
    );
}

#[test]
fn copy_and_move_reach_other_databases() {
    check(
        "SET a v EX 9; COPY a b; COPY a b; SET a w; COPY a b REPLACE; GET b; TTL b",
        "OK; 1; 0; OK; 1; w; -1",
    );
    check(
        "SET a v EX 9; COPY a a DB 1; MOVE a 1; MOVE a 2; GET a; SELECT 2; GET a; TTL a",
        "OK; 1; 0; 1; nil; OK; v; 9",
    );
    check("COPY x y; MOVE x 1; COPY x y DB 1 REPLACE", "0; 0; 0");
}

#[test]
fn copy_and_move_refuse_places_that_are_none() {
    let same = "ERR source and destination objects are the same";
    let range = "ERR DB index is out of range";
    let integer = "ERR value is not an integer or out of range";
    let small = "ERR value is out of range, value must between -2147483648 and 2147483647";
    for (request, refusal) in [
        ("COPY a a", same),
        ("COPY a a DB 0 REPLACE", same),
        ("MOVE a 0", same),
        ("COPY a b DB 16", range),
        ("MOVE a -1", range),
        ("COPY a b DB x FOO", integer),
        ("MOVE a x", integer),
        ("COPY a b DB 2147483648", small),
        ("MOVE a 2147483648", small),
        ("COPY a b DB", "ERR syntax error"),
        ("COPY a a FOO", "ERR syntax error"),
    ] {
        check(request, refusal);
    }
}

#[test]
fn object_tells_encoding_and_age() {
    check(
        "MSET i 1 s v; OBJECT ENCODING i; OBJECT encoding s; OBJECT ENCODING x",
        "OK; int; embstr; nil",
    );
    check(
        "SET s v; OBJECT REFCOUNT s; OBJECT REFCOUNT x",
        "OK; 1; nil",
    );
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        assert_eq!(node.play("SET k v"), "OK");
        node.clock.now = START_MS + 12_345;
        // Neither OBJECT nor TTL nor EXISTS count as a use; TOUCH does.
        let replies = node.play("EXISTS k; TTL k; OBJECT IDLETIME k; TOUCH k; OBJECT IDLETIME k");
        assert_eq!(replies, "1; -1; 12; 1; 0");
    }
}

#[test]
fn object_freq_needs_an_lfu_policy() {
    check(
        "SET k v; OBJECT FREQ x; OBJECT FREQ k",
        "OK; nil; ERR An LFU maxmemory policy is not selected, access frequency not tracked. \
         Please note that when switching between policies at runtime LRU and LFU data will take \
         some time to adjust.",
    );
    check(
        "OBJECT FOO k",
        "ERR unknown subcommand 'FOO'. Try OBJECT HELP.",
    );
}

/// RESTORE's reply to these words, `PAYLOAD` standing for what DUMP says of
/// the string `v`, and then what OBJECT IDLETIME, GET and PTTL say of `r`.
fn check_restore(words: &str, replies: &str) {
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        node.play("SET source v; SET taken w");
        let payload = node.ask(&["DUMP", "source"]);
        let begin = payload.iter().position(|&byte| byte == b'\n');
        let begin = begin.expect("a text has a header line") + 1;
        let payload = &payload[begin..payload.len() - 2];
        let words: Vec<&[u8]> = words
            .split_ascii_whitespace()
            .map(|word| match word {
                "PAYLOAD" => payload,
                word => word.as_bytes(),
            })
            .collect();
        let mut told = node.say(&words);
        told.push_str("; ");
        told.push_str(&node.play("OBJECT IDLETIME r; GET r; PTTL r"));
        assert_eq!(told, replies, "with {shards} shards");
    }
}

#[test]
fn a_dumped_string_is_restored() {
    check_restore("RESTORE r 0 PAYLOAD", "OK; 0; v; -1");
    check_restore("RESTORE r 0 PAYLOAD IDLETIME 77", "OK; 77; v; -1");
    check_restore("RESTORE r 0 PAYLOAD FREQ 77 absttl", "OK; 0; v; -1");
    check_restore("RESTORE r 500 PAYLOAD", "OK; 0; v; 500");
    check_restore("RESTORE r 1700000000400 PAYLOAD ABSTTL", "OK; 0; v; 400");
    check("DUMP x", "nil");
}

#[test]
fn a_restored_deadline_that_has_come_leaves_nothing() {
    check_restore("RESTORE r 1 PAYLOAD ABSTTL", "OK; nil; nil; -2");
    // A sum beyond 63 bits wraps to a time before 1970.
    check_restore("RESTORE r 9223372036854775807 PAYLOAD", "OK; nil; nil; -2");
    check_restore("RESTORE taken 1 PAYLOAD ABSTTL REPLACE", "OK; nil; nil; -2");
}

#[test]
fn restore_refuses_in_stocks_order() {
    for (words, refusal) in [
        ("RESTORE taken x bad FOO", "ERR syntax error"),
        ("RESTORE taken x bad IDLETIME", "ERR syntax error"),
        ("RESTORE taken x bad FREQ 5 IDLETIME 5", "ERR syntax error"),
        ("RESTORE taken x bad IDLETIME 5 FREQ 5", "ERR syntax error"),
        (
            "RESTORE taken x bad IDLETIME -1",
            "ERR Invalid IDLETIME value, must be >= 0",
        ),
        (
            "RESTORE taken x bad FREQ 256",
            "ERR Invalid FREQ value, must be >= 0 and <= 255",
        ),
        (
            "RESTORE taken x bad FREQ x",
            "ERR value is not an integer or out of range",
        ),
        (
            "RESTORE taken x bad FREQ 1 FREQ 2",
            "BUSYKEY Target key name already exists.",
        ),
        (
            "RESTORE taken x bad REPLACE",
            "ERR value is not an integer or out of range",
        ),
        (
            "RESTORE taken -1 bad REPLACE",
            "ERR Invalid TTL value, must be >= 0",
        ),
        (
            "RESTORE r 0 bad",
            "ERR DUMP payload version or checksum are wrong",
        ),
    ] {
        check_restore(words, &format!("{refusal}; nil; nil; -2"));
    }
}
