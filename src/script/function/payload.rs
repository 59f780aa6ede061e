//! What FUNCTION DUMP answers and FUNCTION RESTORE takes: every library's text as in an RDB file,
//! and a footer.
//!
//! ```text
//! (0xf5 text)*  version, 2 bytes  CRC-64 of all before it, 8 bytes   (both lowest byte first)
//! ```

use crate::base::{crc64, lzf};

/// What becomes of the libraries that are there when others are restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// They stay; a name that is there already is refused.
    Append,
    /// They stay, but for those that come again.
    Replace,
    /// They go.
    Flush,
}

/// The byte before each library.
const FUNCTION: u8 = 0xf5;

/// The version written, as DUMP writes it, and the newest one read.
const RDB_VERSION: u16 = 10;
const RDB_VERSION_MAX: u16 = 12;

pub(super) const BAD_FOOTER: &str = "ERR DUMP payload version or checksum are wrong";
pub(super) const NO_FUNCTION: &str = "ERR given type is not a function";
pub(super) const BAD_TEXT: &str = "ERR failed loading functions payload";

/// The payload of these texts.
pub(super) fn write<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        out.push(FUNCTION);
        write_len(&mut out, text.len());
        out.extend_from_slice(text);
    }
    out.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let sum = crc64(0, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// The texts in a payload.
pub(super) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut rest = verified(payload).ok_or(BAD_FOOTER)?;
    let mut texts = Vec::new();
    while let Some((&kind, text)) = rest.split_first() {
        if kind != FUNCTION {
            return Err(NO_FUNCTION);
        }
        rest = text;
        texts.push(read_text(&mut rest).ok_or(BAD_TEXT)?);
    }
    Ok(texts)
}

fn verified(payload: &[u8]) -> Option<&[u8]> {
    let (summed, sum) = payload.split_last_chunk()?;
    let (texts, version) = summed.split_last_chunk()?;
    let is_right = u16::from_le_bytes(*version) <= RDB_VERSION_MAX
        && u64::from_le_bytes(*sum) == crc64(0, summed);
    is_right.then_some(texts)
}

/// A length in 6 bits, 14 bits, or 4 bytes, told apart by the highest two bits.
fn write_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..0x40 => out.push(len as u8),
        0x40..0x4000 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn read_text(rest: &mut &[u8]) -> Option<Vec<u8>> {
    /// A text that is compressed.
    const COMPRESSED: u8 = 0xc3;
    if rest.first() == Some(&COMPRESSED) {
        *rest = &rest[1..];
        let compressed_len = read_len(rest)?;
        let len = read_len(rest)?;
        return lzf::decompress(take(rest, compressed_len)?, len);
    }
    let len = read_len(rest)?;
    Some(take(rest, len)?.to_vec())
}

fn read_len(rest: &mut &[u8]) -> Option<usize> {
    let first = *take(rest, 1)?.first()?;
    let low = usize::from(first & 0x3f);
    let long = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |len, byte| len << 8 | usize::from(*byte))
    };
    match (first >> 6, first) {
        (0, _) => Some(low),
        (1, _) => Some(low << 8 | long(take(rest, 1)?)),
        (2, 0x80) => Some(long(take(rest, 4)?)),
        (2, 0x81) => Some(long(take(rest, 8)?)),
        _ => None,
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}
