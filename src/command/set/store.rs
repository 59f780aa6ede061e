//! Several sets, stored: SINTERSTORE, SUNIONSTORE, SDIFFSTORE.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::set::Set;

use super::combine::{all_found, first_and_others, read_sets};

pub(crate) const COMMANDS: &[Command] = &[SINTERSTORE, SUNIONSTORE, SDIFFSTORE];

/// The word of the destination; the sources follow.
const DESTINATION: usize = 1;

/// What the commands that store have in common.
const STORED: Spec = Spec {
    usage: "destination:key key...",
    since: "1.0.0",
    group: Group::Set,
    flags: Flags::WRITE.and(Flags::DENYOOM),
    keys: &[
        Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
        Keys::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
    ],
    ..Spec::PLAIN
};

const SINTERSTORE: Command = Command {
    spec: Spec {
        name: "SINTERSTORE",
        summary: "Stores the members that all of several sets have.",
        cost: "O(N*M) with N the members of the smallest set and M the number of sets",
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE)),
            Keys::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..STORED
    },
    run: Run::Data(sinterstore),
};

fn sinterstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let sets = read_sets(turn, args, DESTINATION + 1..args.len())?;
    let common =
        all_found(sets).map_or_else(Set::default, |sets| Set::of_intersection(sets, &rules));
    store(turn, args, common, "sinterstore", reply);
    Ok(())
}

const SUNIONSTORE: Command = Command {
    spec: Spec {
        name: "SUNIONSTORE",
        summary: "Stores the members that any of several sets has.",
        cost: "O(N) with N the members of all sets",
        ..STORED
    },
    run: Run::Data(sunionstore),
};

fn sunionstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let sets = read_sets(turn, args, DESTINATION + 1..args.len())?;
    let sets: Vec<&Set> = sets.into_iter().flatten().collect();
    let union = Set::union(&sets, &rules);
    store(turn, args, union, "sunionstore", reply);
    Ok(())
}

const SDIFFSTORE: Command = Command {
    spec: Spec {
        name: "SDIFFSTORE",
        summary: "Stores the members of a set that no other of several sets has.",
        cost: "O(N) with N the members of all sets",
        ..STORED
    },
    run: Run::Data(sdiffstore),
};

fn sdiffstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let rules = turn.rules();
    let sets = read_sets(turn, args, DESTINATION + 1..args.len())?;
    let rest = first_and_others(&sets).map_or_else(Set::default, |(first, others)| {
        Set::of_difference(first, &others, &rules)
    });
    store(turn, args, rest, "sdiffstore", reply);
    Ok(())
}

/// Replaces the destination, or removes it where the result is empty, and
/// answers with the result's length.
fn store(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    result: Set,
    event: &'static str,
    reply: &mut Reply<'_>,
) {
    let key = turn.key(args, DESTINATION);
    let len = result.len();
    let has_changed = turn.store(&key, result, EventClass::Set, event);
    turn.changed(u64::from(has_changed));
    reply.int(len as i64);
}
