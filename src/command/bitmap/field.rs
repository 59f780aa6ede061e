//! Integers of any width inside a string: BITFIELD and BITFIELD_RO.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec, Words};
use crate::value::bitfield::Overflow;

use super::field_request::{Act, Step, steps};

pub(crate) const COMMANDS: &[Command] = &[BITFIELD, BITFIELD_RO];

const BITFIELD: Command = Command {
    spec: Spec {
        name: "BITFIELD",
        usage: "key [operation=(GET get-block=(encoding offset:integer) | write=([OVERFLOW \
            overflow-block=(WRAP | SAT | FAIL)] write-operation=(SET set-block=(encoding \
            offset:integer value:integer) | INCRBY incrby-block=(encoding offset:integer \
            increment:integer))))]...",
        summary: "Reads, sets and increments integers of any width inside a string.",
        since: "3.2.0",
        cost: "O(1) for each operation",
        group: Group::Bitmap,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE))
                .deciding(bitfield_reads, "With nothing but GET it only reads."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(bitfield),
};

/// What BITFIELD does to its key: with nothing but complete GETs (and OVERFLOW) it only reads.
fn bitfield_reads(words: &dyn Words) -> KeyFlags {
    const WRITES: KeyFlags = KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE);
    let mut index = 2;
    while index < words.count() {
        let word = words.word(index);
        index += if word.eq_ignore_ascii_case(b"GET") {
            3
        } else if word.eq_ignore_ascii_case(b"OVERFLOW") {
            2
        } else {
            return WRITES;
        };
        if index > words.count() {
            return WRITES;
        }
    }
    KeyFlags::RO.and(KeyFlags::ACCESS)
}

fn bitfield(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let steps = steps(turn, args)?;
    let key = turn.key(args, 1);
    if steps.iter().any(|step| step.act.writes()) {
        write(turn, key, &steps, reply)?;
    } else {
        read(turn, key, &steps, reply)?;
    }
    Ok(())
}

const BITFIELD_RO: Command = Command {
    spec: Spec {
        name: "BITFIELD_RO",
        usage: "key [GET get-block=(encoding offset:integer)]...",
        summary: "Reads integers of any width inside a string.",
        since: "6.0.0",
        cost: "O(1) for each operation",
        group: Group::Bitmap,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(bitfield_ro),
};

fn bitfield_ro(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let steps = steps(turn, args)?;
    if steps.iter().any(|step| step.act.writes()) {
        return Err(Refusal::BITFIELD_READ_ONLY);
    }
    let key = turn.key(args, 1);
    read(turn, key, &steps, reply)
}

fn read(turn: &mut Turn<'_>, key: Key<'_>, steps: &[Step], reply: &mut Reply<'_>) -> Outcome {
    reply.array(steps.len());
    let mut answer = |text: &[u8]| {
        for step in steps {
            reply.int(step.field.get(text));
        }
    };
    match turn.read_text(&key)? {
        Some(found) => found.with_text(answer),
        None => answer(&[]),
    }
    Ok(())
}

fn write(turn: &mut Turn<'_>, key: Key<'_>, steps: &[Step], reply: &mut Reply<'_>) -> Outcome {
    turn.find_text(&key)?;
    let writing = steps.iter().filter(|step| step.act.writes());
    let reach = writing.map(|step| step.field.reach_bytes()).max();
    let len_min = reach.unwrap_or(0) as usize;
    let clock = turn.clock;
    let mut changes = 0;
    reply.array(steps.len());
    let writing = steps.iter().filter(|step| step.act.writes());
    let first = writing.map(|step| step.field.first_byte()).min();
    let changes_in = first.unwrap_or(0) as usize..len_min;
    turn.db(&key)
        .edit(key, &clock, len_min, changes_in, |text| {
            // The text grows to the farthest write, even one that will fail.
            let has_grown = text.len() < len_min;
            if has_grown {
                text.resize(len_min, 0);
            }
            for step in steps {
                let before = step.field.get(text);
                let answer = perform(*step, text);
                // A number that is already so is no change, unless the text grew
                // for it; then every write that did not fail counts.
                let is_written = step.act.writes() && answer.is_some();
                let is_new = has_grown || step.field.get(text) != before;
                changes += u64::from(is_written && is_new);
                match answer {
                    Some(number) => reply.int(number),
                    None => reply.null(),
                }
            }
        });
    turn.changed(changes);
    if changes > 0 {
        turn.touch(&key, EventClass::String, "setbit");
    }
    Ok(())
}

/// The answer of a step; `None` where it would overflow and is to fail.
fn perform(step: Step, text: &mut Vec<u8>) -> Option<i64> {
    let overflow: Overflow = step.overflow;
    match step.act {
        Act::Read => Some(step.field.get(text)),
        Act::Store(value) => step.field.set(text, value, overflow),
        Act::Add(increment) => step.field.increment(text, increment, overflow),
    }
}
