//! What list commands understand alike: ends, ranges, indexes.

use std::ops::Range;

use crate::resp::{Args, Refusal};
use crate::value::list::End;

/// LEFT or RIGHT.
pub(in crate::command) fn end(args: Args<'_>, index: usize) -> Result<End, Refusal> {
    if args.is(index, b"left") {
        Ok(End::Front)
    } else if args.is(index, b"right") {
        Ok(End::Back)
    } else {
        Err(Refusal::Syntax)
    }
}

/// The event of a push at an end.
pub(super) fn push_event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of a pop at an end.
pub(super) fn pop_event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The indexes from `start` through `stop` that a value of `len` elements has;
/// negative ones count from its end.
pub(in crate::command) fn range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let from_front = |index: i64| if index < 0 { index + len } else { index };
    let start = from_front(start).max(0);
    let stop = from_front(stop).min(len - 1);
    if start > stop {
        return 0..0;
    }
    start as usize..stop as usize + 1
}

/// An index from either end, if a list of `len` has it.
pub(super) fn index(index: i64, len: usize) -> Option<usize> {
    let len = len as i64;
    let index = if index < 0 { index + len } else { index };
    (0..len).contains(&index).then_some(index as usize)
}
