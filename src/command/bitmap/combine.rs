//! Strings joined bit by bit: BITOP.

use std::borrow::Cow;

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::{Lifetime, View};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::bits::{self, Operation};

pub(crate) const COMMANDS: &[Command] = &[BITOP];

/// The word of the destination; the sources follow.
const DESTINATION: usize = 2;

const BITOP: Command = Command {
    spec: Spec {
        name: "BITOP",
        usage: "operation=(AND | OR | XOR | NOT) destkey:key key...",
        summary: "Combines strings bit by bit and stores the result.",
        since: "2.6.0",
        cost: "O(N) with N the length of the longest string",
        group: Group::Bitmap,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(2, KeyFlags::OW.and(KeyFlags::UPDATE)),
            Keys::range(3, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(bitop),
};

fn bitop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let operation = operation(args)?;
    let joined = join(turn, args, operation)?;
    let len = joined.len();
    let key = turn.key(args, DESTINATION);
    if joined.is_empty() {
        let removed = turn.delete(&key);
        turn.changed(u64::from(removed));
    } else {
        let clock = turn.clock;
        let database = turn.db(&key);
        // What is no string goes first, whatever it is.
        let found = database.find(key, &clock);
        if found.is_some_and(|found| found.text().is_none()) {
            database.remove(key, &clock);
        }
        // A text even where it reads as a number.
        database.set_raw(key, joined, Lifetime::Forever, &clock);
        turn.changed(1);
        turn.touch(&key, EventClass::String, "set");
    }
    reply.int(len as i64);
    Ok(())
}

fn operation(args: Args<'_>) -> Result<Operation, Refusal> {
    let operation = if args.is(1, b"AND") {
        Operation::And
    } else if args.is(1, b"OR") {
        Operation::Or
    } else if args.is(1, b"XOR") {
        Operation::Xor
    } else if args.is(1, b"NOT") {
        Operation::Not
    } else {
        return Err(Refusal::Syntax);
    };
    if operation == Operation::Not && args.len() != DESTINATION + 2 {
        return Err(Refusal::BITOP_NOT_ONE_KEY);
    }
    Ok(operation)
}

/// The sources joined where they lie, without a copy of any.
fn join(turn: &mut Turn<'_>, args: Args<'_>, operation: Operation) -> Result<Vec<u8>, Refusal> {
    let sources = DESTINATION + 1..args.len();
    // Reads count and expire; only then may all sources be looked at together.
    for index in sources.clone() {
        let key = turn.key(args, index);
        turn.read_text(&key)?;
    }
    let turn = &*turn;
    let texts: Vec<Cow<'_, [u8]>> = sources
        .map(|index| {
            match turn
                .peek(&turn.key(args, index))
                .and_then(|found| found.text())
            {
                None => Cow::Borrowed(&[][..]),
                Some(View::Text(text)) => Cow::Borrowed(text),
                Some(number @ View::Int(_)) => Cow::Owned(number.to_vec()),
            }
        })
        .collect();
    let texts: Vec<&[u8]> = texts.iter().map(|text| &**text).collect();
    let mut joined = Vec::new();
    bits::combine(operation, &texts, &mut joined);
    Ok(joined)
}
