//! Reading about a key without using it: neither LRU nor LFU notice.

use std::mem;

use crate::command::turn::Turn;
use crate::keyspace::{Found, Key, Touch};

/// Tells of a live key what `tell` makes of it; counts a hit or a miss.
pub(super) fn look<Told>(
    turn: &mut Turn<'_>,
    key: &Key<'_>,
    tell: impl FnOnce(Found<'_>) -> Told,
) -> Option<Told> {
    untouched(turn, |turn| turn.read(key).map(tell))
}

/// The same for OBJECT, whose misses are no events.
pub(super) fn look_unheard<Told>(
    turn: &mut Turn<'_>,
    key: &Key<'_>,
    tell: impl FnOnce(Found<'_>) -> Told,
) -> Option<Told> {
    untouched(turn, |turn| turn.read_unheard(key).map(tell))
}

fn untouched<'t, Told>(turn: &mut Turn<'t>, look: impl FnOnce(&mut Turn<'t>) -> Told) -> Told {
    let touch = mem::replace(&mut turn.clock.touch, Touch::Leave);
    let told = look(turn);
    turn.clock.touch = touch;
    told
}
