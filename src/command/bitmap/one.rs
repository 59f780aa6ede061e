//! One bit of a string: SETBIT and GETBIT.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::bits;

use super::offset::offset;

pub(crate) const COMMANDS: &[Command] = &[GETBIT, SETBIT];

const GETBIT: Command = Command {
    spec: Spec {
        name: "GETBIT",
        usage: "key offset:integer",
        summary: "Returns the bit at an offset of a string.",
        since: "2.2.0",
        cost: "O(1)",
        group: Group::Bitmap,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(getbit),
};

fn getbit(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let offset = offset(turn, args.get(2))?;
    let key = turn.key(args, 1);
    let bit = turn
        .read_text(&key)?
        .is_some_and(|found| found.with_text(|text| bits::bit(text, offset)));
    reply.int(i64::from(bit));
    Ok(())
}

const SETBIT: Command = Command {
    spec: Spec {
        name: "SETBIT",
        usage: "key offset:integer value:integer",
        summary: "Sets the bit at an offset of a string and returns what it was.",
        since: "2.2.0",
        cost: "O(1)",
        group: Group::Bitmap,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(setbit),
};

fn setbit(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let offset = offset(turn, args.get(2))?;
    let value = match args.get(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Refusal::BIT_VALUE),
    };
    let key = turn.key(args, 1);
    let clock = turn.clock;
    turn.find_text(&key)?;
    let len_hint = (offset / 8 + 1) as usize;
    let (mut before, mut has_changed) = (false, false);
    let byte = len_hint - 1..len_hint;
    turn.db(&key).edit(key, &clock, len_hint, byte, |text| {
        let len = text.len();
        before = bits::set_bit(text, offset, value);
        has_changed = before != value || text.len() != len;
    });
    // A bit that is already so is no change.
    turn.changed(u64::from(has_changed));
    if has_changed {
        turn.touch(&key, EventClass::String, "setbit");
    }
    reply.int(i64::from(before));
    Ok(())
}
