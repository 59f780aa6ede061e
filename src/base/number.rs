//! Number text exactly as Redis reads and writes it.
//!
//! Integers are canonical: what [`parse_i64`] takes is what [`write_i64`] would write, so a value kept
//! as an integer reads back as the text that was stored. Floats are read as C's
//! `strtod` reads them, with Redis's extra refusals, and written as RESP's doubles.

/// The integer `text` is, if it is canonical: no leading zero, `+`, space or `-0`, and within
/// 64 bits.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let first = digits.first()?.wrapping_sub(b'0');
    // 19 digits are below 2^64, so the loop cannot overflow.
    if first > 9 || digits.len() > 19 || (first == 0 && (negative || digits.len() > 1)) {
        return None;
    }
    let mut magnitude: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Appends `value` in decimal.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The double `text` is, by `getDoubleFromObject`'s rules: all of it, as `strtod` reads it (decimal,
/// hexadecimal, `inf`, `infinity`), without leading space; not NaN, and not a finite text
/// that overflows, or underflows to zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (value, is_in_range) = read_f64(text)?;
    is_in_range.then_some(value)
}

/// The double that C's `strtod` alone makes of all of `text`, or of what is before a zero byte:
/// it skips space in front and takes nothing as 0, and what is out of range as infinity or 0. Not
/// NaN.
pub fn parse_f64_as_c(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    if text.is_empty() {
        return Some(0.0);
    }
    read_f64(&text[spaces..]).map(|(value, _)| value)
}

/// The double, and whether it is in range: not a finite text that overflows, or underflows to
/// zero.
fn read_f64(text: &[u8]) -> Option<(f64, bool)> {
    let (negative, magnitude) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let value = match magnitude {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        [b'0'..=b'9' | b'.', ..] => decimal(magnitude)?,
        word if is_infinity(word) => (f64::INFINITY, true),
        _ => return None,
    };
    let (value, is_in_range) = value;
    Some((if negative { -value } else { value }, is_in_range))
}

/// Whether `word` is one of `strtod`'s for infinity.
pub(super) fn is_infinity(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity")
}

fn decimal(text: &[u8]) -> Option<(f64, bool)> {
    // Rust takes what strtod takes here: digits, point, exponent, nearest even.
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_zero_text = || {
        text.iter()
            .take_while(|byte| !matches!(byte, b'e' | b'E'))
            .all(|byte| matches!(byte, b'0' | b'.'))
    };
    let is_in_range = value.is_finite() && (value != 0.0 || is_zero_text());
    Some((value, is_in_range))
}

/// Reads what follows `0x`: digits, a point, `p` and a decimal exponent of two.
fn hexadecimal(text: &[u8]) -> Option<(f64, bool)> {
    let Hexadecimal {
        mantissa,
        sticky,
        exponent,
    } = Hexadecimal::parse(text)?;
    if mantissa == 0 {
        return Some((0.0, true));
    }
    let shift = mantissa.leading_zeros();
    let wide = mantissa << shift;
    let sticky = sticky || wide as u64 != 0;
    let mantissa = (wide >> 64) as u64;
    let exponent = exponent.saturating_sub(i64::from(shift)).saturating_add(64);
    // The value is mantissa x 2^exponent with the mantissa's top bit set. A double keeps 53
    // of its 64 bits, fewer below 2^-1022.
    let top = exponent.saturating_add(63);
    let kept = if top >= -1022 { 53 } else { top + 1075 };
    if top > 1023 {
        return Some((f64::INFINITY, false));
    }
    if kept < 0 {
        return Some((0.0, false));
    }
    let dropped = 64 - kept as u32;
    let (quotient, rest, half) = if dropped == 64 {
        (0, mantissa, 1 << 63)
    } else {
        (
            mantissa >> dropped,
            mantissa & ((1 << dropped) - 1),
            1_u64 << (dropped - 1),
        )
    };
    let up = rest > half || (rest == half && (sticky || quotient & 1 == 1));
    let rounded = quotient + u64::from(up);
    // Exact: at most 53 bits, scaled by powers of two in range, in two steps.
    let scale = exponent + i64::from(dropped);
    let value = rounded as f64 * power_of_two(scale / 2) * power_of_two(scale - scale / 2);
    Some((value, value.is_finite() && value != 0.0))
}

/// 2^`exponent` for -1022..=1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// A hexadecimal float: `mantissa` x 2^`exponent`, and whether digits that did not fit were not zero.
pub(super) struct Hexadecimal {
    pub(super) mantissa: u128,
    pub(super) sticky: bool,
    pub(super) exponent: i64,
}

impl Hexadecimal {
    /// Reads what follows `0x`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut value = Self {
            mantissa: 0,
            sticky: false,
            exponent: 0,
        };
        let mut digits = 0;
        let mut after_point = false;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if byte == b'.' && !after_point {
                after_point = true;
            } else if let Some(digit) = char::from(byte).to_digit(16) {
                digits += 1;
                value.push(digit, after_point);
            } else {
                break;
            }
            at += 1;
        }
        if digits == 0 {
            return None;
        }
        match &text[at..] {
            [] => {}
            [b'p' | b'P', power @ ..] => {
                value.exponent = value.exponent.saturating_add(exponent(power)?);
            }
            _ => return None,
        }
        Some(value)
    }

    fn push(&mut self, digit: u32, after_point: bool) {
        if self.mantissa >> 124 == 0 {
            self.mantissa = self.mantissa << 4 | u128::from(digit);
            self.exponent -= if after_point { 4 } else { 0 };
        } else {
            self.sticky |= digit != 0;
            self.exponent += if after_point { 0 } else { 4 };
        }
    }
}

/// A decimal exponent with an optional sign, all of `text`; huge ones saturate.
pub(super) fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0_i64, |sum, &byte| {
        // Far beyond any float, far below overflow.
        (sum * 10 + i64::from(byte - b'0')).min(1_000_000_000)
    });
    Some(if negative { -magnitude } else { magnitude })
}

/// Appends `value` as Redis 7.2 replies with doubles: integers within ±2^52 without a point,
/// else the shortest digits that read back the same, with an exponent where the number is
/// long. Not-a-number is `nan`, infinity `inf`.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    const EXACT_MAX: f64 = (1_u64 << 52) as f64;
    if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() {
            b"-0"
        } else {
            b"0"
        });
    } else if value.abs() < EXACT_MAX && value.fract() == 0.0 {
        // Exact: an integer below 2^52.
        write_i64(out, value as i64);
    } else {
        write_shortest(out, value);
    }
}

/// Writes the shortest digits in the layout of 7.2: plain while the number stays short,
/// else `d.ddde±x`.
fn write_shortest(out: &mut Vec<u8>, value: f64) {
    let mut buffer = ryu::Buffer::new();
    let mut digits = [0_u8; 17];
    let (count, scale) = shortest_digits(buffer.format_finite(value.abs()).as_bytes(), &mut digits);
    let digits = &digits[..count];
    if value < 0.0 {
        out.push(b'-');
    }
    // The value is digits x 10^scale; `top` is the exponent of the first digit.
    let length = count as i32;
    let top = scale + length - 1;
    if scale >= 0 && top < length + 7 {
        out.extend_from_slice(digits);
        out.extend(std::iter::repeat_n(b'0', scale as usize));
    } else if scale < 0 && (scale > -7 || top.abs() < 4) {
        let whole = length + scale;
        if whole <= 0 {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', whole.unsigned_abs() as usize));
            out.extend_from_slice(digits);
        } else {
            let (before, after) = digits.split_at(whole as usize);
            out.extend_from_slice(before);
            out.push(b'.');
            out.extend_from_slice(after);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.push(b'e');
        out.push(if top < 0 { b'-' } else { b'+' });
        write_i64(out, i64::from(top.abs()));
    }
}

/// Takes the digits and the power of ten out of ryu's text (`12.5`, `1.5e-7`, `1e300`), without
/// zeros at either end.
fn shortest_digits(text: &[u8], digits: &mut [u8; 17]) -> (usize, i32) {
    let mut count = 0;
    let mut scale = 0;
    let mut after_point = false;
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'.' => after_point = true,
            b'e' => {
                scale += exponent(rest).expect("ryu writes a whole exponent") as i32;
                break;
            }
            digit => {
                scale -= i32::from(after_point);
                // Leading zeros are no digits; trailing ones go below.
                if count > 0 || *digit != b'0' {
                    if count < digits.len() {
                        digits[count] = *digit;
                        count += 1;
                    } else {
                        // ryu has at most 17 digits; what follows are zeros before the point.
                        scale += 1;
                    }
                }
            }
        }
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
        scale += 1;
    }
    (count, scale)
}
