//! What a primary has its driver do.

use bytes::Bytes;

use crate::replication::follower::Level;

/// How a full synchronisation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// While it is made, to all links at once; a mark ends it.
    Streamed,
    /// Out of a file, once that is whole: its length stands before it.
    Filed,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    Full,
    Continued,
    NotContinued,
}

/// What is to be done. Links have the numbers that `on_arrival` gave them.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send bytes to a link, behind those before.
    Send {
        link: u64,
        bytes: Bytes,
    },
    /// End a link; nothing is said of it any more.
    Close {
        link: u64,
    },
    /// Begin a snapshot, and say `on_cut` when its moment has come, then
    /// `on_snapshot_over`.
    Snapshot(Method),
    /// These links get the snapshot under way, behind what they were sent and with
    /// the mark at its end: say `on_fed` of each that got all of it.
    Feed {
        links: Vec<u64>,
        mark: [u8; 40],
    },
    /// These links get the file that was just written, behind its length: say
    /// `on_fed` of each that got all of it.
    SendFile {
        links: Vec<u64>,
    },
    /// A link asks for something that is none of a replica's business: a reply would
    /// stand between the bytes of the stream.
    Asked {
        link: u64,
        /// As the log names it.
        who: String,
        words: Vec<Vec<u8>>,
    },
    /// Nobody wants the snapshot under way.
    GiveUp,
    /// Nobody has wanted the stream for long: it ends.
    Cease,
    /// Put PING into the stream.
    Ping,
    Count(Tally),
    Log(Level, String),
}
