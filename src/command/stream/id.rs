//! Ids as clients write them: `5`, `5-3`, `-` and `+` for the first and the
//! last, `(5-3` for what is beyond one, `5-*` for a number to be chosen.

use crate::resp::Refusal;
use crate::value::stream::Id;

/// The longest text of an id; longer ones are refused unread.
const TEXT_BYTES_MAX: usize = 127;

/// An id that names an entry. Without a number it means `seq`.
pub(super) fn exact(word: &[u8], seq: u64) -> Result<Id, Refusal> {
    match parse(word, seq)? {
        Parsed::Id(id) => Ok(id),
        Parsed::First | Parsed::Last | Parsed::AnySeq(_) => Err(Refusal::STREAM_ID),
    }
}

/// An id, or `-` or `+`.
pub(super) fn open(word: &[u8], seq: u64) -> Result<Id, Refusal> {
    match parse(word, seq)? {
        Parsed::Id(id) => Ok(id),
        Parsed::First => Ok(Id::MIN),
        Parsed::Last => Ok(Id::MAX),
        Parsed::AnySeq(_) => Err(Refusal::STREAM_ID),
    }
}

/// The id of a new entry: complete, or only its time with `-*` behind it.
pub(super) fn partial(word: &[u8]) -> Result<Result<Id, u64>, Refusal> {
    match parse(word, 0)? {
        Parsed::Id(id) => Ok(Ok(id)),
        Parsed::AnySeq(ms) => Ok(Err(ms)),
        Parsed::First | Parsed::Last => Err(Refusal::STREAM_ID),
    }
}

/// Where a range begins; `(` leaves the id itself out.
pub(super) fn start(word: &[u8]) -> Result<Id, Refusal> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => {
            exact(id, 0)?.next().ok_or(Refusal::STREAM_INTERVAL_START)
        }
        _ => open(word, 0),
    }
}

/// Where a range ends; `(` leaves the id itself out.
pub(super) fn end(word: &[u8]) -> Result<Id, Refusal> {
    match word {
        [b'(', id @ ..] if !id.is_empty() => {
            let id = exact(id, u64::MAX)?;
            id.previous().ok_or(Refusal::STREAM_INTERVAL_END)
        }
        _ => open(word, u64::MAX),
    }
}

enum Parsed {
    Id(Id),
    First,
    Last,
    /// A time with `*` for its number.
    AnySeq(u64),
}

fn parse(word: &[u8], missing_seq: u64) -> Result<Parsed, Refusal> {
    if word.len() > TEXT_BYTES_MAX {
        return Err(Refusal::STREAM_ID);
    }
    // A text of C's ends at a zero byte.
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    match word {
        b"-" => return Ok(Parsed::First),
        b"+" => return Ok(Parsed::Last),
        _ => {}
    }
    let (ms, seq) = match word.iter().position(|&byte| byte == b'-') {
        Some(dash) => (&word[..dash], Some(&word[dash + 1..])),
        None => (word, None),
    };
    let ms = number(ms)?;
    match seq {
        None => Ok(Parsed::Id(Id {
            ms,
            seq: missing_seq,
        })),
        Some(b"*") => Ok(Parsed::AnySeq(ms)),
        Some(seq) => Ok(Parsed::Id(Id {
            ms,
            seq: number(seq)?,
        })),
    }
}

/// A number as C's `strtoull` reads it, but for one below zero in its plain
/// form.
fn number(text: &[u8]) -> Result<u64, Refusal> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !blank(byte));
    let text = &text[start.unwrap_or(text.len())..];
    let (is_negative, digits) = match text {
        [b'-', b'1'..=b'9', ..] if start == Some(0) => return Err(Refusal::STREAM_ID),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(Refusal::STREAM_ID);
    }
    let number = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    });
    let number = number.ok_or(Refusal::STREAM_ID)?;
    Ok(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_strtoull_takes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            (" \t7", Some(7)),
            ("+7", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-7", None),
            ("-0", Some(0)),
            ("-07", Some(7_u64.wrapping_neg())),
            (" -7", Some(7_u64.wrapping_neg())),
            ("", None),
            (" ", None),
            ("7 ", None),
            ("x", None),
        ] {
            assert_eq!(number(text.as_bytes()).ok(), expected, "{text:?}");
        }
    }
}
