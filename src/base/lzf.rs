//! The LZF format in which Redis keeps long strings in RDB files and DUMP payloads.
//!
//! A stream of pieces, each begun by a control byte:
//!
//! ```text
//! 000LLLLL                    L + 1 literal bytes follow
//! LLLooooo oooooooo           copy L + 2 bytes (L 1..6) from o + 1 bytes back
//! 111ooooo LLLLLLLL oooooooo  copy L + 9 bytes from o + 1 bytes back
//! ```
//!
//! What [`compress`] writes any reader of the format reads; its choice of matches is our own,
//! so the bytes may differ from stock's for the same text.

const LITERALS_MAX: usize = 32;
const OFFSET_MAX: usize = 1 << 13;
const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 264;

/// Bits of the hash by which places are remembered: 32 KiB on the stack, fits the first cache.
const BITS_MAX: u32 = 13;

/// Appends `bytes` compressed, and says whether that is shorter by at least 4 bytes, as Redis asks
/// for. If not, `out` is as before.
pub fn compress(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    match bytes.len() {
        // Shorter strings cannot win.
        0..=4 => false,
        // Forgetting the last string's places should not take longer than this one does.
        5..=128 => compress_by::<8, { 1 << 8 }>(bytes, out),
        129..=1024 => compress_by::<10, { 1 << 10 }>(bytes, out),
        _ => compress_by::<BITS_MAX, { 1 << BITS_MAX }>(bytes, out),
    }
}

/// `PLACES` are `1 << BITS` places, each remembered by the hash of the 3 bytes there.
fn compress_by<const BITS: u32, const PLACES: usize>(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    // Longer ones do not fit the 32-bit places.
    if u32::try_from(bytes.len()).is_err() {
        return false;
    }
    let start = out.len();
    let end_max = start + bytes.len() - 4;
    // Place + 1, so that 0 is none.
    let mut places = [0_u32; PLACES];
    let mut literals_from = 0;
    let mut at = 0;
    while at + MATCH_MIN <= bytes.len() {
        let place = &mut places[hash::<BITS>(&bytes[at..at + MATCH_MIN])];
        let candidate = *place as usize;
        *place = at as u32 + 1;
        let len = match candidate.checked_sub(1) {
            Some(from) if at - from <= OFFSET_MAX => match_len(bytes, from, at),
            _ => 0,
        };
        if len < MATCH_MIN {
            at += 1;
        } else {
            write_literals(&bytes[literals_from..at], out);
            write_match(at - candidate, len, out);
            at += len;
            literals_from = at;
        }
        if out.len() + (at - literals_from) > end_max {
            out.truncate(start);
            return false;
        }
    }
    write_literals(&bytes[literals_from..], out);
    if out.len() > end_max {
        out.truncate(start);
        return false;
    }
    true
}

/// The `len` bytes that `bytes` were compressed from. `None`: they were not.
pub fn decompress(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    // A piece of 3 bytes gives at most 264, so no claim reserves more than that.
    if len / MATCH_MAX > bytes.len() {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = bytes;
    while let Some((&control, tail)) = rest.split_first() {
        rest = tail;
        if usize::from(control) < LITERALS_MAX {
            let (literals, tail) = rest.split_at_checked(usize::from(control) + 1)?;
            out.extend_from_slice(literals);
            rest = tail;
        } else {
            let mut count = usize::from(control >> 5) + 2;
            if count == 9 {
                let (&more, tail) = rest.split_first()?;
                count += usize::from(more);
                rest = tail;
            }
            let (&low, tail) = rest.split_first()?;
            rest = tail;
            let offset = usize::from(control & 0x1f) << 8 | usize::from(low);
            let from = out.len().checked_sub(offset + 1)?;
            repeat(&mut out, from, count);
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Appends `count` bytes from `from` on, which may reach into those just appended.
fn repeat(out: &mut Vec<u8>, from: usize, count: usize) {
    let mut left = count;
    while left > 0 {
        let chunk = left.min(out.len() - from);
        out.extend_from_within(from..from + chunk);
        left -= chunk;
    }
}

fn hash<const BITS: u32>(bytes: &[u8]) -> usize {
    let word = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    // Multiplicative: the top bits depend on all three bytes.
    (word.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

fn match_len(bytes: &[u8], from: usize, at: usize) -> usize {
    bytes[at..]
        .iter()
        .zip(&bytes[from..])
        .take(MATCH_MAX)
        .take_while(|(left, right)| left == right)
        .count()
}

fn write_literals(literals: &[u8], out: &mut Vec<u8>) {
    for run in literals.chunks(LITERALS_MAX) {
        out.push((run.len() - 1) as u8);
        out.extend_from_slice(run);
    }
}

/// `place` is one beyond the match's start, so `at - place` is the offset as written.
fn write_match(offset: usize, len: usize, out: &mut Vec<u8>) {
    let high = (offset >> 8) as u8;
    if len < 9 {
        out.push(((len - 2) as u8) << 5 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((len - 9) as u8);
    }
    out.push(offset as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8]) {
        let mut out = b"before".to_vec();
        let shorter = compress(bytes, &mut out);
        assert!(out.starts_with(b"before"));
        let compressed = &out[6..];
        if shorter {
            assert!(compressed.len() + 4 <= bytes.len());
            assert_eq!(decompress(compressed, bytes.len()).as_deref(), Some(bytes));
            assert_eq!(decompress(compressed, bytes.len() + 1), None);
            assert_eq!(decompress(compressed, bytes.len() - 1), None);
        } else {
            assert!(compressed.is_empty());
        }
    }

    #[test]
    fn repetition_is_compressed() {
        let mut out = Vec::new();
        assert!(compress(&[b'a'; 1000], &mut out));
        assert!(out.len() < 20, "{}", out.len());
        check(&[b'a'; 1000]);
        check(&b"abcdefghij".repeat(1000));
    }

    #[test]
    fn what_does_not_shrink_is_left_alone() {
        check(b"");
        check(b"aaaa");
        check(b"abcdefghijklmnopqrstuvwxyz");
    }

    /// Taken out of DUMP payloads of stock 7.0.15.
    #[test]
    fn what_stock_compressed_is_read() {
        let run = b"\x01aa\xe0\xff\x00\xe0\x17\x00\x01aa";
        assert_eq!(decompress(run, 300), Some(vec![b'a'; 300]));
        let pairs = b"\x02aba\xe0\xba\x01\x01ab";
        assert_eq!(decompress(pairs, 200), Some(b"ab".repeat(100)));
        let words = b"\x15the quick brown fox, t\xe0\x06\x14\x02dog\x80\x14\x03lazy \x22\x00x";
        let text = b"the quick brown fox, the quick brown dog, the lazy fox";
        assert_eq!(decompress(words, text.len()).as_deref(), Some(&text[..]));
    }

    #[test]
    fn broken_streams_are_refused() {
        for broken in [
            &[0x05, b'a'][..],
            &[0x20],
            &[0x20, 0x00],
            &[0xe0, 0x01],
            &[0x00, b'a', 0x20, 0x05],
        ] {
            assert_eq!(decompress(broken, 10), None, "{broken:?}");
        }
        assert_eq!(decompress(&[0], usize::MAX), None);
    }

    proptest! {
        #[test]
        fn texts_read_back(bytes in proptest::collection::vec(0_u8..4, 0..3000)) {
            check(&bytes);
        }

        #[test]
        fn far_matches_read_back(block in proptest::collection::vec(any::<u8>(), 1..400), gap in 0_usize..9000) {
            let bytes = [&block[..], &vec![0; gap][..], &block[..]].concat();
            check(&bytes);
        }

        #[test]
        fn garbage_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100), len in 0_usize..2000) {
            if let Some(text) = decompress(&bytes, len) {
                prop_assert_eq!(text.len(), len);
            }
        }
    }
}
