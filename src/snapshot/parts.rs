//! A large value in the RDB format, written some elements at a time. Those of a hash, a set or a
//! sorted set that is no packed list may stand there in any order; the nodes of a list or a stream
//! are in theirs. A text is parted into pages; its length is for the caller to write.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::VecDeque;

use crate::value::CutElement;
use crate::value::listpack::Item;

use super::file::{Record, write_head};
use super::sink::Sink;
use super::string::{Compression, write_length, write_string};
use super::value::Value;
use super::{hash, list, sorted_set, stream};

/// A record under way.
#[derive(Clone, Debug)]
pub struct Parts {
    compression: Compression,
    /// No field of the hash is due before, if it has deadlines.
    earliest: Option<u64>,
    /// What stands between lists of elements, and behind all: of a stream, what is not pending
    /// of its groups.
    between: VecDeque<Vec<u8>>,
}

impl Parts {
    /// Writes what stands before the elements. As many follow as the value has.
    pub fn begin(out: &mut impl Sink, record: &Record<'_>, compression: Compression) -> Self {
        write_head(out, record, compression);
        let (mut earliest, mut between) = (None, VecDeque::new());
        match record.value {
            Value::Hash(hash) => {
                // The earliest itself would take a look at every field. Readers only add to it.
                let bound = || hash.next_deadline().unwrap_or_default();
                earliest = hash.has_deadlines().then(bound);
                hash::write_count(out, hash, earliest);
            }
            Value::Set(set) => write_length(out, set.len() as u64),
            Value::SortedSet(set) => write_length(out, set.len() as u64),
            Value::List(list) => write_length(out, list.part_count() as u64),
            Value::Stream(stream) => {
                write_length(out, stream.entries().node_count() as u64);
                between = stream::parts_of_rest(stream, compression);
            }
            // Whoever begins it knows whether it is compressed.
            Value::Text(_) => {}
        }
        Self {
            compression,
            earliest,
            between,
        }
    }

    /// Writes an element.
    pub fn put(&mut self, out: &mut impl Sink, element: CutElement<'_>) {
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
            CutElement::Part(part) => list::write_part(out, part, compression),
            CutElement::Mark => self.put_between(out),
            CutElement::Pending(id, delivered_at, deliveries) => {
                stream::write_pending(out, id, delivered_at, deliveries);
            }
            CutElement::PendingOf(id) => stream::write_pending_of(out, id),
            CutElement::Page(page) => out.put(page),
            CutElement::Node(id, pack) => stream::write_node(out, id, pack, compression),
        }
    }

    /// Writes what stands behind the elements.
    pub fn end(&mut self, out: &mut impl Sink) {
        self.put_between(out);
    }

    fn put_between(&mut self, out: &mut impl Sink) {
        out.put(&self.between.pop_front().unwrap_or_default());
    }
}
