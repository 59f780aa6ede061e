//! A walk over the keys in small steps: SCAN.
//!
//! A cursor says a slot in its lowest 14 bits and a place in the slot above
//! them, and nothing of shards: a shard whose slots are done sends the client
//! on to the first slot of the next.

use crate::base::SLOTS;
use crate::command::route::Placement;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::walk::{Among, Walk, parse_cursor};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[SCAN];

/// The core a SCAN request runs at: the owner of the slot its cursor stands
/// in. A cursor that is none is refused by the handler, on any core.
#[must_use]
pub fn cursor_core(args: Args<'_>, placement: Placement) -> usize {
    parse_cursor(args.get(1)).map_or(0, |cursor| owner(cursor, placement))
}

fn owner(cursor: u64, placement: Placement) -> usize {
    placement.core_of((cursor % u64::from(SLOTS)) as u16)
}

const SCAN: Command = Command {
    spec: Spec {
        name: "SCAN",
        usage: "cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type{6.0.0}]",
        summary: "Walks over the names of the keys in small steps.",
        since: "2.8.0",
        cost: "O(1) for a step, O(N) for the whole walk with N the number of keys",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
        tips: &[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ],
        history: &[("6.0.0", "TYPE.")],
        ..Spec::PLAIN
    },
    run: Run::AtCursor(scan),
};

fn scan(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(args.get(1)).ok_or(Refusal::INVALID_CURSOR)?;
    let options = Walk::parse(args, 2, Among::Keys)?;
    let placement = turn.placement();
    let next_core = owner(cursor, placement) + 1;
    let end = placement.first_slot(next_core);
    let (index, clock) = (turn.database, turn.clock);
    let keyspace = turn.keyspaces().next().expect("a turn has a keyspace");

    // The cursor comes first in the reply and is known last.
    let mut names = Vec::new();
    let mut members = Reply::new(&mut names, reply.version());
    let mut len = 0;
    let mut overdue: Vec<Box<[u8]>> = Vec::new();
    let next = keyspace.db(index).scan_below(
        (end, cursor),
        options.count,
        &clock,
        |found| {
            let type_name = found.type_name();
            if options.takes(found.key()) && options.takes_type(type_name) {
                members.bulk(found.key());
                len += 1;
            }
        },
        |key| {
            if options.takes(key) {
                overdue.push(key.into());
            }
        },
    );
    // As any that a command asks for: what is over goes, if it may. These have nothing
    // to do with each other.
    turn.leaves_apart();
    for name in overdue {
        let key = turn.key_of(&name);
        let is_there = turn.find(&key).is_some();
        debug_assert!(!is_there, "its time has come");
    }
    let next = match next {
        Some(next) => next,
        None if next_core < placement.cores() => end as u64,
        None => 0,
    };
    reply.array(2);
    // At most 32 bits of place and 14 of slot.
    reply.bulk_int(next as i64);
    reply.array(len);
    reply.raw(&names);
    Ok(())
}
