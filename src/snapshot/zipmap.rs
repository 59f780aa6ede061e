//! The packed hash of Redis up to 2.4, which files of those versions hold. Read only.
//!
//! ```text
//! count, 1  (length key length free value unused …) …  ff
//! length:   1 byte below 254, or fe and 4 bytes, lowest byte first, from 254 on
//! free:     1 byte: how many unused bytes follow the value
//! ```
//!
//! A count of 254 says nothing. Every byte is judged, as in `ziplist`.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::string::{Malformed, take, take_slice};

/// The fields of a zipmap with their values, judged as they come: after a fault nothing follows.
pub struct Zipmap<'a> {
    /// From the next field on; `None` after the end.
    rest: Option<&'a [u8]>,
    seen: usize,
    count: Option<usize>,
}

const END: u8 = 0xff;
const LONG_LENGTH: u8 = 0xfe;

/// As a count: there may be any number.
const MANY: u8 = 0xfe;

impl<'a> Zipmap<'a> {
    /// Looks at the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&count, rest) = bytes.split_first().ok_or(Malformed)?;
        Ok(Self {
            rest: Some(rest),
            seen: 0,
            count: (count != MANY).then_some(usize::from(count)),
        })
    }
}

impl<'a> Iterator for Zipmap<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.take()?;
        if let [END] = *rest {
            let is_whole = self.count.is_none_or(|count| count == self.seen);
            return (!is_whole).then_some(Err(Malformed));
        }
        let pair = pair(&mut rest);
        if pair.is_ok() {
            self.seen = self.seen.saturating_add(1);
            self.rest = Some(rest);
        }
        Some(pair)
    }
}

fn pair<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Malformed> {
    let key_bytes = length(rest)?;
    let key = take_slice(rest, key_bytes)?;
    let value_bytes = length(rest)?;
    let [free] = take(rest)?;
    let value = take_slice(rest, value_bytes)?;
    take_slice(rest, u64::from(free))?;
    Ok((key, value))
}

fn length(rest: &mut &[u8]) -> Result<u64, Malformed> {
    match take(rest)? {
        [END] => Err(Malformed),
        [LONG_LENGTH] => match take(rest).map(u32::from_le_bytes)? {
            // Nobody writes a short one at length.
            ..0xfe => Err(Malformed),
            length => Ok(u64::from(length)),
        },
        [length] => Ok(u64::from(length)),
    }
}
