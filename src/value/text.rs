//! Index arithmetic of GETRANGE and SETRANGE: which bytes a pair of signed indices means, and how
//! long a text gets when a piece of it is written over.
//!
//! Indices are a client's: any `i64`, the negative ones counted from the end.

use std::ops::Range;

/// Why a piece cannot be written over a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverwriteFault {
    /// The offset is negative: `ERR offset is out of range`.
    Offset,
    /// The text would pass proto-max-bulk-len: `ERR string exceeds maximum allowed size
    /// (proto-max-bulk-len)`.
    TooLong,
}

/// The places from `start` to `end`, both included, of `len` things, as a half-open range; `None`
/// where that is nothing.
///
/// Negative indices count from the end, and are cut to the first place when they reach beyond it;
/// `end` is cut to the last place. Two negative indices in the wrong order are nothing even where
/// both would be cut to the first place. GETRANGE and BITCOUNT count this way.
pub fn span(len: u64, start: i64, end: i64) -> Option<Range<u64>> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    span_as_cut(len, start, end)
}

/// [`span`] without its rule on two negative indices: the way BITPOS counts.
pub fn span_as_cut(len: u64, start: i64, end: i64) -> Option<Range<u64>> {
    let first = from_either_end(len, start);
    let last = from_either_end(len, end).min(len.checked_sub(1)?);
    (first <= last).then(|| first..last + 1)
}

/// The part of `text` that `GETRANGE start end` answers with.
pub fn piece(text: &[u8], start: i64, end: i64) -> &[u8] {
    match span(text.len() as u64, start, end) {
        // Within the text, so within usize.
        Some(span) => &text[span.start as usize..span.end as usize],
        None => &[],
    }
}

/// Bytes of a text of `len` after `piece_len` bytes are written at `offset`, for `SETRANGE`.
///
/// An empty piece changes nothing, at whatever offset, so it gives `len`: a caller that finds no
/// key and an empty piece creates none. The offset is checked before that, as stock does.
pub fn len_after_overwrite(
    len: usize,
    offset: i64,
    piece_len: usize,
    len_max: usize,
) -> Result<usize, OverwriteFault> {
    let offset = u64::try_from(offset).map_err(|_| OverwriteFault::Offset)?;
    if piece_len == 0 {
        return Ok(len);
    }
    let end = usize::try_from(offset)
        .ok()
        .and_then(|offset| offset.checked_add(piece_len))
        .filter(|&end| end <= len_max)
        .ok_or(OverwriteFault::TooLong)?;
    Ok(len.max(end))
}

/// Writes `piece` over `text` from `offset` on, with zero bytes between where `text` ends before.
/// The caller has asked [`len_after_overwrite`].
pub fn overwrite(text: &mut Vec<u8>, offset: usize, piece: &[u8]) {
    if piece.is_empty() {
        return;
    }
    let end = offset + piece.len();
    if text.len() < end {
        text.resize(end, 0);
    }
    text[offset..end].copy_from_slice(piece);
}

fn from_either_end(len: u64, index: i64) -> u64 {
    if index < 0 {
        len.saturating_sub(index.unsigned_abs())
    } else {
        index.unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Answers of stock 7.0.15 to GETRANGE of "Hello".
    #[test]
    fn pieces_are_those_of_getrange() {
        for (start, end, expected) in [
            (0, -1, "Hello"),
            (0, 0, "H"),
            (-3, -1, "llo"),
            (-1, -3, ""),
            (3, 2, ""),
            (4, 100, "o"),
            (5, 100, ""),
            (-100, 1, "He"),
            (-100, -100, "H"),
            (-100, -101, ""),
            (i64::MIN, i64::MAX, "Hello"),
            (i64::MAX, i64::MIN, ""),
        ] {
            let found = piece(b"Hello", start, end);
            assert_eq!(found, expected.as_bytes(), "{start} {end}");
        }
        assert_eq!(piece(b"", 0, -1), b"");
        assert_eq!(piece(b"", -1, 0), b"");
    }

    #[test]
    fn an_overwrite_fills_the_gap_with_zeros() {
        let mut text = b"ab".to_vec();
        overwrite(&mut text, 4, b"xy");
        assert_eq!(text, b"ab\0\0xy");
        overwrite(&mut text, 1, b"--");
        assert_eq!(text, b"a--\0xy");
        overwrite(&mut text, 100, b"");
        assert_eq!(text.len(), 6);
    }

    #[test]
    fn lengths_after_an_overwrite_have_a_limit() {
        assert_eq!(len_after_overwrite(5, 3, 4, 7), Ok(7));
        assert_eq!(
            len_after_overwrite(5, 4, 4, 7),
            Err(OverwriteFault::TooLong)
        );
        assert_eq!(len_after_overwrite(5, 0, 1, 7), Ok(5));
        assert_eq!(len_after_overwrite(5, i64::MAX, 0, 7), Ok(5));
        assert_eq!(len_after_overwrite(5, i64::MAX, 1, usize::MAX), Ok(1 << 63));
        assert_eq!(
            len_after_overwrite(5, i64::MAX, usize::MAX, usize::MAX),
            Err(OverwriteFault::TooLong)
        );
        assert_eq!(
            len_after_overwrite(5, -1, 0, 7),
            Err(OverwriteFault::Offset)
        );
    }

    proptest! {
        #[test]
        fn spans_hold_the_indices_between(len in 0_u64..12, start in -15_i64..15, end in -15_i64..15) {
            let place = |index: i64| if index < 0 { (index + len as i64).max(0) } else { index };
            let crossed = start < 0 && end < 0 && start > end;
            let held: Vec<u64> = (0..len)
                .filter(|&at| !crossed && place(start) <= at as i64 && at as i64 <= place(end))
                .collect();
            let span: Vec<u64> = span(len, start, end).unwrap_or(0..0).collect();
            prop_assert_eq!(span, held);
        }
    }
}
