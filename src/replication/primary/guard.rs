//! Whom a node that has just started would rob: replicas that have more of its
//! history than it has itself. They are told to wait, until an operator says what
//! shall be, instead of being given less than they have.

use std::collections::BTreeSet;

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

/// Replicas that are remembered; who is served beyond is not.
const SERVED_MAX: usize = 1024;

/// Replicas that this node has given its data since it started, by where they take
/// clients. One of these that comes with another history has left and been changed
/// by its own operator: it has nothing that this node has lost.
#[derive(Debug, Default)]
pub(super) struct Served(BTreeSet<(String, u16)>);

impl Served {
    pub(super) fn note(&mut self, ip: &str, port: u16) {
        if self.0.len() < SERVED_MAX && port != 0 {
            self.0.insert((ip.to_owned(), port));
        }
    }

    pub(super) fn has(&self, ip: &str, port: u16) -> bool {
        self.0.contains(&(ip.to_owned(), port))
    }
}
