//! Replies to bytes, in both protocols, and back.

use crate::resp::{Refusal, Reply, Value, Version, parse_reply};
use proptest::prelude::*;

fn check(write: impl Fn(&mut Reply<'_>), two: &str, three: &str) {
    for (version, expected) in [(Version::Two, two), (Version::Three, three)] {
        let mut out = b"before".to_vec();
        write(&mut Reply::new(&mut out, version));
        let text = String::from_utf8(out).expect("ASCII");
        assert_eq!(text, format!("before{expected}"), "{version:?}");
    }
}

fn same(write: impl Fn(&mut Reply<'_>), expected: &str) {
    check(write, expected, expected);
}

#[test]
fn lines_stay_lines() {
    same(|reply| reply.ok(), "+OK\r\n");
    same(|reply| reply.simple("a\r\nb"), "+a  b\r\n");
    same(|reply| reply.error("ERR a\nb"), "-ERR a b\r\n");
    same(
        |reply| reply.refuse(&Refusal::Syntax),
        "-ERR syntax error\r\n",
    );
}

#[test]
fn numbers_and_strings_have_their_lengths() {
    same(|reply| reply.int(0), ":0\r\n");
    same(|reply| reply.int(9), ":9\r\n");
    same(|reply| reply.int(10), ":10\r\n");
    same(|reply| reply.int(i64::MIN), ":-9223372036854775808\r\n");
    same(|reply| reply.bulk(b""), "$0\r\n\r\n");
    same(|reply| reply.bulk_int(-12), "$3\r\n-12\r\n");
    for len in [9, 10, 99, 100, 12345] {
        let text = "x".repeat(len);
        same(|reply| reply.text(&text), &format!("${len}\r\n{text}\r\n"));
    }
}

#[test]
fn types_of_resp3_have_their_forms_in_resp2() {
    check(|reply| reply.null(), "$-1\r\n", "_\r\n");
    check(|reply| reply.null_array(), "*-1\r\n", "_\r\n");
    check(|reply| reply.map(2), "*4\r\n", "%2\r\n");
    check(|reply| reply.set(2), "*2\r\n", "~2\r\n");
    check(|reply| reply.push(3), "*3\r\n", ">3\r\n");
    check(|reply| reply.bool(true), ":1\r\n", "#t\r\n");
    check(|reply| reply.bool(false), ":0\r\n", "#f\r\n");
    check(|reply| reply.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
    check(
        |reply| reply.double(f64::NEG_INFINITY),
        "$4\r\n-inf\r\n",
        ",-inf\r\n",
    );
    check(|reply| reply.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
    check(
        |reply| reply.verbatim("txt", b"abc"),
        "$3\r\nabc\r\n",
        "=7\r\ntxt:abc\r\n",
    );
}

#[test]
fn a_collection_may_be_counted_after_its_members() {
    check(
        |reply| {
            let outer = reply.deferred();
            reply.int(1);
            let inner = reply.deferred();
            reply.int(2);
            reply.int(3);
            reply.fill_map(inner, 1);
            reply.fill_array(outer, 2);
        },
        "*2\r\n:1\r\n*2\r\n:2\r\n:3\r\n",
        "*2\r\n:1\r\n%1\r\n:2\r\n:3\r\n",
    );
    check(
        |reply| {
            let mark = reply.deferred();
            reply.fill_set(mark, 0);
        },
        "*0\r\n",
        "~0\r\n",
    );
}

#[test]
fn only_what_this_reply_wrote_is_counted_and_taken_back() {
    let mut out = b"before".to_vec();
    let mut reply = Reply::new(&mut out, Version::Two);
    reply.ok();
    let kept = reply.len_so_far();
    reply.int(5);
    reply.truncate(kept);
    assert_eq!(reply.written(), b"+OK\r\n");
    assert_eq!(out, b"before+OK\r\n");
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bulk),
        (-1e300..1e300).prop_map(Value::Double),
        "[ -~]{0,20}".prop_map(Value::Simple),
        proptest::collection::vec(any::<u8>(), 0..30)
            .prop_map(|bytes| Value::Verbatim("txt".into(), bytes)),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 30, 6, |inner| {
        let members = || proptest::collection::vec(inner.clone(), 0..12);
        prop_oneof![
            members().prop_map(Value::Array),
            members().prop_map(Value::Set),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..6).prop_map(Value::Map),
        ]
    })
}

fn write(reply: &mut Reply<'_>, value: &Value) {
    match value {
        Value::Int(int) => reply.int(*int),
        Value::Bool(bool) => reply.bool(*bool),
        Value::Bulk(bytes) => reply.bulk(bytes),
        Value::Double(double) => reply.double(*double),
        Value::Simple(text) => reply.simple(text),
        Value::Verbatim(format, bytes) => reply.verbatim(format, bytes),
        Value::Array(members) => {
            reply.array(members.len());
            members.iter().for_each(|member| write(reply, member));
        }
        Value::Set(members) => {
            let mark = reply.deferred();
            members.iter().for_each(|member| write(reply, member));
            reply.fill_set(mark, members.len());
        }
        Value::Map(pairs) => {
            let mark = reply.deferred();
            for (key, value) in pairs {
                write(reply, key);
                write(reply, value);
            }
            reply.fill_map(mark, pairs.len());
        }
        _ => reply.null(),
    }
}

proptest! {
    #[test]
    fn what_is_written_in_resp3_is_read_back(value in tree()) {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, Version::Three), &value);
        prop_assert_eq!(parse_reply(&out), Some((value, out.len())));
    }
}
