//! Which history the data belongs to and how far it has come, and where others
//! may go on from.

use super::id::ReplicationId;

/// From where a node asks to go on: the history's name and its first byte that
/// is not here, counted from 1 as PSYNC does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    pub id: ReplicationId,
    pub from: u64,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The name.
    pub id: ReplicationId,
    /// Bytes of it that the data has.
    pub offset: u64,
    /// The history this one went on from, and the first offset that is not of
    /// both: second_repl_offset of INFO.
    pub earlier: Option<(ReplicationId, u64)>,
}

/// Where data stands that a node, or its replica, can go on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The history's name.
    pub id: ReplicationId,
    /// Bytes of it that the data has.
    pub offset: u64,
    /// Selected in the stream behind them, if that does not say itself.
    pub database: usize,
}

impl History {
    /// A new one.
    #[must_use]
    pub fn new(id: ReplicationId) -> History {
        History {
            id,
            offset: 0,
            earlier: None,
        }
    }

    /// One that has come this far.
    #[must_use]
    pub fn at(id: ReplicationId, offset: u64) -> History {
        History {
            offset,
            ..History::new(id)
        }
    }

    /// From where to ask a primary.
    #[must_use]
    pub fn resume(&self) -> Resume {
        Resume {
            id: self.id,
            from: self.offset + 1,
        }
    }

    /// Goes on under another name: this node becomes a primary, or its primary
    /// did. Who has the old one up to here may go on with the new.
    pub fn rename(&mut self, id: ReplicationId) {
        self.earlier = Some((self.id, self.offset + 1));
        self.id = id;
    }

    /// Whether who asks from there has what this history has up to there, so that
    /// the rest is enough for it. `backlog` are the offsets of the bytes that are
    /// still here: the first, and one after the last.
    #[must_use]
    pub fn continues(&self, asked: &Resume, backlog: std::ops::Range<u64>) -> bool {
        let is_ours = asked.id == self.id
            || self
                .earlier
                .is_some_and(|(id, end)| asked.id == id && asked.from <= end);
        is_ours && (backlog.start..=backlog.end).contains(&asked.from)
    }
}
