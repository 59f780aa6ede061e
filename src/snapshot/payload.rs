//! What DUMP answers and RESTORE takes: a value as in an RDB file, and a footer.
//!
//! ```text
//! type  value  version, 2 bytes  CRC-64 of all before it, 8 bytes   (both lowest byte first)
//! ```

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::base::crc64;
use crate::value::Rules;

use super::kind::{Kind, KindFault};
use super::string::Compression;
use super::value::{Restored, Value, ValueFault, failed_check, judge_value, write_value};

/// The version written: that of Redis 7.0, which a 7.0 node that we migrate to can read.
pub const RDB_VERSION: u16 = 10;

/// The newest version read, and that of what Redis 7.2 cannot read: hashes whose fields have
/// deadlines.
pub const RDB_VERSION_MAX: u16 = 12;

/// Whether a payload's checksum counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Checked,
    /// For tests of what a wrong one lets through.
    Skipped,
}

/// Why a payload cannot be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadFault {
    /// `ERR DUMP payload version or checksum are wrong`
    BadVersionOrChecksum,
    /// `ERR Bad data format`; which check failed, for the log.
    BadData(&'static str),
    /// A value of a module or of a release candidate, by its number in the RDB format.
    ForeignType(u8),
}

/// Appends the payload of a value.
pub fn write_payload(out: &mut Vec<u8>, value: Value<'_>, compression: Compression) {
    let start = out.len();
    let kind = value.kind();
    out.push(kind as u8);
    write_value(out, value, compression);
    let version = match kind {
        Kind::HashDeadlines | Kind::HashListpackDeadlines => RDB_VERSION_MAX,
        _ => RDB_VERSION,
    };
    out.extend_from_slice(&version.to_le_bytes());
    let (_, payload) = out.split_at(start);
    let sum = crc64(0, payload);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// The value in a payload. The footer is judged first, then the type, then the value; bytes
/// between the value and the footer are ignored, as stock does. A value that reaches into the
/// footer is refused, where stock would read on and take the footer for text.
pub fn read_payload<'a>(
    payload: &'a [u8],
    sum: Sum,
    rules: &Rules,
) -> Result<Restored<'a>, PayloadFault> {
    let mut value = verified(payload, sum).ok_or(PayloadFault::BadVersionOrChecksum)?;
    let (&kind, rest) = value.split_first().ok_or(PayloadFault::BadData(
        "its integrity check failed: nothing is there",
    ))?;
    value = rest;
    let kind = Kind::from_byte(kind).map_err(|fault| match fault {
        KindFault::Foreign(kind) => PayloadFault::ForeignType(kind),
        KindFault::Unknown => PayloadFault::BadData("its integrity check failed: no such type"),
    })?;
    let refused = |fault| PayloadFault::BadData(failed_check(kind, fault));
    let restored = judge_value(kind, &mut value, rules).map_err(refused)?;
    if restored.is_empty() {
        return Err(refused(ValueFault::Other));
    }
    Ok(restored)
}

/// The payload before its footer, if that is right.
fn verified(payload: &[u8], judged: Sum) -> Option<&[u8]> {
    let (summed, sum) = payload.split_last_chunk()?;
    let (value, version) = summed.split_last_chunk()?;
    let is_whole = || judged == Sum::Skipped || u64::from_le_bytes(*sum) == crc64(0, summed);
    let is_right = u16::from_le_bytes(*version) <= RDB_VERSION_MAX && is_whole();
    is_right.then_some(value)
}
