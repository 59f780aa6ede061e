//! Fields of bits, beside the same read and written bit by bit.

use proptest::prelude::*;

use crate::value::bitfield::{Field, Overflow, Sign};
use crate::value::bits::{bit, set_bit};

const OVERFLOWS: [Overflow; 3] = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail];

fn field(sign: Sign, bits: u8, offset: u64) -> Field {
    Field::new(sign, bits, offset).expect("the test names a field that exists")
}

fn check_set(of: Field, value: i64, expected: [Option<i64>; 3]) {
    for (overflow, expected) in OVERFLOWS.into_iter().zip(expected) {
        let mut bytes = Vec::new();
        let written = of.set(&mut bytes, value, overflow).map(|_| of.get(&bytes));
        assert_eq!(written, expected, "{of:?} {value} {overflow:?}");
    }
}

fn check_increment(of: Field, value: i64, increment: i64, expected: [Option<i64>; 3]) {
    for (overflow, expected) in OVERFLOWS.into_iter().zip(expected) {
        let mut bytes = Vec::new();
        of.set(&mut bytes, value, Overflow::Wrap);
        let sum = of.increment(&mut bytes, increment, overflow);
        assert_eq!(sum, expected, "{of:?} {value} + {increment} {overflow:?}");
        assert_eq!(of.get(&bytes), sum.unwrap_or(value));
    }
}

#[test]
fn widths_have_limits() {
    assert!(Field::new(Sign::Signed, 64, 0).is_some());
    assert!(Field::new(Sign::Unsigned, 63, 0).is_some());
    assert!(Field::new(Sign::Signed, 65, 0).is_none());
    assert!(Field::new(Sign::Unsigned, 64, 0).is_none());
    assert!(Field::new(Sign::Signed, 0, 0).is_none());
    assert!(Field::new(Sign::Signed, 64, u64::MAX - 63).is_none());
}

#[test]
fn numbers_that_fit_are_set_whatever_the_rule() {
    check_set(field(Sign::Signed, 8, 3), -128, [Some(-128); 3]);
    check_set(field(Sign::Unsigned, 8, 3), 255, [Some(255); 3]);
    check_set(field(Sign::Signed, 64, 3), i64::MIN, [Some(i64::MIN); 3]);
    check_set(field(Sign::Unsigned, 63, 3), i64::MAX, [Some(i64::MAX); 3]);
}

/// As stock 7.0.15 answers.
#[test]
fn numbers_that_do_not_fit_follow_the_rule() {
    check_set(field(Sign::Signed, 8, 0), 200, [Some(-56), Some(127), None]);
    check_set(
        field(Sign::Signed, 8, 0),
        -200,
        [Some(56), Some(-128), None],
    );
    check_set(field(Sign::Unsigned, 8, 0), 257, [Some(1), Some(255), None]);
    check_set(
        field(Sign::Unsigned, 8, 0),
        -1,
        [Some(255), Some(255), None],
    );
    let most = Some(i64::MAX);
    let lowest = [Some(0), Some(127), None];
    check_set(field(Sign::Signed, 8, 0), i64::MIN, lowest);
    check_set(
        field(Sign::Signed, 8, 0),
        i64::MIN + 128,
        [Some(-128), Some(-128), None],
    );
    check_set(field(Sign::Unsigned, 63, 0), -1, [most, most, None]);
}

#[test]
fn sums_that_do_not_fit_follow_the_rule() {
    let signed = field(Sign::Signed, 64, 5);
    let (least, most) = (Some(i64::MIN), Some(i64::MAX));
    check_increment(signed, i64::MAX, 1, [least, most, None]);
    check_increment(signed, i64::MIN, -1, [most, least, None]);
    check_increment(signed, i64::MAX, i64::MIN, [Some(-1); 3]);
    let unsigned = field(Sign::Unsigned, 63, 5);
    check_increment(unsigned, i64::MAX, 1, [Some(0), most, None]);
    check_increment(unsigned, 0, -1, [most, Some(0), None]);
    check_increment(unsigned, 5, i64::MIN, [Some(5), Some(0), None]);
    check_increment(field(Sign::Signed, 1, 5), 0, 1, [Some(-1), Some(0), None]);
    check_increment(field(Sign::Unsigned, 1, 5), 1, -1, [Some(0); 3]);
}

#[test]
fn a_failed_write_still_grows_the_text() {
    let mut bytes = Vec::new();
    let set = field(Sign::Unsigned, 2, 15).set(&mut bytes, 4, Overflow::Fail);
    assert_eq!((set, bytes), (None, vec![0, 0, 0]));
}

proptest! {
    #[test]
    fn fields_are_written_bit_by_bit(
        bytes in proptest::collection::vec(any::<u8>(), 0..12),
        bits in 1_u8..=64,
        signed: bool,
        offset in 0_u64..60,
        value: i64,
    ) {
        let sign = if signed { Sign::Signed } else { Sign::Unsigned };
        let bits = if signed { bits } else { bits.min(63) };
        let field = field(sign, bits, offset);
        let places = (0..u64::from(bits)).map(|at| offset + at);

        let number = places.clone().fold(0, |number, at| number << 1 | i128::from(bit(&bytes, at)));
        let is_negative = signed && bit(&bytes, offset);
        let number = if is_negative { number - (1 << bits) } else { number };
        prop_assert_eq!(i128::from(field.get(&bytes)), number);

        let mut expected = bytes.clone();
        for (index, at) in places.enumerate() {
            set_bit(&mut expected, at, value >> (usize::from(bits) - 1 - index) & 1 == 1);
        }
        let mut written = bytes.clone();
        prop_assert_eq!(field.set(&mut written, value, Overflow::Wrap).map(i128::from), Some(number));
        prop_assert_eq!(written, expected);
    }
}
