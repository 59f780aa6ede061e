//! Digests beside those of stock 7.0.15.

use crate::snapshot::*;

fn check(value: Value<'_>, has_deadline: bool, expected: &str) {
    let digest = digest_of(Digest::default(), value, has_deadline);
    assert_eq!(digest.to_string(), expected, "{value:?}");
}

#[test]
fn texts_have_stocks_digests() {
    check(
        Value::Text(b"hello"),
        false,
        "36b23a1456b2dce2c3ed252c456761301dba8060",
    );
    check(
        Value::Text(b"12345"),
        false,
        "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83",
    );
    check(
        Value::Text(b"12"),
        true,
        "83df3a94c43338a2db2a05ddb5dbb794b842c619",
    );
}

#[test]
fn what_is_joined_twice_is_gone() {
    let mut digest = Digest::default();
    digest.xor(b"a");
    digest.xor(b"b");
    digest.xor(b"a");
    let mut only = Digest::default();
    only.xor(b"b");
    assert_eq!(digest, only);
    assert_eq!(Digest::from_bytes(digest.to_bytes()), digest);
}
