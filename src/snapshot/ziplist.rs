//! The packed list of Redis up to 6.2, which files and payloads of those versions hold: lists,
//! sorted sets and hashes of few elements. Read only; what is read moves into our own forms.
//!
//! ```text
//! bytes, 4  tail, 4  count, 2  entry …  ff                  numbers lowest byte first
//! entry:    length of the entry before it, encoding, data
//! length:   1 byte below 254, or fe and 4 bytes
//! encoding: 00LLLLLL                   text of L bytes
//!           01LLLLLL LLLLLLLL          the same, highest bits first
//!           10...... 4 bytes           the same, highest byte first
//!           c0 d0 e0 f0 fe             a number of 2, 4, 8, 3, 1 bytes
//!           f1 … fd                    the number 0 … 12
//! ```
//!
//! `tail` is where the last entry begins, or would; a count of 65,535 says nothing. Every byte is
//! judged: what this iterator goes through to the end without a fault is a ziplist in all its parts.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use super::element::Element;
use super::string::{Malformed, take, take_slice};

/// The elements of a ziplist, judged as they come: after a fault nothing follows.
pub struct Ziplist<'a> {
    /// From the next entry on; `None` after the end.
    rest: Option<&'a [u8]>,
    /// Where the next entry begins in the whole.
    at: usize,
    /// Where the last entry that came began, and how long it was.
    last_at: usize,
    last_bytes: usize,
    seen: usize,
    tail: usize,
    count: Option<usize>,
}

const HEADER_BYTES: usize = 10;
const END: u8 = 0xff;
const LONG_LENGTH: u8 = 0xfe;

/// The count that stands for all it cannot say.
const UNCOUNTED: u16 = u16::MAX;

impl<'a> Ziplist<'a> {
    /// Looks at the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        let total = u32::from_le_bytes(take(&mut rest)?);
        let tail = u32::from_le_bytes(take(&mut rest)?);
        let count = u16::from_le_bytes(take(&mut rest)?);
        if usize::try_from(total) != Ok(bytes.len()) {
            return Err(Malformed);
        }
        Ok(Self {
            rest: Some(rest),
            at: HEADER_BYTES,
            last_at: HEADER_BYTES,
            last_bytes: 0,
            seen: 0,
            tail: usize::try_from(tail).or(Err(Malformed))?,
            count: (count != UNCOUNTED).then_some(usize::from(count)),
        })
    }

    /// Whether what came is what the header says.
    fn is_whole(&self) -> bool {
        self.tail == self.last_at && self.count.is_none_or(|count| count == self.seen)
    }

    /// The element at `rest`, which goes on behind it.
    fn step(&mut self, mut rest: &'a [u8]) -> Result<Element<'a>, Malformed> {
        let before = rest.len();
        let last_bytes = match take(&mut rest)? {
            [END] => return Err(Malformed),
            [LONG_LENGTH] => usize::try_from(u32::from_le_bytes(take(&mut rest)?)),
            [length] => Ok(usize::from(length)),
        };
        if last_bytes != Ok(self.last_bytes) {
            return Err(Malformed);
        }
        let item = element(&mut rest)?;
        // No sum of lengths passes that of the bytes.
        self.last_bytes = before.saturating_sub(rest.len());
        self.last_at = self.at;
        self.at = self.at.saturating_add(self.last_bytes);
        self.seen = self.seen.saturating_add(1);
        self.rest = Some(rest);
        Ok(item)
    }
}

impl<'a> Iterator for Ziplist<'a> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rest.take()? {
            [END] => (!self.is_whole()).then_some(Err(Malformed)),
            rest => Some(self.step(rest)),
        }
    }
}

fn element<'a>(rest: &mut &'a [u8]) -> Result<Element<'a>, Malformed> {
    let [first] = take(rest)?;
    let len = match first {
        0..0x40 => u64::from(first),
        0x40..0x80 => {
            let [low] = take(rest)?;
            u64::from(u16::from_be_bytes([first & 0x3f, low]))
        }
        0x80..0xc0 => u64::from(u32::from_be_bytes(take(rest)?)),
        0xc0.. => return number(first, rest).map(Element::Int),
    };
    take_slice(rest, len).map(Cow::Borrowed).map(Element::Text)
}

fn number(encoding: u8, rest: &mut &[u8]) -> Result<i64, Malformed> {
    Ok(match encoding {
        0xc0 => i64::from(i16::from_le_bytes(take(rest)?)),
        0xd0 => i64::from(i32::from_le_bytes(take(rest)?)),
        0xe0 => i64::from_le_bytes(take(rest)?),
        0xf0 => {
            let [low, middle, high] = take(rest)?;
            // The sign comes along from the top of four bytes.
            i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)
        }
        0xfe => i64::from(i8::from_le_bytes(take(rest)?)),
        0xf1..=0xfd => i64::from((encoding & 0x0f).saturating_sub(1)),
        _ => return Err(Malformed),
    })
}
