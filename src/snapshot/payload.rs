//! What DUMP answers and RESTORE takes: a value as in an RDB file, and a footer.
//!
//! ```text
//! type  value  version, 2 bytes  CRC-64 of all before it, 8 bytes   (both lowest byte first)
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::base::crc64;

use super::string::{Compression, read_string, write_string};

/// The version written: that of Redis 7.0, which a 7.0 node that we migrate to can read.
pub const RDB_VERSION: u16 = 10;

/// The newest version read: later stock servers write 12, with the same strings.
pub const RDB_VERSION_MAX: u16 = 12;

/// Why a payload cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFault {
    /// `ERR DUMP payload version or checksum are wrong`
    BadVersionOrChecksum,
    /// `ERR Bad data format`
    BadData,
    /// A value of a type of Redis's that we do not hold, by its number in the RDB format.
    ForeignType(u8),
}

const TYPE_STRING: u8 = 0;

/// Types of values that Redis 7.2 reads: up to the third kind of stream. 8 was never used, 6 is a
/// kind of module that no release wrote.
const FOREIGN_TYPES: [std::ops::RangeInclusive<u8>; 2] = [1..=7, 9..=21];

/// Appends the payload of a string.
pub fn write_payload(out: &mut Vec<u8>, text: &[u8], compression: Compression) {
    let start = out.len();
    out.push(TYPE_STRING);
    write_string(out, text, compression);
    out.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let (_, payload) = out.split_at(start);
    let sum = crc64(0, payload);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The string in a payload. The footer is judged first, then the type, then the value; bytes
/// between the value and the footer are ignored, as stock does. A value that reaches into the
/// footer is refused, where stock would read on and take the footer for text.
pub fn read_payload(payload: &[u8]) -> Result<Cow<'_, [u8]>, PayloadFault> {
    let mut value = verified(payload).ok_or(PayloadFault::BadVersionOrChecksum)?;
    let (&kind, rest) = value.split_first().ok_or(PayloadFault::BadData)?;
    value = rest;
    if kind == TYPE_STRING {
        read_string(&mut value).or(Err(PayloadFault::BadData))
    } else if FOREIGN_TYPES.iter().any(|types| types.contains(&kind)) {
        Err(PayloadFault::ForeignType(kind))
    } else {
        Err(PayloadFault::BadData)
    }
}

/// The payload before its footer, if that is right.
fn verified(payload: &[u8]) -> Option<&[u8]> {
    let (summed, sum) = payload.split_last_chunk()?;
    let (value, version) = summed.split_last_chunk()?;
    let is_right = u16::from_le_bytes(*version) <= RDB_VERSION_MAX
        && u64::from_le_bytes(*sum) == crc64(0, summed);
    is_right.then_some(value)
}
