//! Two databases change places: SWAPDB.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[SWAPDB];

const SWAPDB: Command = Command {
    spec: Spec {
        name: "SWAPDB",
        usage: "index1:integer index2:integer",
        summary: "Exchanges two databases.",
        since: "4.0.0",
        cost: "O(N) with N the number of clients that watch or wait for keys of the two",
        group: Group::Server,
        flags: Flags::WRITE.and(Flags::FAST),
        categories: Some(Categories::KEYSPACE.and(Categories::DANGEROUS)),
        ..Spec::PLAIN
    },
    run: Run::Whole(swapdb),
};

fn swapdb(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let one = small(args.get(1)).ok_or(Refusal::INVALID_FIRST_DB_INDEX)?;
    let other = small(args.get(2)).ok_or(Refusal::INVALID_SECOND_DB_INDEX)?;
    let databases = turn.databases();
    let index = |number: i32| {
        let index = usize::try_from(number).ok();
        index
            .filter(|index| *index < databases)
            .ok_or(Refusal::DB_OUT_OF_RANGE)
    };
    let (one, other) = (index(one)?, index(other)?);
    // A database that changes places with itself has not changed.
    if one != other {
        swap(turn, one, other);
    }
    turn.changed(1);
    reply.ok();
    Ok(())
}

fn swap(turn: &mut Turn<'_>, one: usize, other: usize) {
    let now = turn.now();
    for shard in turn.shards() {
        let keyspace = &mut shard.keyspace;
        keyspace.swap(one, other);
        // A key that is in neither has not changed.
        for index in [one, other] {
            shard.observers.touch_all(index, |key| {
                let is_in = |index: usize| keyspace.db(index).peek(*key, now).is_some();
                is_in(one) || is_in(other)
            });
            // One that is over goes when who waits for it is looked at.
            let is_stored = |key: &Key<'_>| keyspace.db(index).peek(*key, 0).is_some();
            shard.observers.look_at_all(index, is_stored);
        }
    }
    turn.look_for_ready();
}

/// An integer of 32 bits.
fn small(word: &[u8]) -> Option<i32> {
    i32::try_from(parse_i64(word)?).ok()
}
