//! Whom a node that has just started would rob: replicas that have more of its
//! history than it has itself. They are told to wait, until an operator says what
//! shall be, instead of being given less than they have.

use crate::replication::history::{Resume, Standing};

/// For so long after the start a node that found nothing on its disk takes a replica
/// of another history for one of its own from before: milliseconds, the default of
/// repl-backlog-ttl.
const EMPTY_FOR_MS: u64 = 3_600_000;

/// What the node began with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// What nobody is robbed by.
    #[default]
    Off,
    /// No data.
    Empty,
    /// Data of a history, as of then.
    Loaded(Standing),
}

impl Guard {
    /// Whether who asks to go on from there has something that this node once had and
    /// has lost. `now` is the time since the start.
    pub(super) fn would_rob(&self, now: u64, asked: &Resume) -> bool {
        match self {
            Guard::Off => false,
            Guard::Empty => now < EMPTY_FOR_MS && asked.from > 1,
            Guard::Loaded(standing) => asked.id == standing.id && asked.from > standing.offset + 1,
        }
    }
}
