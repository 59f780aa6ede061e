//! What is to be done after a turn: whom to tell, what to free, what to record.

use crate::config::Live;
use crate::keyspace::Discarded;

use super::effect::{Recorded, removal};
use super::event::Event;
use super::turn::{Data, Tally};
use super::waiting::Side;

/// See the module.
#[derive(Debug, Default)]
pub struct After {
    pub tally: Tally,
    pub discarded: Vec<Discarded>,
    pub side: Option<Side>,
    pub has_ready: bool,
    /// To be published.
    pub events: Vec<Event>,
    pub(super) recorded: Recorded,
}

/// The events of a turn and what it left, together with what happened beneath
/// it since the last of them: in database `near`, or in any.
#[cold]
pub(super) fn with_notes(
    mut data: Data<'_>,
    near: Option<usize>,
    live: &Live,
    mut events: Vec<Event>,
    mut recorded: Recorded,
) -> (Vec<Event>, Recorded) {
    take_notes(&mut data, near, live, (&mut events, &mut recorded));
    (events, recorded)
}

/// Takes up what happened beneath the command.
pub(super) fn take_notes(
    data: &mut Data<'_>,
    near: Option<usize>,
    live: &Live,
    (events, recorded): (&mut Vec<Event>, &mut Recorded),
) {
    for shard in data.shards() {
        if near.is_some_and(|index| !shard.keyspace.db(index).has_notes()) {
            continue;
        }
        for (index, note) in shard.keyspace.take_notes() {
            if recorded.by != 0 {
                recorded.push_note(index, &note, removal(live.lazy.expire));
            }
            let event = Event::of_note(index, note);
            if live.events.has(event.class) {
                events.push(event);
            }
        }
    }
}
