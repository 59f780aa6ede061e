//! Numbers as C prints them, which is how Lua does.

use std::io::Write as _;

/// Appends `value` as `%.{digits}g` prints it.
pub(super) fn write_general(out: &mut Vec<u8>, value: f64, digits: usize) {
    if !value.is_finite() {
        let sign: &[u8] = if value.is_sign_negative() { b"-" } else { b"" };
        out.extend_from_slice(sign);
        out.extend_from_slice(if value.is_nan() { b"nan" } else { b"inf" });
        return;
    }
    let digits = digits.max(1);
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Written without an exponent if that is at least -4 and below the precision.
    if exponent < -4 || exponent >= digits as i32 {
        out.extend_from_slice(without_zeros(mantissa).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        write_text(out, format_args!("e{sign}{:02}", exponent.unsigned_abs()));
        return;
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let fixed = format!("{value:.decimals$}");
    out.extend_from_slice(without_zeros(&fixed).as_bytes());
}

/// Appends a number as it is sent to a command, with all its digits.
pub(super) fn write_argument(out: &mut Vec<u8>, value: f64) {
    match small_whole(value) {
        Some(whole) => out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes()),
        None => write_general(out, value, 17),
    }
}

/// The integer a number is, if it is one below 2^52: beyond, `%.17g` may say it otherwise.
fn small_whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = (1_u64 << 52) as f64;
    let cut = cut(value);
    (value.abs() < LIMIT && cut as f64 == value).then_some(cut)
}

/// The number without its fraction, as the processor cuts it: beyond 64 bits, the least integer.
pub(super) fn cut(value: f64) -> i64 {
    // 2^63 is a number, 2^63 - 1 is not.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) {
        value as i64
    } else {
        i64::MIN
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn write_text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes all bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, digits: usize, expected: &str) {
        let mut out = Vec::new();
        write_general(&mut out, value, digits);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    // Recorded from C's printf.
    #[test]
    fn numbers_are_printed_as_c_does() {
        check(0.0, 14, "0");
        check(-0.0, 14, "-0");
        check(1.0, 14, "1");
        check(100_000.0, 14, "100000");
        check(1e14, 14, "1e+14");
        check(99_999_999_999_999.0, 14, "99999999999999");
        check(99_999_999_999_999.9, 14, "1e+14");
        check(0.0001, 14, "0.0001");
        check(0.00001, 14, "1e-05");
        check(0.1, 17, "0.10000000000000001");
        check(1e300, 17, "1.0000000000000001e+300");
        check(2.0 / 3.0, 14, "0.66666666666667");
        check(f64::INFINITY, 14, "inf");
        check(-f64::NAN, 14, "-nan");
        check(123.456, 3, "123");
        check(123_456.0, 3, "1.23e+05");
        check(0.5, 1, "0.5");
    }

    #[test]
    fn what_is_no_integer_of_64_bits_is_cut_to_the_least() {
        assert_eq!(cut(2.9), 2);
        assert_eq!(cut(-2.9), -2);
        assert_eq!(cut(f64::NAN), i64::MIN);
        assert_eq!(cut(1e300), i64::MIN);
        assert_eq!(cut(-9_223_372_036_854_775_808.0), i64::MIN);
        assert_eq!(small_whole(-3.0), Some(-3));
        assert_eq!(small_whole(1.5), None);
        assert_eq!(small_whole(f64::NAN), None);
        assert_eq!(small_whole(4_503_599_627_370_496.0), None);
    }
}
