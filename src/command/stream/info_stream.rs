//! XINFO STREAM.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group as Family, KeyFlags, Keys, Spec};
use crate::value::stream::{Consumer, Direction, Entries, Entry, Group, Id, Stream};

use super::entry;
use super::info::{progress, read};

pub(super) const XINFO_STREAM: Command = Command {
    spec: Spec {
        name: "STREAM",
        usage: "key [full-block=(FULL [COUNT count:integer])]",
        summary: "Tells about a stream.",
        since: "5.0.0",
        cost: "O(N) with N the nodes of the stream, and with FULL what is told",
        history: &[
            ("6.0.0", "FULL."),
            (
                "7.0.0",
                "What was deleted and added, and how far groups have read.",
            ),
            ("7.2.0", "When a consumer last got something."),
        ],
        group: Family::Stream,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(stream),
};

/// How much FULL tells of each list without COUNT.
const COUNT_DEFAULT: usize = 10;

fn stream(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let stream = read(turn, &key)?;
    match parse(args)? {
        None => short(reply, stream),
        Some(count) => full(reply, stream, count),
    }
    Ok(())
}

/// How much FULL tells of each list; none without it.
fn parse(args: Args<'_>) -> Result<Option<usize>, Refusal> {
    let is_wrong = match args.len() {
        3 => return Ok(None),
        4 => !args.is(3, b"full"),
        6 => !args.is(3, b"full") || !args.is(4, b"count"),
        _ => true,
    };
    if is_wrong {
        return Err(Refusal::subcommand_syntax(args.get(1), "XINFO"));
    }
    if args.len() == 4 {
        return Ok(Some(COUNT_DEFAULT));
    }
    let count = parse_i64(args.get(5)).ok_or(Refusal::NotInteger)?;
    Ok(Some(match usize::try_from(count) {
        Ok(0) => usize::MAX,
        Ok(count) => count,
        Err(_) => COUNT_DEFAULT,
    }))
}

/// What both forms begin with: seven pairs.
fn facts(reply: &mut Reply<'_>, entries: &Entries) {
    let history = entries.history();
    reply.text("length");
    entry::count(reply, entries.len());
    // Stock keeps the nodes in a radix tree.
    reply.text("radix-tree-keys");
    reply.int(entries.node_count() as i64);
    reply.text("radix-tree-nodes");
    entry::count(reply, entries.radix_node_count());
    reply.text("last-generated-id");
    entry::id(reply, history.last_id);
    reply.text("max-deleted-entry-id");
    entry::id(reply, history.max_deleted_id);
    reply.text("entries-added");
    entry::count(reply, history.added);
    reply.text("recorded-first-entry-id");
    entry::id(reply, history.first_id);
}

fn short(reply: &mut Reply<'_>, stream: &Stream) {
    let entries = stream.entries();
    reply.map(10);
    facts(reply, entries);
    reply.text("groups");
    reply.int(stream.groups().len() as i64);
    let mut outermost = |name: &str, direction| {
        reply.text(name);
        let first: Option<Entry<'_>> = entries.range(Id::MIN, Id::MAX, direction).next();
        match first {
            Some(first) => entry::entry(reply, first),
            None => reply.null(),
        }
    };
    outermost("first-entry", Direction::Forward);
    outermost("last-entry", Direction::Backward);
}

fn full(reply: &mut Reply<'_>, stream: &Stream, count: usize) {
    let entries = stream.entries();
    reply.map(9);
    facts(reply, entries);
    reply.text("entries");
    entry::entries(reply, entries.iter().take(count));
    reply.text("groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.text("name");
        reply.bulk(name);
        progress(reply, group, entries);
        reply.text("pel-count");
        reply.int(group.pending_len() as i64);
        reply.text("pending");
        reply.array(group.pending_len().min(count));
        for (id, pending) in group.pending(Id::MIN, Id::MAX).take(count) {
            reply.array(4);
            entry::id(reply, id);
            reply.bulk(group.consumer(pending.consumer).name());
            entry::count(reply, pending.delivered_at);
            entry::count(reply, pending.deliveries);
        }
        reply.text("consumers");
        reply.array(group.consumers().len());
        for consumer in group.consumers() {
            consumer_in_full(reply, group, consumer, count);
        }
    }
}

fn consumer_in_full(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.text("name");
    reply.bulk(consumer.name());
    reply.text("seen-time");
    entry::count(reply, consumer.seen_at);
    reply.text("active-time");
    reply.int(consumer.active_at.map_or(-1, |at| at as i64));
    reply.text("pel-count");
    reply.int(consumer.pending_len() as i64);
    reply.text("pending");
    reply.array(consumer.pending_len().min(count));
    for (id, pending) in group.pending_of(consumer, Id::MIN, Id::MAX).take(count) {
        reply.array(3);
        entry::id(reply, id);
        entry::count(reply, pending.delivered_at);
        entry::count(reply, pending.deliveries);
    }
}
