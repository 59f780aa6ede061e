//! Questions about ranges of bits: BITCOUNT and BITPOS.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::bits::{self, Unit};

pub(crate) const COMMANDS: &[Command] = &[BITCOUNT, BITPOS];

const BITCOUNT: Command = Command {
    spec: Spec {
        name: "BITCOUNT",
        usage: "key [range=(start:integer end:integer [unit=(BYTE | BIT){7.0.0}])]",
        summary: "Counts the bits that are set in a string or a range of it.",
        since: "2.6.0",
        cost: "O(N) with N the length of the range",
        group: Group::Bitmap,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("7.0.0", "Ranges in bits.")],
        ..Spec::PLAIN
    },
    run: Run::Data(bitcount),
};

fn bitcount(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    // Of a missing key there is nothing to count, whatever the range says.
    let Some(found) = turn.read_text(&key)? else {
        reply.int(0);
        return Ok(());
    };
    let range = match args.len() {
        2 => None,
        4 | 5 => {
            let (start, end) = (number(args, 2)?, number(args, 3)?);
            // Stock is done with such a range before it looks at the unit.
            if start < 0 && end < 0 && start > end {
                reply.int(0);
                return Ok(());
            }
            Some((start, end, unit(args, 4)?))
        }
        _ => return Err(Refusal::Syntax),
    };
    let count = found.with_text(|text| match range {
        None => bits::count_ones(text),
        Some((start, end, unit)) => bits::count_range(text.len(), start, end, unit)
            .map_or(0, |range| bits::count_ones_in(text, range)),
    });
    reply.int(count.cast_signed());
    Ok(())
}

const BITPOS: Command = Command {
    spec: Spec {
        name: "BITPOS",
        usage: "key bit:integer [range=(start:integer [end-unit-block=(end:integer [unit=(BYTE | \
            BIT){7.0.0}])])]",
        summary: "Finds the first bit with a given value in a string or a range of it.",
        since: "2.8.7",
        cost: "O(N) with N the length of the range",
        group: Group::Bitmap,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("7.0.0", "Ranges in bits.")],
        ..Spec::PLAIN
    },
    run: Run::Data(bitpos),
};

fn bitpos(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let value = match parse_i64(args.get(2)) {
        Some(0) => false,
        Some(1) => true,
        Some(_) => return Err(Refusal::BITPOS_BIT),
        None => return Err(Refusal::NotInteger),
    };
    let key = turn.key(args, 1);
    // A missing key is zeros without end, whatever the range says.
    let Some(found) = turn.read_text(&key)? else {
        reply.int(if value { -1 } else { 0 });
        return Ok(());
    };
    if args.len() > 6 {
        return Err(Refusal::Syntax);
    }
    let given = |index| {
        (index < args.len())
            .then(|| number(args, index))
            .transpose()
    };
    let start = given(3)?;
    // Stock looks at the unit before the end.
    let unit = unit(args, 5)?;
    let end = given(4)?;
    let place = found.with_text(|text| bits::position(text, value, start, end, unit));
    reply.int(place.map_or(-1, u64::cast_signed));
    Ok(())
}

fn number(args: Args<'_>, index: usize) -> Result<i64, Refusal> {
    parse_i64(args.get(index)).ok_or(Refusal::NotInteger)
}

/// The unit at a word, bytes if the word is not there.
fn unit(args: Args<'_>, index: usize) -> Result<Unit, Refusal> {
    if index >= args.len() || args.is(index, b"BYTE") {
        Ok(Unit::Byte)
    } else if args.is(index, b"BIT") {
        Ok(Unit::Bit)
    } else {
        Err(Refusal::Syntax)
    }
}
