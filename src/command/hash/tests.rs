//! What the hash commands promise, as requests and replies, and the deadlines of
//! fields with a clock that moves when told.

use crate::command::check::{Node, START_MS, check};

/// Plays requests, lets the time pass, and plays others.
#[track_caller]
fn check_after(ms: u64, before: &str, after: &str, replies: &str) {
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        node.play(before);
        node.clock.now += ms;
        assert_eq!(node.play(after), replies, "with {shards} shards");
    }
}

#[test]
fn fields_are_set_read_and_removed() {
    check("HSET h a 1 b 2; HSET h a 3 c 4; HLEN h", "2; 1; 3");
    check(
        "HSET h a 1 b x; HGET h a; HMGET h b z; HGETALL h",
        "2; 1; [x nil]; [a 1 b x]",
    );
    check(
        "HSET h a 1 b 2; HDEL h a z; HDEL h b; EXISTS h",
        "2; 1; 1; 0",
    );
    check("HSETNX h a 1; HSETNX h a 2; HGET h a", "1; 0; 1");
    check(
        "HSET h a",
        "ERR wrong number of arguments for 'hset' command",
    );
}

#[test]
fn a_refused_sum_makes_no_key() {
    check(
        "HINCRBY h f x; HINCRBYFLOAT h f inf; EXISTS h",
        "ERR value is not an integer or out of range; ERR value is NaN or Infinity; 0",
    );
}

#[test]
fn an_expired_field_is_not_there() {
    let before = "HSET h a 1 b 2; HPEXPIRE h 10 FIELDS 1 a";
    check_after(10, before, "HGET h a; HLEN h", "1; 2");
    check_after(11, before, "HGET h a; HLEN h; HKEYS h", "nil; 1; [b]");
    check_after(11, before, "HSETNX h a 3; HTTL h FIELDS 1 a", "1; [-1]");
    check_after(11, before, "HDEL h a; HINCRBY h a 5", "0; 5");
}

#[test]
fn a_key_goes_with_its_last_expired_field() {
    let before = "HSET h a 1; HPEXPIRE h 10 FIELDS 1 a";
    check_after(11, before, "HLEN h; EXISTS h", "0; 0");
}

#[test]
fn a_deadline_travels_with_the_key() {
    let before = "HSET {h} a 1 b 2; HPEXPIRE {h} 10 FIELDS 1 a";
    check_after(
        11,
        &format!("{before}; RENAME {{h}} i"),
        "HGETALL i",
        "[b 2]",
    );
    check_after(
        11,
        &format!("{before}; COPY {{h}} i"),
        "HGETALL i; HGETALL {h}",
        "[b 2]; [b 2]",
    );
}

#[test]
fn setting_clears_a_deadline_and_adding_keeps_it() {
    check(
        "HSET h a 1; HEXPIRE h 9 FIELDS 1 a; HINCRBY h a 1; HTTL h FIELDS 1 a; HSET h a 1; \
         HTTL h FIELDS 1 a",
        "1; [1]; 2; [9]; 0; [-1]",
    );
}

#[test]
fn hexpire_obeys_its_condition() {
    check(
        "HSET h a 1; HEXPIRE h 9 XX FIELDS 1 a; HEXPIRE h 9 GT FIELDS 1 a; \
         HEXPIRE h 9 LT FIELDS 1 a; HEXPIRE h 5 NX FIELDS 1 a; HEXPIRE h 9 GT FIELDS 1 a; \
         HEXPIRE h 10 GT FIELDS 2 a z; HTTL h FIELDS 1 a",
        "1; [0]; [0]; [1]; [0]; [0]; [1 -2]; [10]",
    );
    check(
        "HSET h a 1; HEXPIREAT h 1 FIELDS 1 a; EXISTS h",
        "1; [2]; 0",
    );
}

#[test]
fn hsetex_and_hgetex_set_deadlines() {
    check(
        "HSETEX h EX 9 FIELDS 2 a 1 b 2; HTTL h FIELDS 2 a b; HSETEX h FNX FIELDS 1 a 3; \
         HSETEX h FXX KEEPTTL FIELDS 1 a 3; HTTL h FIELDS 1 a; HGETEX h PERSIST FIELDS 1 a; \
         HTTL h FIELDS 2 a b; HGETDEL h FIELDS 3 a b c; EXISTS h",
        "1; [9 9]; 0; 1; [9]; [3]; [-1 9]; [3 2 nil]; 0",
    );
    let moment = START_MS + 5;
    check(
        &format!("HSET h a 1; HGETEX h PXAT {moment} FIELDS 1 a; HPEXPIRETIME h FIELDS 1 a"),
        &format!("1; [1]; [{moment}]"),
    );
}
