//! How the link to a primary is: told by the control core, readable by every
//! core.

use super::counters::Cell;

/// What ROLE calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// There is no primary.
    #[default]
    None,
    /// To be connected.
    Down,
    Connecting,
    Handshake,
    /// Everything is being received or loaded.
    Sync,
    Connected,
}

const LINKS: [Link; 6] = [
    Link::None,
    Link::Down,
    Link::Connecting,
    Link::Handshake,
    Link::Sync,
    Link::Connected,
];

/// See the module. Times are Unix seconds, 0 for never.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Replication {
    link: Cell,
    pub heard_at_s: Cell,
    /// Since when there is no link.
    pub down_since_s: Cell,
    /// Offset of the last byte that came.
    pub received: Cell,
    /// Offset up to which the stream was applied.
    pub applied: Cell,
    /// Of the file that is being received; 0 if its length is not known.
    pub sync_total_bytes: Cell,
    pub sync_read_bytes: Cell,
    /// `repl-timeout`, for who sends files.
    pub timeout_s: Cell,
    /// Of a primary: the first byte of the stream that is here, and how many there
    /// are; 0 if it is not kept.
    pub backlog_first: Cell,
    pub backlog_bytes: Cell,
    /// Bytes of the stream that are in memory, and how many of these are kept for
    /// replicas that are behind, beyond `repl-backlog-size`.
    pub stream_bytes: Cell,
    pub excess_bytes: Cell,
    /// Replicas that were heard of not long ago, as `min-replicas-max-lag` says.
    pub healthy: Cell,
    /// Full synchronisations that were asked for, and partial ones that were
    /// granted and not.
    pub syncs_full: Cell,
    pub syncs_partial: Cell,
    pub syncs_refused: Cell,
    /// How many of each there were at the last CONFIG RESETSTAT.
    syncs_before: [Cell; 3],
    handover: Cell,
    /// When the node ends at the latest, which waits for replicas: Unix milliseconds, or
    /// 0.
    pub ends_at_ms: Cell,
}

/// How far FAILOVER is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    None,
    /// Until a replica has everything.
    Waiting,
    /// Until that leads.
    UnderWay,
}

const HANDOVERS: [Handover; 3] = [Handover::None, Handover::Waiting, Handover::UnderWay];

impl Replication {
    /// The state of the link.
    #[must_use]
    pub fn link(&self) -> Link {
        LINKS[self.link.read() as usize]
    }

    /// How many there were of each kind since the counts were reset: in full, partial,
    /// and partial ones that were refused.
    #[must_use]
    pub fn syncs(&self) -> [u64; 3] {
        let before = self.syncs_before.each_ref().map(Cell::read);
        let mut counts = self.all_syncs();
        for (count, before) in counts.iter_mut().zip(before) {
            *count = count.saturating_sub(before);
        }
        counts
    }

    /// Counts from nothing on; only the first core may.
    pub fn reset_syncs(&self) {
        for (before, count) in self.syncs_before.iter().zip(self.all_syncs()) {
            before.set(count);
        }
    }

    fn all_syncs(&self) -> [u64; 3] {
        [&self.syncs_full, &self.syncs_partial, &self.syncs_refused].map(Cell::read)
    }

    /// How far FAILOVER is.
    #[must_use]
    pub fn handover(&self) -> Handover {
        HANDOVERS[self.handover.read() as usize]
    }

    /// Tells it; only the control core may.
    pub fn set_handover(&self, handover: Handover) {
        let place = HANDOVERS.iter().position(|known| *known == handover);
        self.handover.set(place.unwrap_or(0) as u64);
    }

    /// Tells it; only the control core may.
    pub fn set_link(&self, link: Link) {
        let place = LINKS.iter().position(|known| *known == link);
        self.link.set(place.unwrap_or(0) as u64);
    }
}

/// A replica of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    pub ip: String,
    pub port: u16,
    /// As INFO says it: `wait_bgsave`, `send_bulk` or `online`.
    pub state: &'static str,
    /// How far it says it is.
    pub offset: u64,
    /// When it last said so, in Unix seconds.
    pub heard_at_s: u64,
}

impl Replica {
    /// Whether it gets the stream.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.state == "online"
    }
}

/// The names of the data's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// 40 hexadecimal digits.
    pub id: String,
    /// The one before, up to an offset; zeros and -1 for none.
    pub earlier: String,
    pub second_offset: i64,
}

impl Lineage {
    /// A history that goes on from no other.
    #[must_use]
    pub fn new(id: String) -> Lineage {
        Lineage {
            id,
            earlier: "0".repeat(40),
            second_offset: -1,
        }
    }
}
