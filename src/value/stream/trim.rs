//! Taking the oldest entries off a stream, as many as stock takes.

use super::entries::Entries;
use super::id::Id;
use super::node::Node;
use super::value::Stream;

/// What stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many of the newest entries.
    Newest(u64),
    /// The entries from this id on.
    From(Id),
}

/// How close to what is asked a trim comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Exact,
    /// Whole nodes only, and no more entries than the limit if there is one.
    Nodes {
        limit: Option<u64>,
    },
}

/// What a trim did.
#[derive(Debug)]
#[must_use = "what was cut off may be too much to be freed at once"]
pub struct Trimmed {
    /// Entries that are gone.
    pub count: u64,
    /// What was cut off, if it is more than a little.
    pub cut: Option<Stream>,
}

/// Nodes that are freed at once.
const FREED_AT_ONCE: usize = 16;

/// Nodes at the front of a stream.
#[derive(Clone, Copy, Debug, Default)]
struct Front {
    /// Whole blocks.
    blocks: usize,
    /// Nodes of the block after them.
    nodes: usize,
    /// Entries in all of it.
    live: u64,
    /// Entries in the nodes alone.
    live_of_nodes: u64,
}

impl Entries {
    /// Takes off the oldest entries.
    pub fn trim(&mut self, keep: Keep, precision: Precision) -> Trimmed {
        let front = self.spare_front(keep, precision);
        let cut = self
            .nodes
            .split_front(front.blocks, front.nodes, front.live_of_nodes);
        let mut count = front.live;
        if precision == Precision::Exact {
            let mut left = self.len();
            count += match keep {
                Keep::Newest(entries) => self.nodes.delete_front(|_| {
                    let goes = left > entries;
                    left -= u64::from(goes);
                    goes
                }),
                Keep::From(id) => self.nodes.delete_front(|own| own < id),
            };
        }
        if count > 0 {
            self.find_first();
        }
        let is_much = cut.weight() > FREED_AT_ONCE;
        Trimmed {
            count,
            cut: is_much.then(|| Stream::of_nodes(cut)),
        }
    }

    /// The nodes that a trim takes off whole: all those at the front of which
    /// nothing stays, up to the limit. A block is passed over at once if the
    /// last of its nodes would be reached.
    fn spare_front(&self, keep: Keep, precision: Precision) -> Front {
        let limit = match precision {
            Precision::Exact | Precision::Nodes { limit: None } => u64::MAX,
            Precision::Nodes { limit: Some(limit) } => limit,
        };
        let len = self.len();
        // Whether nodes up to `last` go, with which so many entries are gone.
        let goes = |after: u64, last: &Node| {
            after <= limit
                && match keep {
                    // A node of deleted entries is only looked at while others are too many.
                    Keep::Newest(entries) => {
                        let before = after - last.counts().live;
                        len - after >= entries && len - before > entries
                    }
                    Keep::From(id) => last.last_id() < id,
                }
        };
        let mut front = Front::default();
        for block in &self.nodes.blocks {
            if !goes(front.live + block.live, block.last()) {
                for node in &block.nodes {
                    let live = node.counts().live;
                    if !goes(front.live + live, node) {
                        break;
                    }
                    front.nodes += 1;
                    front.live += live;
                    front.live_of_nodes += live;
                }
                break;
            }
            front.blocks += 1;
            front.live += block.live;
        }
        front
    }
}
