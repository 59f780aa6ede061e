//! How one entry is written and read.
//!
//! ```text
//! head                     holds
//! 0vvvvvvv                 0 to 127
//! 10llllll                 a text of up to 63 bytes
//! 110vvvvv vvvvvvvv        -4,096 to 4,095, big end first
//! 1110llll llllllll        a text of up to 4,095 bytes, big end first
//! f0 llllllll × 4          a longer text, little end first
//! f1 f2 f3 f4              an integer of 16, 24, 32, 64 bits, little end first
//! ```
//!
//! The length at an entry's end counts head and text, seven bits in a byte, the
//! last byte the low ones; all bytes but the first have their top bit set.
//!
//! The bytes given here are valid: those from outside passed `validate` first.

use super::item::Item;

pub(super) const TEXT_32: u8 = 0xf0;
pub(super) const INT_16: u8 = 0xf1;
pub(super) const INT_24: u8 = 0xf2;
pub(super) const INT_32: u8 = 0xf3;
pub(super) const INT_64: u8 = 0xf4;
/// Stands after the last entry.
pub(super) const END: u8 = 0xff;

/// The longest head: a byte and an integer of 64 bits.
const HEAD_BYTES_MAX: usize = 9;
/// The longest length at an entry's end.
pub(super) const BACK_BYTES_MAX: usize = 5;

/// An entry to be written.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    head: [u8; HEAD_BYTES_MAX],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Entry<'a> {
    #[inline]
    pub(super) fn of(item: Item<'a>) -> Self {
        match item {
            Item::Int(number) => Self::of_int(number),
            Item::Text(text) => Self::of_text(text),
        }
    }

    fn of_int(number: i64) -> Self {
        let bytes = number.to_le_bytes();
        let wide = |kind: u8, len: usize| {
            let mut head = [kind, 0, 0, 0, 0, 0, 0, 0, 0];
            head[1..=len].copy_from_slice(&bytes[..len]);
            (head, 1 + len)
        };
        let (head, head_len) = match number {
            0..=127 => ([number as u8, 0, 0, 0, 0, 0, 0, 0, 0], 1),
            -4096..=4095 => {
                let high = 0xc0 | (number >> 8) as u8 & 0x1f;
                ([high, number as u8, 0, 0, 0, 0, 0, 0, 0], 2)
            }
            -0x8000..=0x7fff => wide(INT_16, 2),
            -0x80_0000..=0x7f_ffff => wide(INT_24, 3),
            -0x8000_0000..=0x7fff_ffff => wide(INT_32, 4),
            _ => wide(INT_64, 8),
        };
        Self {
            head,
            head_len,
            text: b"",
        }
    }

    #[inline]
    fn of_text(text: &'a [u8]) -> Self {
        let len = u32::try_from(text.len()).expect("texts are shorter than a packed list may be");
        let mut head = [0; HEAD_BYTES_MAX];
        let head_len = match len {
            0..=63 => {
                head[0] = 0x80 | len as u8;
                1
            }
            64..=4095 => {
                head[0] = 0xe0 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            _ => {
                head[0] = TEXT_32;
                head[1..5].copy_from_slice(&len.to_le_bytes());
                5
            }
        };
        Self {
            head,
            head_len,
            text,
        }
    }

    /// Bytes of head and text.
    fn front_len(&self) -> usize {
        self.head_len + self.text.len()
    }

    /// Bytes of all of it.
    pub(super) fn len(&self) -> usize {
        self.front_len() + back_len(self.front_len())
    }

    /// Writes it over `out`, which is as long as it.
    #[inline]
    pub(super) fn write(&self, out: &mut [u8]) {
        let (head, rest) = out.split_at_mut(self.head_len);
        let (text, back) = rest.split_at_mut(self.text.len());
        head.copy_from_slice(&self.head[..self.head_len]);
        text.copy_from_slice(self.text);
        let len = self.front_len();
        for (place, byte) in back.iter_mut().rev().enumerate() {
            *byte = (len >> (7 * place)) as u8 | 0x80;
        }
        back[0] &= 0x7f;
    }
}

/// Bytes of the length that stands after `front_len` bytes. The largest number
/// of each width but the first takes one byte more than it needs, in stock's
/// files and so here.
#[inline]
pub(super) const fn back_len(front_len: usize) -> usize {
    match front_len {
        0..=0x7f => 1,
        0x80..=0x3ffe => 2,
        0x3fff..=0x1f_fffe => 3,
        0x1f_ffff..=0xfff_fffe => 4,
        _ => BACK_BYTES_MAX,
    }
}

/// The entry at `at`, and where the next one begins.
#[inline]
pub(super) fn read(bytes: &[u8], at: usize) -> (Item<'_>, usize) {
    let text = |head_len: usize, len: usize| {
        let start = at + head_len;
        (Item::Text(&bytes[start..start + len]), head_len + len)
    };
    let head = bytes[at];
    let (item, front_len) = match head {
        0..=0x7f => (Item::Int(i64::from(head)), 1),
        0x80..=0xbf => text(1, usize::from(head & 0x3f)),
        0xc0..=0xdf => {
            let high = i16::from(head & 0x1f) << 8 | i16::from(bytes[at + 1]);
            // Thirteen bits at the top of sixteen, and back with their sign.
            (Item::Int(i64::from(high << 3 >> 3)), 2)
        }
        0xe0..=0xef => text(2, usize::from(head & 0xf) << 8 | usize::from(bytes[at + 1])),
        TEXT_32 => text(5, long_text_len(bytes, at)),
        INT_16 => (Item::Int(int(bytes, at + 1, 2)), 3),
        INT_24 => (Item::Int(int(bytes, at + 1, 3)), 4),
        INT_32 => (Item::Int(int(bytes, at + 1, 4)), 5),
        INT_64 => (Item::Int(int(bytes, at + 1, 8)), 9),
        _ => panic!("no entry begins with {head:#x}"),
    };
    (item, at + front_len + back_len(front_len))
}

/// Where the entry after the one at `at` begins.
#[inline]
pub(super) fn after(bytes: &[u8], at: usize) -> usize {
    let head = bytes[at];
    let front_len = match head {
        0..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(head & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(head & 0xf) << 8 | usize::from(bytes[at + 1])),
        TEXT_32 => 5 + long_text_len(bytes, at),
        INT_16 => 3,
        INT_24 => 4,
        INT_32 => 5,
        INT_64 => 9,
        _ => panic!("no entry begins with {head:#x}"),
    };
    at + front_len + back_len(front_len)
}

/// Where the entry before `end` begins.
#[inline]
pub(super) fn before(bytes: &[u8], end: usize) -> usize {
    let mut front_len = 0;
    let mut width = 0;
    loop {
        let byte = bytes[end - 1 - width];
        front_len |= usize::from(byte & 0x7f) << (7 * width);
        width += 1;
        if byte & 0x80 == 0 {
            return end - width - front_len;
        }
    }
}

fn long_text_len(bytes: &[u8], at: usize) -> usize {
    let len: [u8; 4] = bytes[at + 1..at + 5]
        .try_into()
        .expect("the range has four bytes");
    u32::from_le_bytes(len) as usize
}

fn int(bytes: &[u8], at: usize, len: usize) -> i64 {
    let mut wide = [0; 8];
    // At the top first, so that shifting back keeps the sign.
    wide[8 - len..].copy_from_slice(&bytes[at..at + len]);
    i64::from_le_bytes(wide) >> (64 - 8 * len)
}
