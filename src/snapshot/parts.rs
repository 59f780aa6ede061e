//! A large value in the RDB format, written some elements at a time: a hash, a set or a sorted set
//! that is no packed list. Its elements may stand there in any order.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use crate::value::CutElement;
use crate::value::listpack::Item;

use super::file::{Record, write_head};
use super::sink::Sink;
use super::string::{Compression, write_length, write_string};
use super::value::Value;
use super::{hash, sorted_set};

/// A record under way.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    compression: Compression,
    /// No field of the hash is due before, if it has deadlines.
    earliest: Option<u64>,
}

impl Parts {
    /// Writes what stands before the elements. As many follow as the value has.
    pub fn begin(out: &mut impl Sink, record: &Record<'_>, compression: Compression) -> Self {
        write_head(out, record, compression);
        let mut earliest = None;
        match record.value {
            Value::Hash(hash) => {
                // The earliest itself would take a look at every field. Readers only add to it.
                let bound = || hash.next_deadline().unwrap_or_default();
                earliest = hash.has_deadlines().then(bound);
                hash::write_count(out, hash, earliest);
            }
            Value::Set(set) => write_length(out, set.len() as u64),
            Value::SortedSet(set) => write_length(out, set.len() as u64),
            Value::Text(_) | Value::List(_) | Value::Stream(_) => {
                unreachable!("only values of which cuts are made are written in parts")
            }
        }
        Self {
            compression,
            earliest,
        }
    }

    /// Writes an element.
    pub fn put(&self, out: &mut impl Sink, element: CutElement<'_>) {
        let compression = self.compression;
        match element {
            CutElement::Field(field, value, deadline) => {
                let deadlines = (deadline, self.earliest);
                hash::write_field(out, Item::Text(field), value, deadlines, compression);
            }
            CutElement::Member(member) => write_string(out, member, compression),
            CutElement::Scored(member, score) => {
                sorted_set::write_member(out, member, score, compression);
            }
        }
    }
}
