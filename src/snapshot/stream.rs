//! Streams in the RDB format.
//!
//! ```text
//! nodes      count, (16 bytes of id, listpack) …
//! entries    length, last id, first id, largest deleted id, entries added
//! groups     count, (name, last id, entries read, pending, consumers) …
//! pending    count, (16 bytes of id, 8 bytes of time, deliveries) …
//! consumers  count, (name, 8 bytes seen, 8 bytes active, count, 16 bytes of id …) …
//! ```
//!
//! Other ids are two lengths, times are Unix milliseconds. `Stream1` ends the entries after the last
//! id and has no entries read; only `Stream3` has the time a consumer was active. We write `Stream2`,
//! which all servers since 7.0 read.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use crate::value::listpack::Listpack;
use crate::value::stream::{Consumer, Group, History, Id, Pending, Stream};

use super::kind::Kind;
use super::sink::Sink;
use super::string::{
    Compression, Malformed, read_length, read_string, take, write_length, write_string,
};
use super::value::ValueFault;

/// How entries read are written when they are not known.
const UNKNOWN: u64 = u64::MAX;

/// Appends a stream as `Stream2`.
pub(super) fn write_stream(out: &mut impl Sink, stream: &Stream, compression: Compression) {
    let entries = stream.entries();
    write_length(out, entries.node_count() as u64);
    for (id, pack) in entries.nodes() {
        write_node(out, id, pack, compression);
    }
    write_rest(out, stream, compression);
}

pub(super) fn write_node(out: &mut impl Sink, id: Id, pack: &Listpack, compression: Compression) {
    write_string(out, &id.to_bytes(), Compression::Off);
    write_string(out, pack.bytes(), compression);
}

/// What stands behind the nodes.
fn write_rest(out: &mut impl Sink, stream: &Stream, compression: Compression) {
    write_around(out, stream, compression, |out, list| match list {
        Ids::Of(group) => {
            for (id, pending) in group.pending(Id::MIN, Id::MAX) {
                write_pending(out, id, pending.delivered_at, pending.deliveries);
            }
        }
        Ids::At(consumer) => consumer
            .pending_ids()
            .for_each(|id| write_pending_of(out, id)),
    });
}

/// What stands behind the nodes, in parts, between which the lists of what is pending belong.
pub(super) fn parts_of_rest(stream: &Stream, compression: Compression) -> VecDeque<Vec<u8>> {
    let (mut parts, mut last) = (VecDeque::new(), Vec::new());
    write_around(&mut last, stream, compression, |part, _| {
        parts.push_back(mem::take(part));
    });
    parts.push_back(last);
    parts
}

pub(super) fn write_pending(out: &mut impl Sink, id: Id, delivered_at: u64, deliveries: u64) {
    out.put(&id.to_bytes());
    out.put(&delivered_at.to_le_bytes());
    write_length(out, deliveries);
}

pub(super) fn write_pending_of(out: &mut impl Sink, id: Id) {
    out.put(&id.to_bytes());
}

/// A list of what is pending.
enum Ids<'a> {
    Of(&'a Group),
    At(&'a Consumer),
}

/// Writes what stands around the lists of what is pending, which `write` writes.
fn write_around<S: Sink>(
    out: &mut S,
    stream: &Stream,
    compression: Compression,
    mut write: impl FnMut(&mut S, Ids<'_>),
) {
    let entries = stream.entries();
    let history = entries.history();
    write_length(out, entries.len());
    write_id(out, history.last_id);
    write_id(out, history.first_id);
    write_id(out, history.max_deleted_id);
    write_length(out, history.added);
    write_length(out, stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        write_string(out, name, compression);
        write_id(out, group.last_id);
        write_length(out, group.entries_read.unwrap_or(UNKNOWN));
        write_length(out, group.pending_len() as u64);
        write(out, Ids::Of(group));
        write_length(out, group.consumers().len() as u64);
        for consumer in group.consumers() {
            write_string(out, consumer.name(), compression);
            out.put(&consumer.seen_at.to_le_bytes());
            write_length(out, consumer.pending_len() as u64);
            write(out, Ids::At(consumer));
        }
    }
}

fn write_id(out: &mut impl Sink, id: Id) {
    write_length(out, id.ms);
    write_length(out, id.seq);
}

/// Reads what `Stream1`, `Stream2` or `Stream3` begins with.
pub(super) fn read_stream(bytes: &mut &[u8], kind: Kind) -> Result<Stream, ValueFault> {
    let mut stream = Stream::default();
    for _ in 0..read_length(bytes)? {
        let id = read_string(bytes)?;
        let id = <[u8; 16]>::try_from(&*id).or(Err(Malformed))?;
        let pack = Listpack::from_bytes(&read_string(bytes)?).ok_or(ValueFault::Node)?;
        let entries = stream.entries_mut();
        let is_node = entries.push_saved(Id::from_bytes(id), pack);
        is_node.ok_or(ValueFault::Node)?;
    }
    let len = read_length(bytes)?;
    let mut history = History {
        last_id: read_id(bytes)?,
        added: len,
        ..History::default()
    };
    if kind != Kind::Stream1 {
        // The first id is known from the entries.
        read_id(bytes)?;
        history.max_deleted_id = read_id(bytes)?;
        history.added = read_length(bytes)?;
    }
    let is_true = stream.entries_mut().set_saved(len, history);
    is_true.ok_or(Malformed)?;
    for _ in 0..read_length(bytes)? {
        let name = read_string(bytes)?;
        let group = read_group(bytes, &stream, kind)?;
        if !stream.add_group(&name, group) {
            return Err(ValueFault::Other);
        }
    }
    Ok(stream)
}

/// When a pending entry was last given, and how often.
type Given = (u64, u64);

fn read_group(bytes: &mut &[u8], stream: &Stream, kind: Kind) -> Result<Group, ValueFault> {
    let last_id = read_id(bytes)?;
    let entries_read = match kind {
        Kind::Stream1 => stream.entries().rank(last_id),
        _ => Some(read_length(bytes)?).filter(|read| *read != UNKNOWN),
    };
    let mut group = Group::new(last_id, entries_read);
    let mut pending: BTreeMap<Id, Given> = BTreeMap::new();
    for _ in 0..read_length(bytes)? {
        let id = Id::from_bytes(take(bytes)?);
        let given = (u64::from_le_bytes(take(bytes)?), read_length(bytes)?);
        if pending.insert(id, given).is_some() {
            return Err(ValueFault::Other);
        }
    }
    for _ in 0..read_length(bytes)? {
        read_consumer(bytes, &mut group, &mut pending, kind)?;
    }
    // What is pending is pending at somebody.
    let is_all = pending.is_empty();
    is_all.then_some(group).ok_or(ValueFault::Other)
}

/// Reads a consumer, and gives it its own of what is pending.
fn read_consumer(
    bytes: &mut &[u8],
    group: &mut Group,
    pending: &mut BTreeMap<Id, Given>,
    kind: Kind,
) -> Result<(), ValueFault> {
    let name = read_string(bytes)?;
    if group.find_consumer(&name).is_some() {
        return Err(ValueFault::Consumer);
    }
    let seen_at = u64::from_le_bytes(take(bytes)?);
    let consumer = group.add_consumer(&name, seen_at);
    group.consumer_mut(consumer).active_at = match kind {
        Kind::Stream3 => Some(u64::from_le_bytes(take(bytes)?)).filter(|at| *at != UNKNOWN),
        _ => Some(seen_at),
    };
    for _ in 0..read_length(bytes)? {
        let id = Id::from_bytes(take(bytes)?);
        let Some((delivered_at, deliveries)) = pending.remove(&id) else {
            let is_given = group.find_pending(id).is_some();
            return Err(match is_given {
                true => ValueFault::Pending,
                false => ValueFault::Other,
            });
        };
        let own = Pending {
            consumer,
            delivered_at,
            deliveries,
        };
        group.assign(id, own);
    }
    Ok(())
}

fn read_id(bytes: &mut &[u8]) -> Result<Id, Malformed> {
    Ok(Id {
        ms: read_length(bytes)?,
        seq: read_length(bytes)?,
    })
}
