//! Numbers in a hash: HINCRBY and HINCRBYFLOAT.

use crate::base::{LongDoubleFault, add_long_double, parse_i64};
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::hash::Fate;
use crate::value::listpack::Item;

use super::look::{edit_or_new, find};

pub(crate) const COMMANDS: &[Command] = &[HINCRBY, HINCRBYFLOAT];

const HINCRBY: Command = Command {
    spec: Spec {
        name: "HINCRBY",
        usage: "key field increment:integer",
        summary: "Adds a number to the integer in a field of a hash; a missing field counts as 0.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(hincrby),
};

fn hincrby(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let amount = parse_i64(args.get(3)).ok_or(Refusal::NotInteger)?;
    let (key, due) = (turn.key(args, 1), turn.due());
    let before = match find(turn, &key)?.and_then(|hash| hash.get(args.get(2), due)) {
        None => 0,
        Some(Item::Int(number)) => number,
        Some(Item::Text(text)) => parse_i64(text).ok_or(Refusal::NOT_INTEGER_IN_HASH)?,
    };
    let after = before.checked_add(amount).ok_or(Refusal::OVERFLOW)?;
    let mut text = itoa::Buffer::new();
    put(turn, args, text.format(after).as_bytes(), "hincrby")?;
    reply.int(after);
    Ok(())
}

const HINCRBYFLOAT: Command = Command {
    spec: Spec {
        name: "HINCRBYFLOAT",
        usage: "key field increment:double",
        summary: "Adds a floating point number to the number in a field of a hash; a missing field counts as 0.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(hincrbyfloat),
};

fn hincrbyfloat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let amount = args.get(3);
    add_long_double(b"0", amount).map_err(|fault| match fault {
        LongDoubleFault::FirstNotFloat | LongDoubleFault::SecondNotFloat => Refusal::NotFloat,
        LongDoubleFault::NotFinite => Refusal::NOT_FINITE,
    })?;
    let (key, due) = (turn.key(args, 1), turn.due());
    let before = find(turn, &key)?
        .and_then(|hash| hash.get(args.get(2), due))
        .map_or_else(|| b"0".to_vec(), Item::to_vec);
    let after = add_long_double(&before, amount).map_err(|fault| match fault {
        LongDoubleFault::FirstNotFloat | LongDoubleFault::SecondNotFloat => {
            Refusal::NOT_DOUBLE_IN_HASH
        }
        LongDoubleFault::NotFinite => Refusal::FLOAT_OVERFLOW,
    })?;
    put(turn, args, &after, "hincrbyfloat")?;
    turn.leave_instead(&[b"HSET", args.get(1), args.get(2), &after]);
    reply.bulk(&after);
    Ok(())
}

/// Sets the field to the sum; it keeps its deadline.
fn put(turn: &mut Turn<'_>, args: Args<'_>, sum: &[u8], event: &'static str) -> Outcome {
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let hash = edit_or_new(turn, &key)?;
    hash.set(args.get(2), sum, Fate::Keep, due, &rules);
    turn.changed(1);
    turn.touch(&key, EventClass::Hash, event);
    Ok(())
}
