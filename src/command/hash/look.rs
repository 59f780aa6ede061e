//! How a command comes to a hash: first the fields go whose time has come.
//!
//! Only a step's worth goes, so that no command waits for a million of them.
//! That is all of a small hash; in a large one reads pass over the others, and
//! only HLEN may still count them, as in stock.

use crate::base::Random;
use crate::command::item::bulk;
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Refusal, Reply};
use crate::value::hash::Hash;
use crate::value::listpack::Item;

/// Buckets looked at before a command; about six fields each.
const BUCKETS: usize = 64;

impl Turn<'_> {
    /// A field is over whose deadline is not after this, in Unix milliseconds: none is for
    /// who obeys a primary or a file, which say when one goes.
    pub(super) fn due(&self) -> u64 {
        self.clock.due()
    }
}

fn settle(turn: &mut Turn<'_>, key: &Key<'_>) {
    let clock = turn.clock;
    turn.db(key).sweep_fields(*key, &clock, BUCKETS);
}

/// The hash of a key that a command reads.
#[inline]
pub(super) fn read<'t>(turn: &'t mut Turn<'_>, key: &Key<'_>) -> Result<Option<&'t Hash>, Refusal> {
    settle(turn, key);
    turn.read_as(key)
}

/// The same, with the core's random numbers.
pub(super) fn read_with_random<'t>(
    turn: &'t mut Turn<'_>,
    key: &Key<'_>,
) -> Result<Option<(&'t Hash, &'t mut Random)>, Refusal> {
    settle(turn, key);
    turn.read_with_random(key)
}

/// The hash of a key that a command writes, for a look.
pub(super) fn find<'t>(turn: &'t mut Turn<'_>, key: &Key<'_>) -> Result<Option<&'t Hash>, Refusal> {
    settle(turn, key);
    turn.find_as(key)
}

/// The hash of a key, to be changed.
#[inline]
pub(super) fn edit<'t>(
    turn: &'t mut Turn<'_>,
    key: &Key<'_>,
) -> Result<Option<&'t mut Hash>, Refusal> {
    settle(turn, key);
    turn.edit_as(key)
}

/// The same; an empty one appears where there is none.
#[inline]
pub(super) fn edit_or_new<'t>(
    turn: &'t mut Turn<'_>,
    key: &Key<'_>,
) -> Result<&'t mut Hash, Refusal> {
    settle(turn, key);
    turn.edit_or_new(key)
}

/// After deadlines of fields were set or cleared, or fields removed: the key
/// goes with its last field, else the database learns when something is due.
pub(super) fn after_edit(turn: &mut Turn<'_>, key: &Key<'_>) {
    if !turn.prune(key) {
        turn.db(key).note_fields(*key);
    }
}

/// A value as a bulk, or nothing.
#[inline]
pub(super) fn bulk_or_null(reply: &mut Reply<'_>, item: Option<Item<'_>>) {
    match item {
        Some(item) => bulk(reply, item),
        None => reply.null(),
    }
}
