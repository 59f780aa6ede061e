//! One key in a file: how long it lives, when it was used, its type, its name, its value.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use super::fault::{FileFault, Why};
use super::opcode;
use crate::snapshot::sink::Sink;
use crate::snapshot::string::{Compression, read_string, write_length, write_string};
use crate::snapshot::value::{Restored, Value, read_value, write_value};
use crate::snapshot::{Kind, Malformed};
use crate::value::Rules;

/// What a file says of when a key was used: what `maxmemory-policy` looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    #[default]
    Untold,
    IdleSeconds(u64),
    Frequency(u8),
}

/// A key to be written.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub key: &'a [u8],
    pub value: Value<'a>,
    /// Unix milliseconds.
    pub deadline: Option<u64>,
    pub usage: Usage,
}

/// Writes a key with its value.
pub fn write_record(out: &mut impl Sink, record: &Record<'_>, compression: Compression) {
    write_head(out, record, compression);
    write_value(out, record.value, compression);
}

/// Writes all of a record that stands before the value.
pub(in crate::snapshot) fn write_head(
    out: &mut impl Sink,
    record: &Record<'_>,
    compression: Compression,
) {
    if let Some(deadline) = record.deadline {
        out.put(&[opcode::DEADLINE_MS]);
        out.put(&deadline.to_le_bytes());
    }
    match record.usage {
        Usage::Untold => {}
        Usage::IdleSeconds(seconds) => {
            out.put(&[opcode::IDLE]);
            write_length(out, seconds);
        }
        Usage::Frequency(counter) => out.put(&[opcode::FREQUENCY, counter]),
    }
    out.put(&[record.value.kind() as u8]);
    write_string(out, record.key, compression);
}

/// A key that was read: what belongs to it, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    pub database: usize,
    pub deadline: Option<u64>,
    pub usage: Usage,
    pub kind: Kind,
    /// The name and the value.
    pub body: &'a [u8],
    /// Bytes of the file before its type.
    pub at: u64,
}

impl<'a> RawRecord<'a> {
    /// The name alone: enough to know whose it is.
    pub fn key(&self) -> Result<Cow<'a, [u8]>, FileFault> {
        let mut body = self.body;
        read_string(&mut body).map_err(|Malformed| self.fault(Why::Garbled, None))
    }

    /// Name and value. All of the value is judged; it may have no elements.
    pub fn decode(&self, rules: &Rules) -> Result<(Cow<'a, [u8]>, Restored<'a>), FileFault> {
        let mut body = self.body;
        let key = read_string(&mut body).map_err(|Malformed| self.fault(Why::Garbled, None))?;
        let bad = |key: &[u8]| self.fault(Why::BadValue(self.kind), Some(key));
        match read_value(self.kind, &mut body, rules) {
            Ok(value) if body.is_empty() => Ok((key, value)),
            Ok(_) | Err(Malformed) => Err(bad(&key)),
        }
    }

    /// That something is wrong with it.
    pub fn fault(&self, why: Why, key: Option<&[u8]>) -> FileFault {
        FileFault {
            why,
            at: self.at,
            database: self.database,
            key: key.map(<[u8]>::to_vec),
        }
    }
}
