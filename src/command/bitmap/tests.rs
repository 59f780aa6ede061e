//! Bitmap commands as a client sees them; answers recorded from stock.

use proptest::prelude::*;

use crate::command::check::{Node, check};

#[test]
fn a_bit_is_set_and_read_and_the_string_grows_to_it() {
    check(
        "SETBIT b 7 1; GET b; SETBIT b 7 0; SETBIT b 100 1; STRLEN b",
        "0; \\x01; 1; 0; 13",
    );
    check(
        "GETBIT b 0; SETBIT b 9 0; STRLEN b; GETBIT b 4294967295",
        "0; 0; 2; 0",
    );
    check("SET n 1; GETBIT n 2; SETBIT n 6 1; GET n", "OK; 1; 0; 3");
    check("SETEX t 9 a; SETBIT t 1 0; TTL t; GET t", "OK; 1; 9; !");
}

#[test]
fn offsets_end_where_strings_do() {
    let refused = "ERR bit offset is not an integer or out of range";
    for request in [
        "SETBIT b 4294967296 3",
        "SETBIT b -1 1",
        "SETBIT b x 1",
        "GETBIT b 4294967296",
        "BITFIELD b GET u8 4294967296",
        "BITFIELD b GET u8 #536870912",
        "BITFIELD b SET u8 #x 7",
        "BITFIELD b GET u8 #9223372036854775807",
    ] {
        check(request, refused);
    }
    check("SETBIT b 0 2", "ERR bit is not an integer or out of range");
    check("SETBIT b 0 01", "ERR bit is not an integer or out of range");
}

#[test]
fn ranges_count_in_bytes_or_bits() {
    check(
        "SET c foobar; BITCOUNT c; BITCOUNT c 5 30 BIT",
        "OK; 26; 17",
    );
    check(
        "SET c foobar; BITCOUNT c -1 -3; BITCOUNT c -100 -50",
        "OK; 0; 4",
    );
    check(
        "SET c x; BITCOUNT c 0; BITCOUNT c 0 1 no",
        "OK; ERR syntax error; ERR syntax error",
    );
    check(
        "BITCOUNT none x; BITPOS none 0 x; BITPOS none 1 x",
        "0; 0; -1",
    );
    check(
        "SET p \"\"; BITPOS p 0; BITPOS p 1; BITPOS p 2",
        "OK; -1; -1; ERR The bit argument must be 1 or 0.",
    );
    check(
        "SET p 1234; BITPOS p 1; BITPOS p 0 0 x no",
        "OK; 2; ERR syntax error",
    );
}

#[test]
fn strings_are_joined_across_cores() {
    check(
        "MSET a abcdef b foobar; BITOP AND d a b; GET d",
        "OK; 6; `bc`ab",
    );
    check(
        "MSET a 123 b 456; BITOP AND d a b; GET d; OBJECT ENCODING d",
        "OK; 3; 002; raw",
    );
    check("SETEX d 9 x; BITOP OR d none; EXISTS d", "OK; 0; 0");
    check("SETEX d 9 x; SET a y; BITOP OR d a; TTL d", "OK; OK; 1; -1");
    check(
        "BITOP NOT d a b",
        "ERR BITOP NOT must be called with a single source key.",
    );
    check("BITOP DIFF d a b", "ERR syntax error");
}

#[test]
fn fields_wrap_saturate_or_fail() {
    check("BITFIELD f SET u8 0 255 INCRBY u8 0 10", "[0 9]");
    check(
        "BITFIELD f OVERFLOW SAT INCRBY u8 0 1000 OVERFLOW fail INCRBY u8 0 1",
        "[255 nil]",
    );
    check("BITFIELD f INCRBY i5 100 1 GET u4 0; STRLEN f", "[1 0]; 14");
    check(
        "BITFIELD f; EXISTS f; BITFIELD f GET u8 0; EXISTS f",
        "[]; 0; [0]; 0",
    );
    check(
        "BITFIELD_RO f SET u8 0 1",
        "ERR BITFIELD_RO only supports the GET subcommand",
    );
    check("BITFIELD f SET u8 0", "ERR syntax error");
    check(
        "BITFIELD f SET u8 0 x",
        "ERR value is not an integer or out of range",
    );
    check(
        "BITFIELD f OVERFLOW no",
        "ERR Invalid OVERFLOW type specified",
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_bitmap_is_a_row_of_booleans(
        sets in proptest::collection::vec((0u32..600, any::<bool>()), 1..60),
    ) {
        let mut node = Node::new(1);
        let mut model: Vec<bool> = Vec::new();
        for (offset, value) in sets {
            let place = offset as usize;
            model.resize(model.len().max((place / 8 + 1) * 8), false);
            let before = std::mem::replace(&mut model[place], value);
            let reply = node.play(&format!("SETBIT k {offset} {}", u8::from(value)));
            prop_assert_eq!(reply, u8::from(before).to_string());
        }
        let ones = model.iter().filter(|bit| **bit).count();
        let first = model.iter().position(|bit| *bit).map_or(-1, |at| at as i64);
        let wanted = format!("{ones}; {first}; {}", model.len() / 8);
        prop_assert_eq!(node.play("BITCOUNT k; BITPOS k 1; STRLEN k"), wanted);
    }
}
