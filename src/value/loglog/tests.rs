//! Values against plain arrays of registers.

use proptest::prelude::*;

use crate::base::crc64;

use super::element::{mark, murmur64a};
use super::sparse::Cursor;
use super::*;

#[test]
fn hashes_are_murmur_hash_64a() {
    // Recorded from stock: see the runs below.
    assert_eq!(mark(b"b"), (15780, 1));
    assert_ne!(murmur64a(b"12345678", 1), murmur64a(b"12345678", 2));
}

#[test]
fn three_elements_give_the_runs_of_stock() {
    let mut text = empty();
    assert_eq!(text, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    for element in [b"a", b"b", b"c"] {
        assert_eq!(add(&mut text, element, 3000), Ok(true));
        assert_eq!(add(&mut text, element, 3000), Ok(false));
    }
    let runs = "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603";
    assert_eq!(describe(&text).as_deref(), Some(runs));
    assert_eq!(count(&text), Ok(3));
    assert_eq!(make_dense(&mut text), Ok(true));
    assert_eq!((text.len(), count(&text)), (12304, Ok(3)));
}

/// The checksums of GET after PFADD of `element:0`, `element:1`, … to stock 7.0.15.
#[test]
fn many_elements_give_the_bytes_of_stock() {
    for (len, sum, counted) in [
        (300, 0x043c_c002_9f99_4037, 301),
        (1000, 0xffc8_6f67_e053_1eff, 997),
        (5000, 0xad82_9a00_0f47_547f, 5005),
        (100_000, 0xeb39_1365_4ccf_d89f, 100_039),
    ] {
        let mut text = empty();
        for number in 0..len {
            let element = format!("element:{number}");
            assert!(add(&mut text, element.as_bytes(), 3000).is_ok());
        }
        forget_count(&mut text);
        assert_eq!((crc64(0, &text), count(&text)), (sum, Ok(counted)), "{len}");
    }
}

#[test]
fn a_count_is_kept_until_it_is_forgotten() {
    let mut text = empty();
    assert_eq!(cached(&text), Some(0));
    remember_count(&mut text, 77);
    assert_eq!(cached(&text), Some(77));
    forget_count(&mut text);
    assert_eq!(cached(&text), None);
}

#[test]
fn what_is_no_value_has_no_encoding() {
    assert_eq!(encoding(b""), None);
    assert_eq!(encoding(b"HYLL"), None);
    assert_eq!(encoding(&[0; 12304]), None);
    let mut text = empty();
    text[4] = 2;
    assert_eq!(encoding(&text), None);
    // Dense, but too short.
    text[4] = 0;
    assert_eq!(encoding(&text), None);
}

#[test]
fn runs_that_do_not_hold_all_registers_are_broken() {
    for runs in [
        &b""[..],
        b"\x7f",
        b"\x7f\xfe",
        b"\x7f\xff\x00",
        b"\x7f\xff\x7f\xff",
    ] {
        let mut text = empty();
        text.truncate(16);
        text.extend_from_slice(runs);
        assert_eq!(count(&text), Err(Broken), "{runs:?}");
        assert_eq!(Union::default().take_in(&text), Err(Broken), "{runs:?}");
        assert_eq!(make_dense(&mut text), Err(Broken), "{runs:?}");
    }
    let mut text = empty();
    text.truncate(16);
    assert_eq!(add(&mut text, b"a", 3000), Err(Broken));
}

#[test]
fn the_self_test_holds() {
    assert!(holds());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn registers_keep_the_highest_rank(
        marks in proptest::collection::vec((0usize..REGISTERS, 1u8..52), 1..400),
        narrow in 1usize..REGISTERS,
        sparse_len_max in 0u64..2000,
    ) {
        let mut text = empty();
        let mut model = vec![0; REGISTERS];
        for (index, rank) in marks {
            let index = index % narrow;
            let raised = sketch::raise(&mut text, &mut Cursor::default(), index, rank, sparse_len_max);
            prop_assert_eq!(raised, Ok(model[index] < rank));
            model[index] = rank.max(model[index]);
        }
        prop_assert_eq!(registers(&text), Ok(model.clone()));
        let sparse_count = count(&text);
        let mut merged = empty();
        let mut union = Union::default();
        prop_assert_eq!(union.take_in(&text), Ok(()));
        prop_assert_eq!(Ok(union.count()), sparse_count);
        prop_assert_eq!(union.merge_into(&mut merged, sparse_len_max), Ok(()));
        prop_assert_eq!(registers(&merged), Ok(model));
        prop_assert!(make_dense(&mut text).is_ok());
        prop_assert_eq!(count(&text), sparse_count);
    }

    /// Few different ranks side by side: runs join and are cut again all the time.
    #[test]
    fn a_cursor_changes_no_byte(
        before in proptest::collection::vec((0usize..300, 1u8..4), 0..300),
        ranks in proptest::collection::vec(0u8..5, 300),
        sparse_len_max in prop_oneof![Just(200u64), Just(3000)],
    ) {
        let mut text = empty();
        for (index, rank) in before {
            prop_assert!(sketch::raise(&mut text, &mut Cursor::default(), index, rank, sparse_len_max).is_ok());
        }
        let mut same = text.clone();
        let mut cursor = Cursor::default();
        for (index, &rank) in ranks.iter().enumerate() {
            let from_cursor = sketch::raise(&mut text, &mut cursor, index, rank, sparse_len_max);
            let from_start = sketch::raise(&mut same, &mut Cursor::default(), index, rank, sparse_len_max);
            prop_assert_eq!(from_cursor, from_start);
            prop_assert_eq!(&text, &same);
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_refused(tail in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut text = empty();
        text.truncate(16);
        text.extend_from_slice(&tail);
        let is_whole = registers(&text).is_ok();
        prop_assert_eq!(count(&text).is_ok(), is_whole);
        let _added_or_refused = add(&mut text, b"element", 3000).is_ok();
        prop_assert!(describe(&text).is_some());
        prop_assert_eq!(make_dense(&mut text).is_ok() , registers(&text).is_ok());
    }
}
