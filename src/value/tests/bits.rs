//! Rows of bits, beside a `Vec<bool>`.

use proptest::prelude::*;

use crate::value::bits::*;

fn spread(bytes: &[u8]) -> Vec<bool> {
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |at| byte & (0x80 >> at) != 0));
    bits.collect()
}

fn packed(bits: &[bool]) -> Vec<u8> {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    bits.chunks(8).map(byte).collect()
}

/// Long runs of one value, with a little noise: what makes the fast paths skip and stop.
fn runs() -> impl Strategy<Value = Vec<u8>> {
    let run = (
        prop_oneof![Just(0), Just(0xff_u8), any::<u8>()],
        0_usize..300,
    );
    proptest::collection::vec(run, 0..4).prop_map(|runs| {
        let bytes = runs.into_iter().flat_map(|(byte, len)| vec![byte; len]);
        bytes.collect()
    })
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Byte), Just(Unit::Bit)]
}

/// Answers of stock 7.0.15 about "\xff\xf0\x00" (or what is named).
#[test]
fn positions_are_those_of_bitpos() {
    let text: &[u8] = b"\xff\xf0\x00";
    for (text, value, start, end, unit, expected) in [
        (text, false, None, None, Unit::Byte, Some(12)),
        (text, true, None, None, Unit::Byte, Some(0)),
        (text, true, Some(2), None, Unit::Byte, None),
        (text, true, Some(-2), Some(-1), Unit::Byte, Some(8)),
        (text, false, Some(0), Some(0), Unit::Byte, None),
        (text, false, Some(7), Some(15), Unit::Bit, Some(12)),
        (text, true, Some(12), Some(-1), Unit::Bit, None),
        (text, false, Some(3), None, Unit::Byte, None),
        (text, false, Some(-5), Some(-10), Unit::Byte, None),
        (b"\xff\xff", false, None, None, Unit::Byte, Some(16)),
        (b"\xff\xff", false, Some(1), None, Unit::Byte, Some(16)),
        (b"\xff\xff", false, Some(0), Some(-1), Unit::Byte, None),
        (b"\xff\xff", false, Some(2), None, Unit::Byte, None),
        (b"", false, None, None, Unit::Byte, None),
        (b"", true, None, None, Unit::Byte, None),
    ] {
        let found = position(text, value, start, end, unit);
        assert_eq!(
            found, expected,
            "{text:x?} {value} {start:?} {end:?} {unit:?}"
        );
    }
}

#[test]
fn a_bit_far_beyond_the_text_is_zero() {
    assert!(!bit(b"\xff", 8));
    assert!(!bit(b"\xff", u64::MAX));
}

#[test]
fn a_set_bit_grows_the_text_even_when_it_is_zero() {
    let mut bytes = Vec::new();
    assert!(!set_bit(&mut bytes, 20, false));
    assert_eq!(bytes, [0, 0, 0]);
    assert!(!set_bit(&mut bytes, 20, true));
    assert!(set_bit(&mut bytes, 20, true));
    assert_eq!(bytes, [0, 0, 8]);
}

#[test]
fn no_inputs_make_nothing() {
    let mut out = b"before".to_vec();
    combine(Operation::And, &[], &mut out);
    combine(Operation::Or, &[b"", b""], &mut out);
    assert_eq!(out, b"before");
}

proptest! {
    #[test]
    fn bits_are_set_where_they_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..10), offset in 0_u64..120, value: bool) {
        let mut bits = spread(&bytes);
        let at = offset as usize;
        let before = bits.get(at).copied().unwrap_or(false);
        if bits.len() <= at {
            bits.resize((at / 8 + 1) * 8, false);
        }
        bits[at] = value;
        prop_assert_eq!(bit(&bytes, offset), before);
        prop_assert_eq!(set_bit(&mut bytes, offset, value), before);
        prop_assert_eq!(bytes, packed(&bits));
    }

    #[test]
    fn ones_are_counted(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let ones = spread(&bytes).iter().filter(|&&bit| bit).count();
        prop_assert_eq!(count_ones(&bytes), ones as u64);
    }

    #[test]
    fn ones_are_counted_in_ranges(bytes in runs(), start in -4000_i64..4000, end in -4000_i64..4000, unit in unit()) {
        let range = count_range(bytes.len(), start, end, unit);
        let bits = spread(&bytes);
        let ones = range.clone().map_or(0, |range| {
            bits[range.start as usize..range.end as usize].iter().filter(|&&bit| bit).count()
        });
        prop_assert_eq!(range.map_or(0, |range| count_ones_in(&bytes, range)), ones as u64);
    }

    #[test]
    fn the_first_bit_is_found(bytes in runs(), value: bool, ends in (0.0..1.0, 0.0..1.0)) {
        let bits = spread(&bytes);
        let (start, end) = ((ends.0 * bits.len() as f64) as usize, (ends.1 * bits.len() as f64) as usize);
        let found = (start..end).find(|&at| bits[at] == value);
        prop_assert_eq!(first_in(&bytes, value, start as u64..end as u64), found.map(|at| at as u64));
    }

    #[test]
    fn operations_work_bit_by_bit(inputs in proptest::collection::vec(runs(), 1..5)) {
        let slices: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let len = inputs.iter().map(Vec::len).max().unwrap_or(0);
        let joined = |join: fn(u8, u8) -> u8| -> Vec<u8> {
            let at = |index: usize| inputs.iter().map(move |input| input.get(index).copied().unwrap_or(0));
            (0..len).map(|index| at(index).reduce(join).unwrap_or(0)).collect()
        };
        let combined = |operation, inputs: &[&[u8]]| {
            let mut out = Vec::new();
            combine(operation, inputs, &mut out);
            out
        };
        prop_assert_eq!(combined(Operation::And, &slices), joined(|left, right| left & right));
        prop_assert_eq!(combined(Operation::Or, &slices), joined(|left, right| left | right));
        prop_assert_eq!(combined(Operation::Xor, &slices), joined(|left, right| left ^ right));
        let inverse: Vec<u8> = slices[0].iter().map(|byte| !byte).collect();
        prop_assert_eq!(combined(Operation::Not, &slices[..1]), inverse);
    }
}

/// Inputs longer than the block that is worked on at a time.
#[test]
fn operations_cross_blocks() {
    let long: Vec<u8> = (0..50_000_u32).map(|at| (at * 7) as u8).collect();
    let short = &long[3..9_000];
    let mut out = Vec::new();
    combine(Operation::Xor, &[short, &long, b"x"], &mut out);
    let at = |input: &[u8], index: usize| input.get(index).copied().unwrap_or(0);
    for (index, &byte) in out.iter().enumerate() {
        assert_eq!(byte, at(short, index) ^ long[index] ^ at(b"x", index));
    }
    assert_eq!(out.len(), long.len());
}
