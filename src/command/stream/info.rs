//! What there is to know about streams: XINFO.

use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group as Family, KeyFlags, Keys, Spec};
use crate::value::stream::{Entries, Group, Stream};

use super::entry;
use super::info_stream::XINFO_STREAM;

pub(crate) const COMMANDS: &[Command] = &[XINFO];

const XINFO: Command = Command {
    spec: Spec {
        name: "XINFO",
        summary: "Tells about streams, their groups and consumers.",
        since: "5.0.0",
        cost: "Depends on the subcommand",
        group: Family::Stream,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(&[XINFO_CONSUMERS, XINFO_GROUPS, XINFO_HELP, XINFO_STREAM]),
};

const XINFO_CONSUMERS: Command = Command {
    spec: Spec {
        name: "CONSUMERS",
        usage: "key group",
        summary: "Tells about the consumers of a group.",
        since: "5.0.0",
        cost: "O(N) with N the consumers",
        history: &[("7.2.0", "How long a consumer has got nothing.")],
        group: Family::Stream,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(consumers),
};

fn consumers(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, now) = (turn.key(args, 2), turn.now());
    let group = read(turn, &key)?
        .group(args.get(3))
        .ok_or_else(|| Refusal::no_group(args.get(3), key.bytes))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.text("name");
        reply.bulk(consumer.name());
        reply.text("pending");
        reply.int(consumer.pending_len() as i64);
        reply.text("idle");
        entry::count(reply, now.saturating_sub(consumer.seen_at));
        reply.text("inactive");
        let inactive = consumer.active_at.map(|at| now.saturating_sub(at));
        reply.int(inactive.map_or(-1, |inactive| inactive as i64));
    }
    Ok(())
}

const XINFO_GROUPS: Command = Command {
    spec: Spec {
        name: "GROUPS",
        usage: "key",
        summary: "Tells about the groups of a stream.",
        cost: "O(N) with N the groups",
        history: &[("7.0.0", "How much a group has read, and its lag.")],
        tips: &[],
        ..XINFO_CONSUMERS.spec
    },
    run: Run::Data(groups),
};

fn groups(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let stream = read(turn, &key)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.text("name");
        reply.bulk(name);
        reply.text("consumers");
        reply.int(group.consumers().len() as i64);
        reply.text("pending");
        reply.int(group.pending_len() as i64);
        progress(reply, group, stream.entries());
    }
    Ok(())
}

/// How far a group has read: three pairs.
pub(super) fn progress(reply: &mut Reply<'_>, group: &Group, entries: &Entries) {
    reply.text("last-delivered-id");
    entry::id(reply, group.last_id);
    reply.text("entries-read");
    match group.entries_read {
        Some(read) => entry::count(reply, read),
        None => reply.null(),
    }
    reply.text("lag");
    match group.lag(entries) {
        Some(lag) => reply.int(lag),
        None => reply.null(),
    }
}

const XINFO_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what XINFO can do.",
        since: "5.0.0",
        cost: "O(1)",
        group: Family::Stream,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(reply, "XINFO", HELP)
}

const HELP: &[&str] = &[
    "CONSUMERS <key> <group>",
    "    The consumers of <group>: what is pending at each, and since when.",
    "GROUPS <key>",
    "    The groups of <key>: how far each has read.",
    "STREAM <key> [FULL [COUNT <count>]]",
    "    The stream of <key>. FULL tells of its entries, groups and consumers",
    "    too, of up to <count> entries each; 0 is all, 10 is the default.",
];

/// The stream of a key, which must be there.
pub(super) fn read<'t>(turn: &'t mut Turn<'_>, key: &Key<'_>) -> Result<&'t Stream, Refusal> {
    turn.read_as::<Stream>(key)?.ok_or(Refusal::NO_SUCH_KEY)
}
