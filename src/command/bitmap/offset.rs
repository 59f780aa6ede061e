//! Offsets of bits, as a client writes them.

use crate::base::parse_i64;
use crate::command::turn::Turn;
use crate::resp::Refusal;

/// The bit offset in `word`, inside a string that a client could send whole.
///
/// # Errors
/// `ERR bit offset is not an integer or out of range`.
pub(super) fn offset(turn: &Turn<'_>, word: &[u8]) -> Result<u64, Refusal> {
    within(turn, parse_i64(word))
}

/// An offset before a field of `bits`: `#7` is seven such fields in. A product beyond 64 bits wraps,
/// as with stock.
///
/// # Errors
/// As [`offset`].
pub(super) fn field_offset(turn: &Turn<'_>, word: &[u8], bits: u8) -> Result<u64, Refusal> {
    let offset = match word.strip_prefix(b"#") {
        Some(count) => parse_i64(count).map(|count| count.wrapping_mul(i64::from(bits))),
        None => parse_i64(word),
    };
    within(turn, offset)
}

fn within(turn: &Turn<'_>, offset: Option<i64>) -> Result<u64, Refusal> {
    offset
        .and_then(|offset| u64::try_from(offset).ok())
        .filter(|offset| offset / 8 < turn.live.proto_max_bulk_len)
        .ok_or(Refusal::BIT_OFFSET)
}
