//! How long fields live: HTTL and its kin.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::field_list;
use super::look::read;

pub(crate) const COMMANDS: &[Command] = &[HEXPIRETIME, HPEXPIRETIME, HPTTL, HTTL];

const HTTL: Command = Command {
    spec: Spec {
        name: "HTTL",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Returns the time to live of fields of a hash in seconds.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(httl),
};

fn httl(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell(turn, args, reply, |deadline, now| seconds(deadline - now))
}

const HPTTL: Command = Command {
    spec: Spec {
        name: "HPTTL",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Returns the time to live of fields of a hash in milliseconds.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(hpttl),
};

fn hpttl(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell(turn, args, reply, |deadline, now| deadline - now)
}

const HEXPIRETIME: Command = Command {
    spec: Spec {
        name: "HEXPIRETIME",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Returns the Unix time in seconds at which fields of a hash expire.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(hexpiretime),
};

fn hexpiretime(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell(turn, args, reply, |deadline, _| seconds(deadline))
}

const HPEXPIRETIME: Command = Command {
    spec: Spec {
        name: "HPEXPIRETIME",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Returns the Unix time in milliseconds at which fields of a hash expire.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(hpexpiretime),
};

fn hpexpiretime(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell(turn, args, reply, |deadline, _| deadline)
}

/// Replies for each field -2 without it, -1 without deadline, else what
/// `measure` makes of the deadline and the present moment.
fn tell(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    measure: impl Fn(u64, u64) -> u64,
) -> Outcome {
    let fields = field_list::parse(args, 2, Refusal::NUMFIELDS_NOT_POSITIVE)?;
    let (key, now) = (turn.key(args, 1), turn.now());
    let hash = read(turn, &key)?;
    reply.array(fields.len());
    for field in fields.iter() {
        reply.int(match hash.and_then(|hash| hash.deadline(field, now)) {
            None => -2,
            Some(None) => -1,
            // Deadlines have 46 bits.
            Some(Some(deadline)) => measure(deadline, now) as i64,
        });
    }
    Ok(())
}

/// Rounded up: a field with a millisecond left has a second left.
fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}
