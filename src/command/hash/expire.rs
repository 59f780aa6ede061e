//! When fields end: HEXPIRE and its kin, HPERSIST.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::hash::Fate;

use super::field_list;
use super::look::{after_edit, edit};

pub(crate) const COMMANDS: &[Command] = &[HEXPIRE, HEXPIREAT, HPERSIST, HPEXPIRE, HPEXPIREAT];

/// The last moment a field may have as its deadline, in Unix milliseconds:
/// newer servers leave it 46 bits.
pub(super) const DEADLINE_MAX: i64 = (1 << 46) - 1;

/// What a field without the asked deadline answers.
const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;

/// When a deadline is set. A field without one counts as living for ever.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    IfNone,
    IfAny,
    IfLater,
    IfSooner,
}

/// How a command counts time, and its name in refusals.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    pub(super) unit_ms: i64,
    /// From now, or from 1970.
    pub(super) is_relative: bool,
    pub(super) command: &'static str,
}

const HEXPIRE: Command = Command {
    spec: Spec {
        name: "HEXPIRE",
        usage: "key seconds:integer [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:integer field...)",
        summary: "Sets the time to live of fields of a hash in seconds.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hexpire),
};

fn hexpire(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1000,
        is_relative: true,
        command: "hexpire",
    };
    expire(turn, args, measure, reply)
}

const HPEXPIRE: Command = Command {
    spec: Spec {
        name: "HPEXPIRE",
        usage: "key milliseconds:integer [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:integer field...)",
        summary: "Sets the time to live of fields of a hash in milliseconds.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hpexpire),
};

fn hpexpire(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1,
        is_relative: true,
        command: "hpexpire",
    };
    expire(turn, args, measure, reply)
}

const HEXPIREAT: Command = Command {
    spec: Spec {
        name: "HEXPIREAT",
        usage: "key unix-time-seconds:unix-time [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:integer field...)",
        summary: "Sets the Unix time in seconds at which fields of a hash expire.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hexpireat),
};

fn hexpireat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1000,
        is_relative: false,
        command: "hexpireat",
    };
    expire(turn, args, measure, reply)
}

const HPEXPIREAT: Command = Command {
    spec: Spec {
        name: "HPEXPIREAT",
        usage: "key unix-time-milliseconds:unix-time [condition=(NX | XX | GT | LT)] FIELDS fields=(numfields:integer field...)",
        summary: "Sets the Unix time in milliseconds at which fields of a hash expire.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hpexpireat),
};

fn hpexpireat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let measure = Measure {
        unit_ms: 1,
        is_relative: false,
        command: "hpexpireat",
    };
    expire(turn, args, measure, reply)
}

fn expire(turn: &mut Turn<'_>, args: Args<'_>, measure: Measure, reply: &mut Reply<'_>) -> Outcome {
    let deadline = measure.deadline(args.get(2), turn.now())?;
    let condition = Condition::parse(args, 3);
    let fields_at = 3 + usize::from(condition != Condition::Always);
    let fields = field_list::parse(args, fields_at, Refusal::NUMFIELDS_NOT_ABOVE_ZERO)?;
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let is_recorded = turn.is_recorded();
    let hash = edit(turn, &key)?;
    reply.array(fields.len());
    let Some(hash) = hash else {
        fields.iter().for_each(|_| reply.int(NO_FIELD));
        return Ok(());
    };
    let mut changes = 0;
    let mut changed: Vec<&[u8]> = Vec::new();
    for field in fields.iter() {
        let Some(current) = hash.deadline(field, due) else {
            reply.int(NO_FIELD);
            continue;
        };
        if !condition.allows(deadline, current) {
            reply.int(0);
            continue;
        }
        changes += 1;
        if is_recorded {
            changed.push(field);
        }
        if deadline <= due {
            hash.remove(field, due);
            reply.int(2);
        } else {
            hash.set_deadline(field, Fate::Until(deadline), due, &rules);
            reply.int(1);
        }
    }
    if changes > 0 {
        leave_deadline(turn, &key, deadline, &changed);
        let event = if deadline <= due { "hdel" } else { "hexpire" };
        turn.touch(&key, EventClass::Hash, event);
        after_edit(turn, &key);
    }
    turn.changed(changes);
    Ok(())
}

/// Leaves the moment at which these fields end; that they are gone, if it has
/// come.
pub(super) fn leave_deadline(turn: &mut Turn<'_>, key: &Key<'_>, deadline: u64, fields: &[&[u8]]) {
    if !turn.is_recorded() {
        return;
    }
    let (mut moment, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut words: Vec<&[u8]> = if deadline <= turn.due() {
        vec![b"HDEL", key.bytes]
    } else {
        let moment = moment.format(deadline).as_bytes();
        let count = count.format(fields.len()).as_bytes();
        vec![b"HPEXPIREAT", key.bytes, moment, b"FIELDS", count]
    };
    words.extend(fields);
    turn.leave_instead(&words);
}

impl Measure {
    /// Unix milliseconds.
    pub(super) fn deadline(self, amount: &[u8], now_ms: u64) -> Result<u64, Refusal> {
        let amount = parse_i64(amount).ok_or(Refusal::NotInteger)?;
        if amount < 0 {
            return Err(Refusal::FIELD_EXPIRE_NEGATIVE);
        }
        let since = if self.is_relative { now_ms as i64 } else { 0 };
        amount
            .checked_mul(self.unit_ms)
            .and_then(|ms| ms.checked_add(since))
            .filter(|deadline| *deadline <= DEADLINE_MAX)
            .map(|deadline| deadline as u64)
            .ok_or_else(|| Refusal::invalid_expire(self.command))
    }
}

impl Condition {
    fn parse(args: Args<'_>, index: usize) -> Condition {
        if args.is(index, b"nx") {
            Condition::IfNone
        } else if args.is(index, b"xx") {
            Condition::IfAny
        } else if args.is(index, b"gt") {
            Condition::IfLater
        } else if args.is(index, b"lt") {
            Condition::IfSooner
        } else {
            Condition::Always
        }
    }

    fn allows(self, deadline: u64, current: Option<u64>) -> bool {
        match self {
            Condition::Always => true,
            Condition::IfNone => current.is_none(),
            Condition::IfAny => current.is_some(),
            Condition::IfLater => current.is_some_and(|current| deadline > current),
            Condition::IfSooner => current.is_none_or(|current| deadline < current),
        }
    }
}

const HPERSIST: Command = Command {
    spec: Spec {
        name: "HPERSIST",
        usage: "key FIELDS fields=(numfields:integer field...)",
        summary: "Removes the time to live of fields of a hash.",
        since: "7.4.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(hpersist),
};

fn hpersist(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let fields = field_list::parse(args, 2, Refusal::NUMFIELDS_NOT_POSITIVE)?;
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let hash = edit(turn, &key)?;
    reply.array(fields.len());
    let Some(hash) = hash else {
        fields.iter().for_each(|_| reply.int(NO_FIELD));
        return Ok(());
    };
    let mut changes = 0;
    for field in fields.iter() {
        match hash.deadline(field, due) {
            None => reply.int(NO_FIELD),
            Some(None) => reply.int(NO_DEADLINE),
            Some(Some(_)) => {
                hash.set_deadline(field, Fate::Clear, due, &rules);
                reply.int(1);
                changes += 1;
            }
        }
    }
    if changes > 0 {
        turn.touch(&key, EventClass::Hash, "hpersist");
    }
    turn.changed(changes);
    Ok(())
}
