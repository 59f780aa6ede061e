//! A part of a string: APPEND and SETRANGE.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Lifetime;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::text;

pub(crate) const COMMANDS: &[Command] = &[APPEND, SETRANGE];

const APPEND: Command = Command {
    spec: Spec {
        name: "APPEND",
        usage: "key value",
        summary: "Adds text to the end of a string, creating the key if needed.",
        since: "2.0.0",
        cost: "O(1) amortized",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(append),
};

fn append(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let more = args.get(2);
    let before = turn.find_text(&key)?.map(|found| found.len());
    let len = before.unwrap_or(0) + more.len();
    if before.is_some() {
        check_len(turn, len as u64)?;
    }
    let clock = turn.clock;
    let database = turn.db(&key);
    match before {
        // Nothing to append to: this is a SET.
        None => database.set(key, more, Lifetime::Forever, &clock),
        Some(_) => database.edit(key, &clock, len, 0..0, |text| text.extend_from_slice(more)),
    }
    turn.changed(1);
    turn.touch(&key, EventClass::String, "append");
    reply.int(len as i64);
    Ok(())
}

const SETRANGE: Command = Command {
    spec: Spec {
        name: "SETRANGE",
        usage: "key offset:integer value",
        summary: "Overwrites a part of a string from an offset on, padding it with zero bytes if needed.",
        since: "2.2.0",
        cost: "O(1) for a short value, else O(M) with M the length of the value",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        ..Spec::PLAIN
    },
    run: Run::Data(setrange),
};

fn setrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let offset = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let offset = u64::try_from(offset).map_err(|_| Refusal::OFFSET_OUT_OF_RANGE)?;
    let part = args.get(3);
    let key = turn.key(args, 1);
    let before = turn.find_text(&key)?.map_or(0, |found| found.len());
    if part.is_empty() {
        reply.int(before as i64);
        return Ok(());
    }
    check_len(turn, offset.saturating_add(part.len() as u64))?;
    let offset = offset as usize;
    let end = offset + part.len();
    let clock = turn.clock;
    turn.db(&key)
        .edit(key, &clock, before.max(end), offset..end, |text| {
            text::overwrite(text, offset, part);
        });
    turn.changed(1);
    turn.touch(&key, EventClass::String, "setrange");
    reply.int(before.max(end) as i64);
    Ok(())
}

/// Refuses a string that no client could have sent whole.
fn check_len(turn: &Turn<'_>, len: u64) -> Outcome {
    if len > turn.live.proto_max_bulk_len {
        return Err(Refusal::STRING_TOO_LONG);
    }
    Ok(())
}
