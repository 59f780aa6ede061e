//! String commands that replace a value.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::{Key, Lifetime};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec, Words};

use super::expiry::{self, MILLISECONDS, Measure, SECONDS};
use super::read::view;

pub(crate) const COMMANDS: &[Command] = &[GETSET, PSETEX, SET, SETEX, SETNX];

/// SET's options.
struct Set {
    condition: Condition,
    lifetime: Lifetime,
    returns_old: bool,
}

/// When SET sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    IfAbsent,
    IfPresent,
}

const SET: Command = Command {
    spec: Spec {
        name: "SET",
        usage: "key value [condition=(NX | XX){2.6.12}] [GET{6.2.0}] [expiration=(EX \
            seconds:integer{2.6.12} | PX milliseconds:integer{2.6.12} | EXAT \
            unix-time-seconds:unix-time{6.2.0} | PXAT unix-time-milliseconds:unix-time{6.2.0} | \
            KEEPTTL{6.0.0})]",
        summary: "Stores a string at a key, whatever the key held before.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
                .deciding(set_reads, "With GET it also returns the old value."),
        ],
        history: &[
            ("2.6.12", "EX, PX, NX and XX."),
            ("6.0.0", "KEEPTTL."),
            ("6.2.0", "GET, EXAT and PXAT."),
            ("7.0.0", "NX together with GET."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(set),
};

fn set(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let clock = turn.clock;
    if args.len() == 3 {
        let giant = turn.giant.take();
        if let Some(giant) = &giant {
            turn.leave_instead(&[args.name(), key.bytes, giant]);
        }
        let database = turn.db(&key);
        match giant {
            Some(giant) => database.set_owned(key, giant, Lifetime::Forever, &clock),
            None => database.set(key, args.get(2), Lifetime::Forever, &clock),
        }
        turn.changed(1);
        turn.touch(&key, EventClass::String, "set");
        reply.ok();
        return Ok(());
    }
    let options = set_options(args, turn.now())?;
    let mut present = false;
    if options.returns_old || options.condition != Condition::Always {
        let found = if options.returns_old {
            turn.read(&key)
        } else {
            turn.find(&key)
        };
        present = found.is_some();
        match found {
            Some(found) if options.returns_old => {
                view(reply, found.text().ok_or(Refusal::WrongType)?);
            }
            None if options.returns_old => reply.null(),
            Some(_) | None => {}
        }
    }
    let sets = match options.condition {
        Condition::Always => true,
        Condition::IfAbsent => !present,
        Condition::IfPresent => present,
    };
    if !sets {
        if !options.returns_old {
            reply.null();
        }
        return Ok(());
    }
    store(turn, args, options.lifetime);
    if turn.is_recorded() {
        leave_set(turn, args, &options);
    }
    if !options.returns_old {
        reply.ok();
    }
    Ok(())
}

/// What SET with options leaves: a deadline as a moment; the condition, which
/// was met; nothing that is only about the reply.
fn leave_set(turn: &mut Turn<'_>, args: Args<'_>, options: &Set) {
    if let Lifetime::Until(deadline) = options.lifetime {
        return leave_deadline(turn, args.get(1), args.get(2), deadline);
    }
    if options.returns_old {
        let words: Vec<&[u8]> = (0..args.len())
            .filter(|index| *index < 3 || !args.is(*index, b"get"))
            .map(|index| args.get(index))
            .collect();
        turn.leave_instead(&words);
    }
}

/// SET until a moment.
fn leave_deadline(turn: &mut Turn<'_>, key: &[u8], value: &[u8], deadline: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(deadline).as_bytes();
    turn.leave_instead(&[b"SET", key, value, b"PXAT", digits]);
}

/// Stores word 2 at word 1. A deadline that is over is one, too: the key goes
/// when it is met.
fn store(turn: &mut Turn<'_>, args: Args<'_>, lifetime: Lifetime) {
    let key = turn.key(args, 1);
    let clock = turn.clock;
    turn.db(&key).set(key, args.get(2), lifetime, &clock);
    turn.changed(1);
    tell(turn, &key, lifetime);
}

/// Says that a key was set, perhaps with a deadline.
fn tell(turn: &mut Turn<'_>, key: &Key<'_>, lifetime: Lifetime) {
    turn.touch(key, EventClass::String, "set");
    if matches!(lifetime, Lifetime::Until(_)) {
        turn.notify(key, EventClass::Generic, "expire");
    }
}

fn set_options(args: Args<'_>, now: u64) -> Result<Set, Refusal> {
    let mut condition = None;
    let mut keeps = false;
    let mut returns_old = false;
    let mut time = expiry::Choice::default();
    let mut index = 3;
    while index < args.len() {
        if args.is(index, b"nx") && condition != Some(Condition::IfPresent) {
            condition = Some(Condition::IfAbsent);
        } else if args.is(index, b"xx") && condition != Some(Condition::IfAbsent) {
            condition = Some(Condition::IfPresent);
        } else if args.is(index, b"get") {
            returns_old = true;
        } else if args.is(index, b"keepttl") && time.is_open() {
            keeps = true;
        } else if !keeps && time.choose(args, index) {
            index += 1;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    let lifetime = match time.deadline(args, now, "set") {
        Some(deadline) => Lifetime::Until(deadline?),
        None if keeps => Lifetime::Keep,
        None => Lifetime::Forever,
    };
    Ok(Set {
        condition: condition.unwrap_or(Condition::Always),
        lifetime,
        returns_old,
    })
}

const SETNX: Command = Command {
    spec: Spec {
        name: "SETNX",
        usage: "key value",
        summary: "Stores a string at a key that does not exist yet.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::OW.and(KeyFlags::INSERT))],
        deprecated: Some(Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with `NX`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(setnx),
};

fn setnx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    if turn.find(&key).is_some() {
        reply.int(0);
        return Ok(());
    }
    store(turn, args, Lifetime::Forever);
    reply.int(1);
    Ok(())
}

const SETEX: Command = Command {
    spec: Spec {
        name: "SETEX",
        usage: "key seconds:integer value",
        summary: "Stores a string at a key with a time to live in seconds.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))],
        deprecated: Some(Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with `EX`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(setex),
};

fn setex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_for(turn, args, SECONDS, "setex", reply)
}

const PSETEX: Command = Command {
    spec: Spec {
        name: "PSETEX",
        usage: "key milliseconds:integer value",
        summary: "Stores a string at a key with a time to live in milliseconds.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE))],
        deprecated: Some(Deprecated {
            since: "2.6.12",
            replaced_by: "`SET` with `PX`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(psetex),
};

fn psetex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set_for(turn, args, MILLISECONDS, "psetex", reply)
}

fn set_for(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    measure: Measure,
    command: &'static str,
    reply: &mut Reply<'_>,
) -> Outcome {
    let deadline = expiry::deadline(args.get(2), measure, turn.now(), command)?;
    let key = turn.key(args, 1);
    let clock = turn.clock;
    let lifetime = Lifetime::Until(deadline);
    turn.db(&key).set(key, args.get(3), lifetime, &clock);
    if turn.is_recorded() {
        leave_deadline(turn, key.bytes, args.get(3), deadline);
    }
    turn.changed(1);
    tell(turn, &key, lifetime);
    reply.ok();
    Ok(())
}

const GETSET: Command = Command {
    spec: Spec {
        name: "GETSET",
        usage: "key value",
        summary: "Stores a string at a key and returns the one it replaces.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`SET` with `GET`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(getset),
};

fn getset(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    match turn.read_text(&key)? {
        Some(found) => view(reply, found),
        None => reply.null(),
    }
    store(turn, args, Lifetime::Forever);
    turn.leave_instead(&[b"SET", key.bytes, args.get(2)]);
    Ok(())
}

/// What SET does to its key: with GET it reads the old value, else it only replaces it.
fn set_reads(words: &dyn Words) -> KeyFlags {
    let reads = (3..words.count()).any(|index| words.word(index).eq_ignore_ascii_case(b"GET"));
    let before = if reads {
        KeyFlags::RW.and(KeyFlags::ACCESS)
    } else {
        KeyFlags::OW
    };
    before.and(KeyFlags::UPDATE)
}
