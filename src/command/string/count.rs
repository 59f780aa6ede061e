//! Numbers at a key: INCR and its kin.

use crate::base::{add_long_double, parse_i64};
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::{Lifetime, Owned, OwnedContent, View};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

pub(crate) const COMMANDS: &[Command] = &[DECR, DECRBY, INCR, INCRBY, INCRBYFLOAT];

const INCR: Command = Command {
    spec: Spec {
        name: "INCR",
        usage: "key",
        summary: "Adds one to the integer at a key; a missing key counts as 0.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(incr),
};

fn incr(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(turn, args, 1, reply)
}

const DECR: Command = Command {
    spec: Spec {
        name: "DECR",
        usage: "key",
        summary: "Subtracts one from the integer at a key; a missing key counts as 0.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(decr),
};

fn decr(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    add(turn, args, -1, reply)
}

const INCRBY: Command = Command {
    spec: Spec {
        name: "INCRBY",
        usage: "key increment:integer",
        summary: "Adds a number to the integer at a key; a missing key counts as 0.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(incrby),
};

fn incrby(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let amount = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    add(turn, args, amount, reply)
}

const DECRBY: Command = Command {
    spec: Spec {
        name: "DECRBY",
        usage: "key decrement:integer",
        summary: "Subtracts a number from the integer at a key; a missing key counts as 0.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(decrby),
};

fn decrby(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let amount = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let amount = amount.checked_neg().ok_or(Refusal::DECREMENT_OVERFLOW)?;
    add(turn, args, amount, reply)
}

fn add(turn: &mut Turn<'_>, args: Args<'_>, amount: i64, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let before = match turn.find_text(&key)? {
        None => 0,
        Some(View::Int(number)) => number,
        // A number that was appended to is text and still a number.
        Some(View::Text(text)) => parse_i64(text).ok_or(Refusal::NotInteger)?,
    };
    let after = before.checked_add(amount).ok_or(Refusal::OVERFLOW)?;
    let clock = turn.clock;
    turn.db(&key).set_int(key, after, Lifetime::Keep, &clock);
    turn.changed(1);
    turn.touch(&key, EventClass::String, "incrby");
    reply.int(after);
    Ok(())
}

const INCRBYFLOAT: Command = Command {
    spec: Spec {
        name: "INCRBYFLOAT",
        usage: "key increment:double",
        summary: "Adds a floating point number to the number at a key; a missing key counts as 0.",
        since: "2.6.0",
        cost: "O(1)",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(incrbyfloat),
};

fn incrbyfloat(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let clock = turn.clock;
    let found = turn.find(&key);
    let before = found.map(|found| (found.deadline(), found.access()));
    let old = match found {
        Some(found) => found.text().ok_or(Refusal::WrongType)?.to_vec(),
        None => b"0".to_vec(),
    };
    let after = add_long_double(&old, args.get(2)).map_err(refusal)?;
    // Stock keeps the sum as text, also when it is a whole number.
    let sum = Owned {
        content: OwnedContent::Text(after.clone().into()),
        raw: false,
        deadline: before.and_then(|(deadline, _)| deadline),
        access: before.map_or_else(|| clock.access_of_new(), |(_, access)| access),
    };
    turn.db(&key).put(key, sum, &clock);
    turn.leave_instead(&[b"SET", key.bytes, &after, b"KEEPTTL"]);
    turn.changed(1);
    turn.touch(&key, EventClass::String, "incrbyfloat");
    reply.bulk(&after);
    Ok(())
}

fn refusal(fault: crate::base::LongDoubleFault) -> Refusal {
    use crate::base::LongDoubleFault;
    match fault {
        LongDoubleFault::FirstNotFloat | LongDoubleFault::SecondNotFloat => Refusal::NotFloat,
        LongDoubleFault::NotFinite => Refusal::FLOAT_OVERFLOW,
    }
}
