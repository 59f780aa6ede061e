//! Looking at one set: SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN.

use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::walk::{self, Among, Walk, parse_cursor};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::set::Set;

pub(crate) const COMMANDS: &[Command] = &[SISMEMBER, SMISMEMBER, SCARD, SMEMBERS, SSCAN];

const SISMEMBER: Command = Command {
    spec: Spec {
        name: "SISMEMBER",
        usage: "key member",
        summary: "Tells whether a text is a member of a set.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Set,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(sismember),
};

fn sismember(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<Set>(&key)?;
    reply.int(i64::from(set.is_some_and(|set| set.contains(args.get(2)))));
    Ok(())
}

const SMISMEMBER: Command = Command {
    spec: Spec {
        name: "SMISMEMBER",
        usage: "key member...",
        summary: "Tells of each of several texts whether it is a member of a set.",
        since: "6.2.0",
        cost: "O(N) with N the number of texts",
        group: Group::Set,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(smismember),
};

fn smismember(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<Set>(&key)?;
    let members = args.tail(2);
    reply.array(members.len());
    for member in members.iter() {
        reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

const SCARD: Command = Command {
    spec: Spec {
        name: "SCARD",
        usage: "key",
        summary: "Counts the members of a set.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Set,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(scard),
};

fn scard(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = turn.read_as::<Set>(&key)?.map_or(0, Set::len);
    reply.int(len as i64);
    Ok(())
}

const SMEMBERS: Command = Command {
    spec: Spec {
        name: "SMEMBERS",
        usage: "key",
        summary: "Returns all members of a set.",
        since: "1.0.0",
        cost: "O(N) with N the number of members",
        group: Group::Set,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Data(smembers),
};

fn smembers(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    match turn.read_as::<Set>(&key)? {
        Some(set) => all(reply, set),
        None => reply.set(0),
    }
    Ok(())
}

const SSCAN: Command = Command {
    spec: Spec {
        name: "SSCAN",
        usage: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        summary: "Walks over the members of a set in small steps.",
        since: "2.8.0",
        cost: "O(1) for a step, O(N) for the whole walk with N the number of members",
        group: Group::Set,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(sscan),
};

fn sscan(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(args.get(2)).ok_or(Refusal::INVALID_CURSOR)?;
    let options = Walk::parse(args, 3, Among::Elements);
    let key = turn.key(args, 1);
    let Some(set) = turn.read_as::<Set>(&key)? else {
        // Stock looks at no option where there is nothing to walk over.
        walk::answer_nothing(reply);
        return Ok(());
    };
    let options = options?;
    options.answer(cursor, reply, |position, taken| {
        set.scan(position, |item| {
            taken.visit();
            if item.with_text(|text| options.takes(text)) {
                taken.tell(item);
            }
        })
    });
    Ok(())
}

/// Writes every member, as a set.
pub(super) fn all(reply: &mut Reply<'_>, set: &Set) {
    reply.set(set.len());
    set.iter().for_each(|item| bulk(reply, item));
}
