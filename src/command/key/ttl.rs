//! When a key ends: TTL, PTTL, EXPIRETIME, PEXPIRETIME.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::look::look;

pub(crate) const COMMANDS: &[Command] = &[EXPIRETIME, PEXPIRETIME, PTTL, TTL];

const TTL: Command = Command {
    spec: Spec {
        name: "TTL",
        usage: "key",
        summary: "Returns the time to live of a key in seconds.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        history: &[("2.8.0", "The reply -2 for a missing key.")],
        ..Spec::PLAIN
    },
    run: Run::Data(ttl),
};

fn ttl(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = turn.now();
    tell_deadline(turn, args, reply, |deadline| {
        seconds(deadline.saturating_sub(now))
    })
}

const PTTL: Command = Command {
    spec: Spec {
        name: "PTTL",
        usage: "key",
        summary: "Returns the time to live of a key in milliseconds.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        history: &[("2.8.0", "The reply -2 for a missing key.")],
        ..Spec::PLAIN
    },
    run: Run::Data(pttl),
};

fn pttl(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = turn.now();
    tell_deadline(turn, args, reply, |deadline| deadline.saturating_sub(now))
}

const EXPIRETIME: Command = Command {
    spec: Spec {
        name: "EXPIRETIME",
        usage: "key",
        summary: "Returns the Unix time in seconds at which a key expires.",
        since: "7.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(expiretime),
};

fn expiretime(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell_deadline(turn, args, reply, seconds)
}

const PEXPIRETIME: Command = Command {
    spec: Spec {
        name: "PEXPIRETIME",
        usage: "key",
        summary: "Returns the Unix time in milliseconds at which a key expires.",
        since: "7.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(pexpiretime),
};

fn pexpiretime(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    tell_deadline(turn, args, reply, |deadline| deadline)
}

/// Replies -2 for no key, -1 for no deadline, else what `measure` makes of it.
fn tell_deadline(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    measure: impl FnOnce(u64) -> u64,
) -> Outcome {
    let key = turn.key(args, 1);
    let number = match look(turn, &key, |found| found.deadline()) {
        None => -2,
        Some(None) => -1,
        // Deadlines come from signed numbers, so they fit.
        Some(Some(deadline)) => measure(deadline) as i64,
    };
    reply.int(number);
    Ok(())
}

/// To the nearest second.
fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}
