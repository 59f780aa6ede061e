//! Whether bytes from outside are a packed list: everything is looked at before
//! anything is used.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::coding::{BACK_BYTES_MAX, END, INT_16, INT_24, INT_32, INT_64, TEXT_32, back_len};
use super::pack::{COUNT_UNKNOWN, HEADER_BYTES};

/// The number of elements; `None` when anything is wrong: the total, the count,
/// a head, a text that leaves the bytes, a length at an entry's end, the end.
pub(super) fn count(bytes: &[u8]) -> Option<usize> {
    let (&total, rest) = bytes.split_first_chunk::<4>()?;
    let (&stated, entries) = rest.split_first_chunk::<2>()?;
    if usize::try_from(u32::from_le_bytes(total)).ok()? != bytes.len() {
        return None;
    }
    let (&END, mut entries) = entries.split_last()? else {
        return None;
    };
    let mut count: usize = 0;
    while !entries.is_empty() {
        entries = after_first(entries)?;
        count = count.checked_add(1)?;
    }
    let stated = u16::from_le_bytes(stated);
    let is_right = stated == COUNT_UNKNOWN || usize::from(stated) == count;
    is_right.then_some(count)
}

/// What follows the first entry.
fn after_first(entries: &[u8]) -> Option<&[u8]> {
    let front_len = front_len(entries)?;
    let rest = entries.get(front_len..)?;
    let (back, rest) = rest.split_at_checked(back_len(front_len))?;
    let (first, others) = back.split_first()?;
    if first & 0x80 != 0 || others.iter().any(|byte| byte & 0x80 == 0) {
        return None;
    }
    let stated = back
        .iter()
        .fold(0_u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
    (u64::try_from(front_len).ok()? == stated).then_some(rest)
}

/// Bytes of the first entry's head and text.
fn front_len(entries: &[u8]) -> Option<usize> {
    let (&head, rest) = entries.split_first()?;
    match head {
        0..=0x7f => Some(1),
        0x80..=0xbf => usize::from(head & 0x3f).checked_add(1),
        0xc0..=0xdf => Some(2),
        0xe0..=0xef => {
            let low = usize::from(*rest.first()?);
            (usize::from(head & 0xf) << 8 | low).checked_add(2)
        }
        TEXT_32 => {
            let len = u32::from_le_bytes(*rest.first_chunk::<4>()?);
            usize::try_from(len).ok()?.checked_add(5)
        }
        INT_16 => Some(3),
        INT_24 => Some(4),
        INT_32 => Some(5),
        INT_64 => Some(9),
        _ => None,
    }
}

const _: () = assert!(HEADER_BYTES == 4 + 2 && BACK_BYTES_MAX == 5);
