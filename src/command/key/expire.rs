//! Giving a key a deadline and taking it away: EXPIRE and its kin, PERSIST.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

pub(crate) const COMMANDS: &[Command] = &[EXPIRE, EXPIREAT, PERSIST, PEXPIRE, PEXPIREAT];

/// When a deadline is set, as NX, XX, GT and LT say.
#[derive(Clone, Copy, Default)]
struct Conditions {
    if_none: bool,
    if_any: bool,
    if_later: bool,
    if_sooner: bool,
}

/// How a command counts time, and its name in refusals.
struct Measure {
    unit_ms: i64,
    /// From now, or from 1970.
    is_relative: bool,
    command: &'static str,
}

const EXPIRE: Command = Command {
    spec: Spec {
        name: "EXPIRE",
        usage: "key seconds:integer [condition=(NX | XX | GT | LT){7.0.0}]",
        summary: "Sets the time to live of a key in seconds.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::PLAIN
    },
    run: Run::Data(expire),
};

fn expire(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1000,
        is_relative: true,
        command: "expire",
    };
    set_deadline(turn, args, &measure, reply)
}

const EXPIREAT: Command = Command {
    spec: Spec {
        name: "EXPIREAT",
        usage: "key unix-time-seconds:unix-time [condition=(NX | XX | GT | LT){7.0.0}]",
        summary: "Sets the Unix time in seconds at which a key expires.",
        since: "1.2.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::PLAIN
    },
    run: Run::Data(expireat),
};

fn expireat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1000,
        is_relative: false,
        command: "expireat",
    };
    set_deadline(turn, args, &measure, reply)
}

const PEXPIRE: Command = Command {
    spec: Spec {
        name: "PEXPIRE",
        usage: "key milliseconds:integer [condition=(NX | XX | GT | LT){7.0.0}]",
        summary: "Sets the time to live of a key in milliseconds.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::PLAIN
    },
    run: Run::Data(pexpire),
};

fn pexpire(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1,
        is_relative: true,
        command: "pexpire",
    };
    set_deadline(turn, args, &measure, reply)
}

const PEXPIREAT: Command = Command {
    spec: Spec {
        name: "PEXPIREAT",
        usage: "key unix-time-milliseconds:unix-time [condition=(NX | XX | GT | LT){7.0.0}]",
        summary: "Sets the Unix time in milliseconds at which a key expires.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("7.0.0", "The conditions NX, XX, GT and LT.")],
        ..Spec::PLAIN
    },
    run: Run::Data(pexpireat),
};

fn pexpireat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1,
        is_relative: false,
        command: "pexpireat",
    };
    set_deadline(turn, args, &measure, reply)
}

fn set_deadline(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    measure: &Measure,
    reply: &mut Reply<'_>,
) -> Outcome {
    let conditions = Conditions::parse(args)?;
    let deadline = measure.deadline(args.get(2), turn.now())?;
    let key = turn.key(args, 1);
    let clock = turn.clock;
    let sets = turn
        .find(&key)
        .is_some_and(|found| conditions.allow(deadline, found.deadline()));
    if sets {
        // A moment that has come deletes; one before 1970 has.
        match u64::try_from(deadline) {
            Ok(deadline) if deadline > clock.due() => {
                turn.db(&key).set_deadline(key, Some(deadline), &clock);
                leave(turn, args, &key, deadline);
                turn.touch(&key, EventClass::Generic, "expire");
            }
            Ok(_) | Err(_) => {
                turn.delete(&key);
                turn.leave_expired(&key);
            }
        }
        turn.changed(1);
    }
    reply.int(i64::from(sets));
    Ok(())
}

/// What is left: the moment, on the same conditions. A command that says it so
/// itself is left as it is.
fn leave(turn: &mut Turn<'_>, args: Args<'_>, key: &Key<'_>, deadline: u64) {
    if turn.is_recorded() && !args.is(0, b"pexpireat") {
        let conditions: Vec<&[u8]> = args.iter().skip(3).collect();
        turn.leave_deadline(key, deadline, &conditions);
    }
}

impl Measure {
    /// Unix milliseconds, negative before 1970.
    fn deadline(&self, amount: &[u8], now_ms: u64) -> Result<i64, Refusal> {
        let amount = parse_i64(amount).ok_or(Refusal::NotInteger)?;
        let since = if self.is_relative { now_ms as i64 } else { 0 };
        amount
            .checked_mul(self.unit_ms)
            .and_then(|ms| ms.checked_add(since))
            .ok_or_else(|| Refusal::invalid_expire(self.command))
    }
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Conditions, Refusal> {
        let mut conditions = Conditions::default();
        for index in 3..args.len() {
            let condition = if args.is(index, b"nx") {
                &mut conditions.if_none
            } else if args.is(index, b"xx") {
                &mut conditions.if_any
            } else if args.is(index, b"gt") {
                &mut conditions.if_later
            } else if args.is(index, b"lt") {
                &mut conditions.if_sooner
            } else {
                return Err(Refusal::unsupported_option(args.get(index)));
            };
            *condition = true;
        }
        if conditions.if_none && (conditions.if_any || conditions.if_later || conditions.if_sooner)
        {
            return Err(Refusal::EXPIRE_NX_AND_OTHERS);
        }
        if conditions.if_later && conditions.if_sooner {
            return Err(Refusal::EXPIRE_GT_AND_LT);
        }
        Ok(conditions)
    }

    /// Whether the deadline takes the place of `current`; none counts as one
    /// at the end of time.
    fn allow(self, deadline: i64, current: Option<u64>) -> bool {
        let deadline = i128::from(deadline);
        let end = current.map_or(i128::MAX, i128::from);
        !(self.if_none && current.is_some()
            || self.if_any && current.is_none()
            || self.if_later && deadline <= end
            || self.if_sooner && deadline >= end)
    }
}

const PERSIST: Command = Command {
    spec: Spec {
        name: "PERSIST",
        usage: "key",
        summary: "Removes the time to live of a key.",
        since: "2.2.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(persist),
};

fn persist(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let clock = turn.clock;
    let had_deadline = turn
        .find(&key)
        .is_some_and(|found| found.deadline().is_some());
    if had_deadline {
        turn.db(&key).set_deadline(key, None, &clock);
        turn.changed(1);
        turn.touch(&key, EventClass::Generic, "persist");
    }
    reply.int(i64::from(had_deadline));
    Ok(())
}
