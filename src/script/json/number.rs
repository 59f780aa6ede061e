//! A number at the beginning of a text, as C's `strtod` finds it.

use crate::base::parse_f64;

/// The number `text` begins with, and how many bytes it takes.
pub(super) fn leading(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let is_negative = text.first() == Some(&b'-');
    let magnitude = &text[sign..];
    let (value, len) = word(magnitude)
        .or_else(|| hexadecimal(magnitude))
        .or_else(|| decimal(magnitude))?;
    let value = if is_negative { -value } else { value };
    Some((value, sign + len))
}

fn word(text: &[u8]) -> Option<(f64, usize)> {
    let words: [(&[u8], f64); 3] = [
        (b"infinity", f64::INFINITY),
        (b"inf", f64::INFINITY),
        (b"nan", f64::NAN),
    ];
    let (word, value) = words.into_iter().find(|(word, _)| {
        text.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    })?;
    let payload = if value.is_nan() {
        nan_payload(&text[word.len()..])
    } else {
        0
    };
    Some((value, word.len() + payload))
}

/// The bytes of `(…)` after `nan`, where C allows letters, digits and underscores.
fn nan_payload(text: &[u8]) -> usize {
    let Some(inner) = text.strip_prefix(b"(") else {
        return 0;
    };
    let is_inner = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let len = inner.iter().take_while(is_inner).count();
    if inner.get(len) == Some(&b')') {
        len + 2
    } else {
        0
    }
}

fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits = text
        .strip_prefix(b"0x")
        .or_else(|| text.strip_prefix(b"0X"))?;
    let len = 2 + mantissa(digits, |byte| byte.is_ascii_hexdigit())?;
    let len = len + exponent(&text[len..], b'p');
    Some((parse_f64(&text[..len])?, len))
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let len = mantissa(text, |byte| byte.is_ascii_digit())?;
    let len = len + exponent(&text[len..], b'e');
    let text = std::str::from_utf8(&text[..len]).ok()?;
    Some((text.parse().ok()?, len))
}

/// Digits with at most one point among them; nothing without a digit.
fn mantissa(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> Option<usize> {
    let whole = text.iter().take_while(|byte| is_digit(byte)).count();
    let fraction = match text.get(whole) {
        Some(b'.') => text[whole + 1..]
            .iter()
            .take_while(|byte| is_digit(byte))
            .count(),
        _ => 0,
    };
    let has_point = text.get(whole) == Some(&b'.');
    (whole + fraction > 0).then_some(whole + usize::from(has_point) + fraction)
}

/// The bytes of an exponent; none if there are no digits in it.
fn exponent(text: &[u8], letter: u8) -> usize {
    if text
        .first()
        .is_none_or(|byte| byte.to_ascii_lowercase() != letter)
    {
        return 0;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'-' | b'+')));
    let digits = text[1 + sign..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}
