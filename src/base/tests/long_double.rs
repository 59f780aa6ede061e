//! INCRBYFLOAT's sums, as stock 7.0.15 on x86-64 gave them.

use crate::base::{LongDoubleFault, add_long_double};
use proptest::prelude::*;

#[test]
fn sums_are_those_of_stock() {
    for (first, second, expected) in [
        ("-4454.19", "-8e18", "-8000000000000004454"),
        ("-493e-6", "0", "-0.000493"),
        ("670e4", "9823e-6", "6700000.00982299999986935"),
        ("+50e-26", "+3.799775790188e-781", "0"),
        (
            "8e-2",
            "-5907939229.45763012187769",
            "-5907939229.37763012200593948",
        ),
        ("-109.96", "-0xa968b.9p-40", "-109.96000063109797566"),
        ("0x21.8p-63", "-7030.370057057", "-7030.37005705699999991"),
        ("-0x0503.7438p28", "+172", "-344524554068"),
        ("0x6de7.02p-75", "-1.018864104291886073568e-1056", "0"),
        (
            "3e-2",
            "-0xd3e8951733e1e4813f43d3.806p-37",
            "-1863967097593615.1107177734375",
        ),
        (
            "-12878.4287101524",
            "+9257606630911296.7515367131",
            "9257606630898418.3232421875",
        ),
        (
            "+17.36",
            "+60240796249171",
            "60240796249188.3600006103515625",
        ),
        ("+458.828", "6.281153962000110", "465.10915396200011002"),
        ("4611686018427387906", "39.400", "4611686018427387945.5"),
        ("+1.4", "0.000000000000006", "1.400000000000006"),
        (
            "0x6bddf1d781c008db6b445.215p-11",
            "023.957",
            "3979588833181927847680",
        ),
        (
            "-37e27",
            "0.0000000000087",
            "-36999999999999999999865782272",
        ),
        ("7.43", "-0916e29", "-91599999999999999998881161019392"),
        (
            "-9223372036854775810",
            "-0.0000000000012",
            "-9223372036854775810",
        ),
        ("-9.88625", "+9286.5", "9276.61374999999999957"),
        ("098162.5", "1 ", "not a float"),
        ("+0xfdd2ddf847b469dc3d.4008p8", ".", "not a float"),
        ("1e-4951", "-0x6b41ebf0c.94p-56", "not a float"),
        ("0x", "0x5941d7531ab19bc4b3585fc4.224p1", "not a float"),
        ("1.8e-4951", "+4311.41", "not a float"),
        ("743.98955", "1e-4951", "not a float"),
        ("3.0", "1.1", "4.1"),
        ("10.5", "0.1", "10.6"),
        ("0.1", "0.2", "0.3"),
        ("-0", "0", "0"),
        ("1e-4951", "1", "not a float"),
        ("1.9e-4951", "1", "1"),
        ("1e4932", "1e4932", "not finite"),
    ] {
        let sum = match add_long_double(first.as_bytes(), second.as_bytes()) {
            Ok(text) => String::from_utf8(text).expect("ASCII"),
            Err(LongDoubleFault::NotFinite) => "not finite".into(),
            Err(_) => "not a float".into(),
        };
        assert_eq!(sum, expected, "{first} + {second}");
    }
}

#[test]
fn the_text_that_is_no_float_is_named() {
    let sum = |first: &str, second: &str| add_long_double(first.as_bytes(), second.as_bytes());
    assert_eq!(sum("x", "1"), Err(LongDoubleFault::FirstNotFloat));
    assert_eq!(sum("1", "x"), Err(LongDoubleFault::SecondNotFloat));
    assert_eq!(sum("inf", "-inf"), Err(LongDoubleFault::NotFinite));
    assert_eq!(
        sum(&"0".repeat(5120), "1"),
        Err(LongDoubleFault::FirstNotFloat)
    );
    assert_eq!(sum(&"0".repeat(5119), "1"), Ok(b"1".to_vec()));
}

proptest! {
    #[test]
    fn integers_add_exactly(first in -(1_i64 << 62)..1 << 62, second in -(1_i64 << 62)..1 << 62) {
        let sum = add_long_double(first.to_string().as_bytes(), second.to_string().as_bytes());
        prop_assert_eq!(sum, Ok((first + second).to_string().into_bytes()));
    }

    #[test]
    fn any_texts_are_added_or_refused(first in "[-+0-9a-fxp.]{0,30}", second in "[-0-9e.]{0,30}") {
        if let Ok(sum) = add_long_double(first.as_bytes(), second.as_bytes()) {
            prop_assert!(sum.len() < 5000);
        }
    }
}
