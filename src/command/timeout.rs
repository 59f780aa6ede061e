//! How long a blocking command waits, as its words say.

use crate::base::parse_f64;
use crate::resp::{Args, Refusal};

/// Reads the word at `index` as seconds, with a fraction; 0 is for ever, `None`.
/// Returns Unix milliseconds.
///
/// # Errors
/// Stock's texts for what is no number, negative, or out of range.
pub(super) fn seconds(args: Args<'_>, index: usize, now_ms: u64) -> Result<Option<u64>, Refusal> {
    let seconds = parse_f64(args.get(index)).ok_or(Refusal::TIMEOUT_NOT_FLOAT)?;
    let milliseconds = (seconds * 1000.0).ceil();
    if milliseconds >= i64::MAX as f64 {
        return Err(Refusal::TIMEOUT_OUT_OF_RANGE);
    }
    until(milliseconds as i64, seconds < 0.0, now_ms)
}

/// The moment so many milliseconds from now.
///
/// # Errors
/// As `seconds`.
pub(super) fn until(
    milliseconds: i64,
    is_negative: bool,
    now_ms: u64,
) -> Result<Option<u64>, Refusal> {
    if is_negative || milliseconds < 0 {
        return Err(Refusal::TIMEOUT_NEGATIVE);
    }
    if milliseconds == 0 {
        return Ok(None);
    }
    let until = now_ms.checked_add(milliseconds.unsigned_abs());
    until
        .filter(|until| i64::try_from(*until).is_ok())
        .map(Some)
        .ok_or(Refusal::TIMEOUT_OUT_OF_RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn seconds_are_rounded_up_to_milliseconds() {
        let read = |word: &str| seconds(OwnedArgs::new([word]).args(), 0, 1000);
        assert_eq!(read("0"), Ok(None));
        assert_eq!(read("1"), Ok(Some(2000)));
        assert_eq!(read("0.0001"), Ok(Some(1001)));
        assert_eq!(read("0x10"), Ok(Some(17_000)));
        assert_eq!(read("-0.1"), Err(Refusal::TIMEOUT_NEGATIVE));
        assert_eq!(read("-0.0001"), Err(Refusal::TIMEOUT_NEGATIVE));
        assert_eq!(read("nan"), Err(Refusal::TIMEOUT_NOT_FLOAT));
        assert_eq!(read(""), Err(Refusal::TIMEOUT_NOT_FLOAT));
        assert_eq!(read("1e30"), Err(Refusal::TIMEOUT_OUT_OF_RANGE));
        assert_eq!(read("inf"), Err(Refusal::TIMEOUT_OUT_OF_RANGE));
        assert_eq!(
            read("9223372036854775"),
            Err(Refusal::TIMEOUT_OUT_OF_RANGE),
            "now is added"
        );
    }
}
