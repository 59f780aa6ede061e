//! What a follower has its driver do.

use crate::replication::address::Address;
use crate::replication::transfer::Framing;

/// How loud a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Notice,
    Warning,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect, and say `on_connected` or `on_closed`.
    Connect(Address),
    /// The connection ends; nothing is said of it any more.
    HangUp,
    Send(Vec<u8>),
    /// Pieces of a file come. `continues` says that it is of the history that the
    /// data is of.
    Receive {
        framing: Framing,
        continues: bool,
    },
    Piece(Vec<u8>),
    /// The file is whole: make it the data, and say `on_loaded`.
    Load,
    /// The file will not be whole, or is not wanted.
    Abandon,
    /// Units come, the first for this database.
    Open {
        database: usize,
    },
    /// Apply these units, whose last byte has this offset, and say `on_applied`.
    Apply {
        bytes: Vec<u8>,
        end: u64,
    },
    /// No more units come: say `on_drained` when all have run.
    Drain,
    /// There is no primary any more, and nothing of one is under way.
    Released,
    /// The primary was asked to lead, and does, or would not.
    HandedOver(bool),
    Log(Level, String),
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Off,
    Resting,
    Connecting,
    Greeting,
    Receiving,
    Loading,
    Streaming,
    Draining,
}
