//! Values against plain arrays of registers.

use proptest::prelude::*;

use super::element::{mark, murmur64a};
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
    #![proptest_config(ProptestConfig::with_cases(32))]

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
            let raised = sketch::raise(&mut text, index, rank, sparse_len_max);
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
