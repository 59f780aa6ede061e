//! A value in the RDB format: which kind it is written as, written, and read from every kind.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::value::{Compound, Rules};

use super::kind::Kind;
use super::string::{Compression, Malformed, read_string, write_string};

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Text(&'a [u8]),
}

/// A value that was read; a text is borrowed where it stands there as it is.
#[derive(Debug)]
pub enum Restored<'a> {
    Text(Cow<'a, [u8]>),
    /// Has elements.
    Compound(Compound),
}

impl<'a> Value<'a> {
    /// A compound, if the format has words for it.
    pub fn of(_: &'a Compound) -> Option<Self> {
        None
    }

    /// What [`write_value`] writes this one as.
    pub fn kind(self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
        }
    }
}

/// Appends a value, without its kind.
pub fn write_value(out: &mut Vec<u8>, value: Value<'_>, compression: Compression) {
    match value {
        Value::Text(text) => write_string(out, text, compression),
    }
}

/// Takes a value of a kind off the front of `bytes`. All of it is judged before it is answered.
pub fn read_value<'a>(
    kind: Kind,
    bytes: &mut &'a [u8],
    _: &Rules,
) -> Result<Restored<'a>, Malformed> {
    match kind {
        Kind::Text => read_string(bytes).map(Restored::Text),
        _ => Err(Malformed),
    }
}
