//! Number text against what stock takes and writes.

use crate::base::{parse_f64, parse_f64_as_c, parse_i64, write_f64, write_i64};
use proptest::prelude::*;

fn written(value: f64) -> String {
    let mut out = Vec::new();
    write_f64(&mut out, value);
    String::from_utf8(out).expect("ASCII")
}

#[test]
fn only_canonical_integers_are_integers() {
    for text in [
        "0",
        "1",
        "-1",
        "10",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        let expected = text.parse().expect("a number");
        assert_eq!(parse_i64(text.as_bytes()), Some(expected), "{text}");
    }
    for text in [
        "",
        "-",
        "+1",
        "01",
        "-0",
        "-01",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "a",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "1\0",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn floats_are_read_as_strtod_reads_them() {
    for (text, expected) in [
        ("1", 1.0),
        ("+1", 1.0),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("0e999", 0.0),
        ("0x10", 16.0),
        ("-0X1.8p1", -3.0),
        ("0x.8", 0.5),
        ("0x1p-1074", 5e-324),
        ("0x1.fffffffffffff8p0", 2.0),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080001p0", 1.000_000_000_000_000_2),
        ("0x0p9", 0.0),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", f64::MAX),
        ("0x1.fffffffffffffp1023", f64::MAX),
    ] {
        assert_eq!(parse_f64(text.as_bytes()), Some(expected), "{text}");
    }
    for text in [
        "",
        " 1",
        "1 ",
        "nan",
        "-nan",
        "1e",
        "e1",
        ".",
        "+",
        "--1",
        "1e400",
        "-1e400",
        "1e-400",
        "0x",
        "0x.",
        "0x1p",
        "0x1p2000",
        "0x1p-2000",
        "infinit",
        "1_0",
        "1,0",
        "1e+",
    ] {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn c_takes_space_nothing_and_what_is_out_of_range() {
    for (text, expected) in [
        ("", Some(0.0)),
        (" \t1.5", Some(1.5)),
        ("-1e400", Some(f64::NEG_INFINITY)),
        ("1e-400", Some(0.0)),
        ("0x1p2000", Some(f64::INFINITY)),
        ("0x1p-2000", Some(0.0)),
        ("2\0x", Some(2.0)),
        (" ", None),
        ("1 ", None),
        ("+", None),
        ("nan", None),
    ] {
        assert_eq!(parse_f64_as_c(text.as_bytes()), expected, "{text:?}");
    }
}

#[test]
fn doubles_are_written_short_with_the_exponents_of_7_2() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-17.0, "-17"),
        (0.1, "0.1"),
        (1.5, "1.5"),
        (100_000_000.0, "100000000"),
        (4_503_599_627_370_495.0, "4503599627370495"),
        (1e20, "1e+20"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (0.0001, "0.0001"),
        (1.23e-7, "1.23e-7"),
        (0.000_001, "0.000001"),
        (1e-7, "1e-7"),
        (3.25, "3.25"),
        (-0.000_123_456_789, "-1.23456789e-4"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (9_007_199_254_740_993.0, "9007199254740992"),
    ] {
        assert_eq!(written(value), text);
    }
}

proptest! {
    #[test]
    fn integers_read_back(value: i64) {
        let mut out = Vec::new();
        write_i64(&mut out, value);
        prop_assert_eq!(parse_i64(&out), Some(value));
    }

    #[test]
    fn integer_text_is_taken_only_if_it_would_be_written_so(text in "[-+ 0-9]{0,21}") {
        let canonical = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
        prop_assert_eq!(parse_i64(text.as_bytes()), canonical);
    }

    #[test]
    fn doubles_read_back(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        prop_assert_eq!(parse_f64(written(value).as_bytes()), Some(value));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9a-fxXpPeE.]{0,40}") {
        if let Some(value) = parse_f64(text.as_bytes()) {
            prop_assert!(!value.is_nan());
        }
    }
}
