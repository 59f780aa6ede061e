//! A walk over the keys in small steps: SCAN.
//!
//! A cursor says a slot in its lowest 14 bits and a place in the slot above
//! them, and nothing of shards. A call that has not met COUNT keys where a
//! shard's slots end goes on at the next: a small database is walked over in one
//! call, as by stock.

use crate::base::SLOTS;
use crate::command::route::Placement;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::waiting::Side;
use crate::command::walk::{Among, Walk, parse_cursor};
use crate::keyspace::Met;
use crate::resp::{Args, Outcome, Refusal, Reply, Version};
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
    let (may_go_on, mut walked) = match std::mem::take(&mut turn.onward) {
        Onward::Never => (false, Walked::beginning(cursor)),
        Onward::May => (true, Walked::beginning(cursor)),
        Onward::From(walked) => (true, *walked),
    };
    let overdue = walked.walk(turn, &options, reply.version());
    // As any that a command asks for: what is over goes, if it may. These have nothing
    // to do with each other.
    turn.leaves_apart();
    for name in overdue {
        let key = turn.key_of(&name);
        let is_there = turn.find(&key).is_some();
        debug_assert!(!is_there, "its time has come");
    }
    if may_go_on && walked.next.is_some() && walked.visited < options.count {
        turn.side = Some(Side::GoesOn(Box::new(walked)));
        return Ok(());
    }
    reply.array(2);
    // At most 32 bits of place and 14 of slot.
    reply.bulk_int(walked.next.unwrap_or(0) as i64);
    reply.array(walked.told);
    reply.raw(&walked.names);
    Ok(())
}

/// Whether a walk may go on at another core than those whose keys are here.
#[derive(Clone, Debug, Default)]
pub enum Onward {
    /// It ends where they end: in a transaction or a script.
    #[default]
    Never,
    /// It may.
    May,
    /// It has come from another one.
    From(Box<Walked>),
}

/// What one call has walked over so far.
#[derive(Clone, Debug)]
pub struct Walked {
    /// The cursor to go on with, if anything is left.
    next: Option<u64>,
    /// Keys met, told or not.
    visited: usize,
    /// Keys told, and their names as they stand in the reply, where the cursor
    /// comes first and is known last.
    told: usize,
    names: Vec<u8>,
}

impl Walked {
    fn beginning(cursor: u64) -> Walked {
        Walked {
            next: Some(cursor),
            visited: 0,
            told: 0,
            names: Vec::new(),
        }
    }

    /// The core where it goes on.
    #[must_use]
    pub fn core(&self, placement: Placement) -> usize {
        self.next.map_or(0, |cursor| owner(cursor, placement))
    }

    /// Walks on as far as COUNT and the keys that are here go. Gives the names of
    /// those whose time has come.
    fn walk(
        &mut self,
        turn: &mut Turn<'_>,
        options: &Walk<'_>,
        version: Version,
    ) -> Vec<Box<[u8]>> {
        let placement = turn.placement();
        let (index, clock) = (turn.database, turn.clock);
        let (mut visited, mut told) = (self.visited, self.told);
        let mut names = Reply::new(&mut self.names, version);
        let mut overdue = Vec::new();
        while let Some(cursor) = self.next
            && visited < options.count
        {
            let core = owner(cursor, placement);
            let Some(keyspace) = turn.keyspace_of(core) else {
                break;
            };
            let end = placement.first_slot(core + 1);
            let left = keyspace.db(index).scan_below(
                (end, cursor),
                options.count - visited,
                &clock,
                |met| {
                    visited += 1;
                    match met {
                        Met::Live(found) => {
                            if options.takes(found.key()) && options.takes_type(found.type_name()) {
                                names.bulk(found.key());
                                told += 1;
                            }
                        }
                        Met::Overdue(name) => {
                            if options.takes(name) {
                                overdue.push(name.into());
                            }
                        }
                    }
                },
            );
            let is_last = core + 1 == placement.cores();
            self.next = left.or((!is_last).then_some(end as u64));
        }
        (self.visited, self.told) = (visited, told);
        overdue
    }
}
