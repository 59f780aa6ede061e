//! How entries, ids and times are written into a reply.

use crate::command::item::bulk;
use crate::resp::Reply;
use crate::value::stream::{Entry, Fields, Id};

/// An id as a bulk, written in decimal on the stack.
pub(super) fn id(reply: &mut Reply<'_>, id: Id) {
    // Two numbers of at most 20 digits, and a dash.
    let mut text = [0; 41];
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (ms, seq) = (ms.format(id.ms).as_bytes(), seq.format(id.seq).as_bytes());
    let len = ms.len() + 1 + seq.len();
    text[..ms.len()].copy_from_slice(ms);
    text[ms.len()] = b'-';
    text[ms.len() + 1..len].copy_from_slice(seq);
    reply.bulk(&text[..len]);
}

/// An entry: its id, and its fields with their values.
pub(super) fn entry(reply: &mut Reply<'_>, entry: Entry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    fields(reply, entry.fields);
}

fn fields(reply: &mut Reply<'_>, fields: Fields<'_>) {
    reply.array(2 * fields.len());
    for (field, value) in fields {
        bulk(reply, field);
        bulk(reply, value);
    }
}

/// Entries as an array.
pub(super) fn entries<'a>(reply: &mut Reply<'_>, all: impl Iterator<Item = Entry<'a>>) {
    let mark = reply.deferred();
    let mut len = 0;
    for one in all {
        entry(reply, one);
        len += 1;
    }
    reply.fill_array(mark, len);
}

/// A counter as clients are told it: numbers beyond 63 bits show below zero.
pub(super) fn count(reply: &mut Reply<'_>, count: u64) {
    reply.int(count as i64);
}
