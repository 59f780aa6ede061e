//! String commands that read one key, and those that read and end it.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::View;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::text;

use super::expiry;

pub(crate) const COMMANDS: &[Command] = &[GET, GETDEL, GETEX, GETRANGE, STRLEN, SUBSTR];

const GET: Command = Command {
    spec: Spec {
        name: "GET",
        usage: "key",
        summary: "Returns the string at a key.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(get),
};

fn get(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    match turn.read_text(&key)? {
        Some(found) => view(reply, found),
        None => reply.null(),
    }
    Ok(())
}

const STRLEN: Command = Command {
    spec: Spec {
        name: "STRLEN",
        usage: "key",
        summary: "Returns the length of the string at a key.",
        since: "2.2.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(strlen),
};

fn strlen(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = turn.read_text(&key)?.map_or(0, |found| found.len());
    reply.int(len as i64);
    Ok(())
}

const GETDEL: Command = Command {
    spec: Spec {
        name: "GETDEL",
        usage: "key",
        summary: "Returns the string at a key and deletes the key.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(getdel),
};

fn getdel(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    match turn.read_text(&key)? {
        Some(found) => view(reply, found),
        None => {
            reply.null();
            return Ok(());
        }
    }
    turn.delete(&key);
    turn.changed(1);
    turn.leave_instead(&[b"DEL", key.bytes]);
    Ok(())
}

/// What GETEX does to the deadline.
enum Fate {
    Leave,
    Persist,
    /// Judged only when there is a key to live that long, as in stock.
    Until(Result<u64, Refusal>),
}

const GETEX: Command = Command {
    spec: Spec {
        name: "GETEX",
        usage: "key [expiration=(EX seconds:integer | PX milliseconds:integer | EXAT \
            unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)]",
        summary: "Returns the string at a key and sets or removes its time to live.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
                .noting("Changes the time to live, not the value."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(getex),
};

fn getex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now = turn.now();
    let fate = fate(args, now)?;
    let key = turn.key(args, 1);
    let found = turn.read(&key);
    let has_deadline = found.is_some_and(|found| found.deadline().is_some());
    match found
        .map(|found| found.text().ok_or(Refusal::WrongType))
        .transpose()?
    {
        Some(found) => view(reply, found),
        None => {
            reply.null();
            return Ok(());
        }
    }
    let clock = turn.clock;
    match fate {
        Fate::Leave => {}
        Fate::Persist if has_deadline => {
            turn.db(&key).set_deadline(key, None, &clock);
            turn.leave_instead(&[b"PERSIST", key.bytes]);
            turn.changed(1);
            turn.touch(&key, EventClass::Generic, "persist");
        }
        Fate::Persist => {}
        Fate::Until(deadline) => {
            let deadline = deadline?;
            if deadline <= now {
                turn.delete(&key);
                turn.leave_expired(&key);
                turn.changed(1);
                return Ok(());
            }
            turn.db(&key).set_deadline(key, Some(deadline), &clock);
            turn.leave_deadline(&key, deadline, &[]);
            turn.changed(1);
            turn.touch(&key, EventClass::Generic, "expire");
        }
    }
    Ok(())
}

fn fate(args: Args<'_>, now: u64) -> Result<Fate, Refusal> {
    let mut persists = false;
    let mut time = expiry::Choice::default();
    let mut index = 2;
    while index < args.len() {
        if args.is(index, b"persist") && time.is_open() {
            persists = true;
        } else if !persists && time.choose(args, index) {
            index += 1;
        } else {
            return Err(Refusal::Syntax);
        }
        index += 1;
    }
    match time.deadline(args, now, "getex") {
        Some(deadline) => Ok(Fate::Until(deadline)),
        None if persists => Ok(Fate::Persist),
        None => Ok(Fate::Leave),
    }
}

const GETRANGE: Command = Command {
    spec: Spec {
        name: "GETRANGE",
        usage: "key start:integer end:integer",
        summary: "Returns the part of a string between two offsets.",
        since: "2.4.0",
        cost: "O(N) with N the length of the part",
        group: Group::String,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(getrange),
};

fn getrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let start = crate::base::parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let end = crate::base::parse_i64(args.get(3)).ok_or(Refusal::NotInteger)?;
    let key = turn.key(args, 1);
    let Some(found) = turn.read_text(&key)? else {
        reply.bulk(b"");
        return Ok(());
    };
    found.with_text(|bytes| {
        reply.bulk(text::piece(bytes, start, end));
    });
    Ok(())
}

const SUBSTR: Command = Command {
    spec: Spec {
        name: "SUBSTR",
        usage: "key start:integer end:integer",
        summary: "Returns the part of a string between two offsets.",
        since: "1.0.0",
        cost: "O(N) with N the length of the part",
        group: Group::String,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        deprecated: Some(Deprecated {
            since: "2.0.0",
            replaced_by: "`GETRANGE`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(getrange),
};

/// A string as a bulk.
pub(super) fn view(reply: &mut Reply<'_>, view: View<'_>) {
    match view {
        View::Int(number) => reply.bulk_int(number),
        View::Text(bytes) => reply.bulk(bytes),
    }
}
