//! HyperLogLog commands as a client sees them; answers recorded from stock.

use crate::command::check::{Node, check};

const REFUSED: &str = "WRONGTYPE Key is not a valid HyperLogLog string value.";

#[test]
fn elements_are_counted_once() {
    check("PFADD h a b c d e f g; PFADD h a b c; PFCOUNT h", "1; 0; 7");
    check("PFADD h; PFADD h; PFCOUNT h; STRLEN h", "1; 0; 0; 18");
    check("PFCOUNT none; PFCOUNT none none", "0; 0");
    check(
        "PFADD h a b c d e f g; PFCOUNT h; GET h",
        "1; 7; HYLL\\x01\\x00\\x00\\x00\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00Fm\\x80V\\x0c\\x80D<\
         \\x848\\x80P\\xb1\\x84I\\x8c\\x80Bm\\x80BZ",
    );
}

#[test]
fn sketches_of_several_cores_are_merged() {
    check(
        "PFADD a foo bar zap a; PFADD b a b c foo; PFADD c x y z; PFCOUNT a b c",
        "1; 1; 1; 9",
    );
    check(
        "PFADD a foo bar zap a; PFADD b a b c foo; PFMERGE d a b; PFCOUNT d",
        "1; 1; OK; 6",
    );
    check("PFMERGE d none; PFCOUNT d; STRLEN d", "OK; 0; 18");
}

#[test]
fn other_strings_are_refused() {
    for request in [
        "PFADD s a",
        "PFCOUNT s",
        "PFCOUNT h s",
        "PFMERGE h s",
        "PFMERGE s h",
    ] {
        check(
            &format!("SET s 12345; {request}"),
            &format!("OK; {REFUSED}"),
        );
        check(&format!("SET s \"\"; {request}"), &format!("OK; {REFUSED}"));
    }
}

#[test]
fn broken_registers_are_refused() {
    for request in [
        &["PFADD", "s", "a"][..],
        &["PFCOUNT", "s"],
        &["PFMERGE", "s"],
    ] {
        let mut node = Node::new(1);
        let broken = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
        node.say(&[&b"SET"[..], b"s", broken]);
        assert_eq!(
            node.say(request),
            "INVALIDOBJ Corrupted HLL object detected"
        );
    }
}

#[test]
fn the_inside_can_be_seen() {
    check(
        "PFADD h a b c; PFDEBUG ENCODING h; PFDEBUG DECODE h; PFDEBUG TODENSE h; PFDEBUG TODENSE h",
        "1; sparse; Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603; 1; 0",
    );
    check(
        "PFADD h a; PFDEBUG TODENSE h; PFDEBUG DECODE h; PFDEBUG encoding h; PFCOUNT h; STRLEN h",
        "1; 1; ERR HLL encoding is not sparse; dense; 1; 12304",
    );
    check(
        "PFDEBUG ENCODING none; PFADD h a; PFDEBUG foo h",
        "ERR The specified key does not exist; 1; ERR Unknown PFDEBUG subcommand 'foo'",
    );
    check("PFSELFTEST", "OK");
}

#[test]
fn a_short_sketch_that_is_looked_at_becomes_raw() {
    let mut node = Node::new(1);
    node.play("PFADD h a; PFCOUNT h");
    for request in ["PFCOUNT h", "PFDEBUG ENCODING h"] {
        let payload = node.ask(&["GET", "h"]);
        let header = payload.iter().position(|byte| *byte == b'\n');
        let text = &payload[header.expect("a bulk has a header") + 1..payload.len() - 2];
        node.say(&[b"SET", b"h".as_slice(), text]);
        assert_eq!(node.play("OBJECT ENCODING h"), "embstr");
        node.play(request);
        assert_eq!(node.play("OBJECT ENCODING h"), "raw", "{request}");
    }
}

#[test]
fn a_short_sketch_that_turns_out_broken_is_raw_all_the_same() {
    let mut node = Node::new(1);
    // A header whose count is not kept, and a run of registers that is cut short.
    let mut text = b"HYLL\x01".to_vec();
    text.resize(15, 0);
    text.extend(b"\x80\x7f");
    node.say(&[b"SET", b"h".as_slice(), &text]);
    assert_eq!(
        node.play("OBJECT ENCODING h; PFCOUNT h; OBJECT ENCODING h"),
        "embstr; INVALIDOBJ Corrupted HLL object detected; raw"
    );
}
