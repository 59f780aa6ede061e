//! A walk over the keys in small steps: SCAN.
//!
//! A cursor says a slot in its lowest 14 bits and a place in the slot above
//! them, and nothing of shards: a shard whose slots are done sends the client
//! on to the first slot of the next.

use crate::base::{Case, SLOTS, glob_matches, parse_i64};
use crate::command::route::Placement;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::keyspace::Found;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};

pub(crate) const COMMANDS: &[Command] = &[SCAN];

/// Keys looked at without COUNT.
const COUNT_DEFAULT: usize = 10;

/// The core a SCAN request runs at: the owner of the slot its cursor stands
/// in. A cursor that is none is refused by the handler, on any core.
#[must_use]
pub fn cursor_core(args: Args<'_>, placement: Placement) -> usize {
    parse_cursor(args.get(1)).map_or(0, |cursor| owner(cursor, placement))
}

fn owner(cursor: u64, placement: Placement) -> usize {
    placement.core_of((cursor % u64::from(SLOTS)) as u16)
}

/// SCAN's options.
struct Scan<'a> {
    count: usize,
    /// None for every name.
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
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
    let options = Scan::parse(args)?;
    let placement = turn.placement();
    let next_core = owner(cursor, placement) + 1;
    let end = placement.first_slot(next_core);
    let (index, clock) = (turn.database, turn.clock);
    let keyspace = turn.keyspaces().next().expect("a turn has a keyspace");

    // The cursor comes first in the reply and is known last.
    let mut names = Vec::new();
    let mut members = Reply::new(&mut names, reply.version());
    let mut len = 0;
    let next = keyspace
        .db(index)
        .scan_below(end, cursor, options.count, &clock, |found| {
            if options.takes(found) {
                members.bulk(found.key());
                len += 1;
            }
        });
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

impl<'a> Scan<'a> {
    fn parse(args: Args<'a>) -> Result<Scan<'a>, Refusal> {
        let mut options = Scan {
            count: COUNT_DEFAULT,
            pattern: None,
            type_name: None,
        };
        for index in (2..args.len()).step_by(2) {
            if index + 1 == args.len() {
                return Err(Refusal::Syntax);
            }
            let word = args.get(index + 1);
            if args.is(index, b"count") {
                let count = parse_i64(word).ok_or(Refusal::NotInteger)?;
                let count = usize::try_from(count).map_err(|_| Refusal::Syntax)?;
                if count == 0 {
                    return Err(Refusal::Syntax);
                }
                options.count = count;
            } else if args.is(index, b"match") {
                options.pattern = Some(word).filter(|pattern| *pattern != b"*");
            } else if args.is(index, b"type") {
                options.type_name = Some(word);
            } else {
                return Err(Refusal::Syntax);
            }
        }
        Ok(options)
    }

    fn takes(&self, found: &Found<'_>) -> bool {
        let type_name = || found.type_name().as_bytes();
        self.type_name
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name()))
            && self
                .pattern
                .is_none_or(|pattern| glob_matches(pattern, found.key(), Case::Sensitive))
    }
}

/// A cursor as C's `strtoul` reads it, which takes a sign, nothing at all, and
/// ends at a zero byte; but no space in front.
pub(in crate::command) fn parse_cursor(word: &[u8]) -> Option<u64> {
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    let (is_negative, digits) = match word {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    if digits.is_empty() {
        return None;
    }
    Some(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}
