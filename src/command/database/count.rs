//! How many keys there are, and one of them by chance: every core answers for
//! its own.

use crate::command::gather::{Gather, Part};
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Categories, Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[DBSIZE, RANDOMKEY];

const DBSIZE: Command = Command {
    spec: Spec {
        name: "DBSIZE",
        summary: "Counts the keys of the database.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::READONLY.and(Flags::FAST),
        categories: Some(Categories::KEYSPACE),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..Spec::PLAIN
    },
    run: Run::EverywhereOr(
        Gather {
            check: nothing,
            part: size,
            merge: sum,
        },
        size_of_all,
    ),
};

fn size_of_all(turn: &mut Turn<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let database = turn.database;
    let sizes = turn.keyspaces().map(|keyspace| keyspace.db(database).len());
    reply.int(sizes.sum::<usize>() as i64);
    Ok(())
}

fn nothing(_: &mut Scene<'_>, _: Args<'_>) -> Outcome {
    Ok(())
}

fn size(part: &mut Part<'_>, _: Args<'_>, answer: &mut Vec<u8>) {
    let len = part.keyspace.db(part.caller.database).len() as u64;
    answer.extend_from_slice(&len.to_le_bytes());
}

fn sum(_: &mut Scene<'_>, _: Args<'_>, answers: &[Vec<u8>], reply: &mut Reply<'_>) -> Outcome {
    let sum: u64 = answers.iter().map(|answer| number(answer).0).sum();
    reply.int(sum as i64);
    Ok(())
}

const RANDOMKEY: Command = Command {
    spec: Spec {
        name: "RANDOMKEY",
        summary: "Returns the name of a key picked at random.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
        tips: &[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ],
        ..Spec::PLAIN
    },
    run: Run::EverywhereOr(
        Gather {
            check: nothing,
            part: candidate,
            merge: choose,
        },
        choose_of_all,
    ),
};

fn choose_of_all(turn: &mut Turn<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    match turn.random_key() {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}

/// The core's number of keys and one of them; nothing if it has none.
fn candidate(part: &mut Part<'_>, args: Args<'_>, answer: &mut Vec<u8>) {
    size(part, args, answer);
    let random = &mut part.local.random;
    let database = part.keyspace.db_mut(part.caller.database);
    match database.random(random, &part.clock) {
        Some(found) => answer.extend_from_slice(found.key()),
        None => answer.clear(),
    }
}

/// One core's candidate; each core is as likely as it has keys.
fn choose(
    scene: &mut Scene<'_>,
    _: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let candidates = || {
        answers
            .iter()
            .filter(|answer| !answer.is_empty())
            .map(|answer| number(answer))
    };
    let all: u64 = candidates().map(|(len, _)| len).sum();
    if all == 0 {
        reply.null();
        return Ok(());
    }
    let mut left = scene.local.random.below(all);
    for (len, key) in candidates() {
        if left < len {
            reply.bulk(key);
            return Ok(());
        }
        left -= len;
    }
    unreachable!("the number drawn is below the sum")
}

/// The number an answer begins with, and what follows.
fn number(answer: &[u8]) -> (u64, &[u8]) {
    let (number, rest) = answer
        .split_first_chunk()
        .expect("every part of this file begins with eight bytes");
    (u64::from_le_bytes(*number), rest)
}
