//! The 16 bytes before the registers: `HYLL`, the encoding, three zeros, and the last count,
//! little-endian, whose highest bit says that it no longer holds.

use super::dense;
use super::sparse;

/// Bytes of the header.
pub(super) const LEN: usize = 16;

const MAGIC: &[u8; 4] = b"HYLL";

/// Place of the encoding's byte.
const ENCODING: usize = 4;

/// Place of the count.
const COUNT: usize = 8;

/// In the last byte of the count: it does not hold.
const STALE: u8 = 0x80;

/// How the registers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dense,
    Sparse,
}

/// The encoding of a text that looks like a value: header and length fit. The runs of a sparse one
/// may still be broken.
pub fn encoding(text: &[u8]) -> Option<Encoding> {
    let header = text.first_chunk::<LEN>()?;
    if !header.starts_with(MAGIC) {
        return None;
    }
    match header[ENCODING] {
        0 if text.len() == LEN + dense::LEN => Some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

/// A new value, to which nothing was added.
pub fn empty() -> Vec<u8> {
    let mut text = vec![0; LEN];
    text[..MAGIC.len()].copy_from_slice(MAGIC);
    text[ENCODING] = 1;
    sparse::push_empty(&mut text);
    text
}

/// The last count, if it still holds. `text` has an [`encoding`].
pub fn cached(text: &[u8]) -> Option<u64> {
    let count = text.get(COUNT..)?.first_chunk()?;
    (count[7] & STALE == 0).then(|| u64::from_le_bytes(*count))
}

pub(super) fn set_cached(text: &mut [u8], count: u64) {
    text[COUNT..LEN].copy_from_slice(&count.to_le_bytes());
}

pub(super) fn set_stale(text: &mut [u8]) {
    text[LEN - 1] |= STALE;
}

/// Puts dense registers in the place of sparse ones; the rest of the header stays.
pub(super) fn replace_by_dense(text: &mut Vec<u8>, registers: &[u8]) {
    text[ENCODING] = 0;
    text.truncate(LEN);
    text.extend_from_slice(registers);
}
