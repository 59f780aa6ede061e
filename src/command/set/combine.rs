//! Several sets, answered: SINTER, SINTERCARD, SUNION, SDIFF.

use std::ops::Range;

use crate::base::parse_i64;
use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::set::{Set, difference, intersection};

use super::read::all;

pub(crate) const COMMANDS: &[Command] = &[SINTER, SINTERCARD, SUNION, SDIFF];

/// What the commands that answer have in common.
const ANSWERED: Spec = Spec {
    usage: "key...",
    since: "1.0.0",
    group: Group::Set,
    flags: Flags::READONLY,
    keys: &[Keys::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))],
    tips: &["nondeterministic_output_order"],
    ..Spec::PLAIN
};

const SINTER: Command = Command {
    spec: Spec {
        name: "SINTER",
        summary: "Returns the members that all of several sets have.",
        cost: "O(N*M) with N the members of the smallest set and M the number of sets",
        ..ANSWERED
    },
    run: Run::Data(sinter),
};

fn sinter(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let sets = read_sets(turn, args, 1..args.len())?;
    let Some(sets) = all_found(sets) else {
        reply.set(0);
        return Ok(());
    };
    let mark = reply.deferred();
    let mut len = 0;
    for item in intersection(sets) {
        bulk(reply, item);
        len += 1;
    }
    reply.fill_set(mark, len);
    Ok(())
}

const SINTERCARD: Command = Command {
    spec: Spec {
        name: "SINTERCARD",
        usage: "numkeys:integer key... [LIMIT limit:integer]",
        summary: "Counts the members that all of several sets have.",
        since: "7.0.0",
        cost: "O(N*M) with N the members of the smallest set and M the number of sets",
        keys: &[Keys::counted(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &[],
        ..ANSWERED
    },
    run: Run::Data(sintercard),
};

fn sintercard(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (keys, limit) = parse_count(args)?;
    let sets = read_sets(turn, args, keys)?;
    let common = all_found(sets).map_or(0, |sets| intersection(sets).take(limit).count());
    reply.int(common as i64);
    Ok(())
}

/// SINTERCARD's keys, and where counting ends.
fn parse_count(args: Args<'_>) -> Result<(Range<usize>, usize), Refusal> {
    let numkeys = parse_i64(args.get(1))
        .filter(|&numkeys| numkeys > 0)
        .ok_or(Refusal::NUMKEYS_NOT_POSITIVE)?;
    if numkeys > args.len() as i64 - 2 {
        return Err(Refusal::NUMKEYS_TOO_MANY);
    }
    let options = 2 + numkeys as usize;
    Ok((2..options, limit(args, options)?))
}

/// The LIMIT of SINTERCARD and ZINTERCARD among the words from `options` on; 0
/// is none.
pub(in crate::command) fn limit(args: Args<'_>, options: usize) -> Result<usize, Refusal> {
    let mut limit = 0;
    for index in (options..args.len()).step_by(2) {
        if !args.is(index, b"limit") || index + 1 == args.len() {
            return Err(Refusal::Syntax);
        }
        limit = parse_i64(args.get(index + 1))
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(Refusal::LIMIT_NEGATIVE)?;
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

const SUNION: Command = Command {
    spec: Spec {
        name: "SUNION",
        summary: "Returns the members that any of several sets has.",
        cost: "O(N) with N the members of all sets",
        ..ANSWERED
    },
    run: Run::Data(sunion),
};

fn sunion(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let sets = read_sets(turn, args, 1..args.len())?;
    let sets: Vec<&Set> = sets.into_iter().flatten().collect();
    match sets[..] {
        // One set is its own union.
        [set] => all(reply, set),
        _ => all(reply, &Set::union(&sets, &rules)),
    }
    Ok(())
}

const SDIFF: Command = Command {
    spec: Spec {
        name: "SDIFF",
        summary: "Returns the members of a set that no other of several sets has.",
        cost: "O(N) with N the members of all sets",
        ..ANSWERED
    },
    run: Run::Data(sdiff),
};

fn sdiff(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let sets = read_sets(turn, args, 1..args.len())?;
    let Some((first, others)) = first_and_others(&sets) else {
        reply.set(0);
        return Ok(());
    };
    let mark = reply.deferred();
    let mut len = 0;
    for item in difference(first, &others, &rules) {
        bulk(reply, item);
        len += 1;
    }
    reply.fill_set(mark, len);
    Ok(())
}

/// The sets at several keys, none where there is no key. Another type anywhere
/// is refused.
pub(super) fn read_sets<'t>(
    turn: &'t mut Turn<'_>,
    args: Args<'_>,
    keys: Range<usize>,
) -> Result<Vec<Option<&'t Set>>, Refusal> {
    // Reads count and expire; only then may all be looked at together.
    for index in keys.clone() {
        let key = turn.key(args, index);
        turn.read_as::<Set>(&key)?;
    }
    let turn = &*turn;
    keys.map(|index| turn.peek_as::<Set>(&turn.key(args, index)))
        .collect()
}

/// The sets, if none is missing.
pub(super) fn all_found(sets: Vec<Option<&Set>>) -> Option<Vec<&Set>> {
    sets.into_iter().collect()
}

/// The set others are taken away from, and those of them that are there.
pub(super) fn first_and_others<'t>(sets: &[Option<&'t Set>]) -> Option<(&'t Set, Vec<&'t Set>)> {
    let (first, others) = sets.split_first()?;
    Some(((*first)?, others.iter().copied().flatten().collect()))
}
