//! Emptying databases: FLUSHALL, FLUSHDB.

use std::ops::Range;

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::waiting::Side;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[FLUSHALL, FLUSHDB];

/// When the memory of what was flushed is free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freed {
    BeforeReply,
    Later,
}

const FLUSHALL: Command = Command {
    spec: Spec {
        name: "FLUSHALL",
        usage: "[flush-type=(ASYNC{4.0.0} | SYNC{6.2.0})]",
        summary: "Deletes all keys of all databases.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys in all databases",
        group: Group::Server,
        flags: Flags::WRITE,
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")],
        ..Spec::PLAIN
    },
    run: Run::Whole(flushall),
};

fn flushall(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let freed = freed(args)?;
    let all = 0..turn.databases();
    clear(turn, all, freed);
    turn.side = Some(Side::Emptied);
    reply.ok();
    Ok(())
}

const FLUSHDB: Command = Command {
    spec: Spec {
        name: "FLUSHDB",
        usage: "[flush-type=(ASYNC{4.0.0} | SYNC{6.2.0})]",
        summary: "Deletes all keys of the database.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys in the database",
        group: Group::Server,
        flags: Flags::WRITE,
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        history: &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")],
        ..Spec::PLAIN
    },
    run: Run::Whole(flushdb),
};

fn flushdb(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let freed = freed(args)?;
    let selected = turn.database..turn.database + 1;
    clear(turn, selected, freed);
    reply.ok();
    Ok(())
}

fn freed(args: Args<'_>) -> Result<Freed, Refusal> {
    match args.len() {
        // Only who asks for it by name waits, and makes every core wait, for
        // millions of frees; `lazyfree-lazy-user-flush no` is no such asking.
        1 => Ok(Freed::Later),
        2 if args.is(1, b"async") => Ok(Freed::Later),
        2 if args.is(1, b"sync") => Ok(Freed::BeforeReply),
        _ => Err(Refusal::Syntax),
    }
}

/// Empties databases on every core.
fn clear(turn: &mut Turn<'_>, databases: Range<usize>, freed: Freed) {
    let mut discarded = Vec::new();
    let mut removed = 0;
    let due = turn.clock.due();
    for shard in turn.shards() {
        for index in databases.clone() {
            let database = shard.keyspace.db_mut(index);
            if !database.is_empty() {
                let is_there = |key: &Key<'_>| database.peek(*key, due).is_some();
                shard.observers.touch_all(index, is_there);
                removed += database.len() as u64;
                discarded.push(database.clear());
            }
        }
    }
    turn.look_for_ready();
    // A flush that finds nothing is told to replicas all the same.
    turn.changed(removed.max(1));
    match freed {
        Freed::BeforeReply => drop(discarded),
        Freed::Later => turn.discarded.append(&mut discarded),
    }
}
