//! The entries of a stream, and what it remembers of those that are gone.

use super::id::Id;
use super::node::Node;
use super::nodes::Nodes;
use super::radix;
use super::valid;
use super::walk::{Direction, Walk};
use crate::value::Rules;
use crate::value::listpack::Listpack;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pub(super) nodes: Nodes,
    pub(super) history: History,
}

/// What a stream remembers of its past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The largest id ever given.
    pub last_id: Id,
    /// The first entry's id; zero without entries.
    pub first_id: Id,
    /// The largest id that was deleted by name.
    pub max_deleted_id: Id,
    /// Entries ever added.
    pub added: u64,
}

/// The id that is wanted for a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedId {
    /// The next one at this time.
    Now(u64),
    /// The next one of exactly this time.
    Of(u64),
    Exactly(Id),
}

/// Why an entry cannot have an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFault {
    /// The last possible id has been given.
    Exhausted,
    /// It is not above the last one.
    NotAbove,
}

impl Entries {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> u64 {
        self.nodes.live
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.nodes.live == 0
    }

    pub fn history(&self) -> History {
        self.history
    }

    /// The entries from `start` through `end`.
    pub fn range(&self, start: Id, end: Id, direction: Direction) -> Walk<'_> {
        Walk::new(&self.nodes, start, end, direction)
    }

    /// All entries, the oldest first.
    pub fn iter(&self) -> Walk<'_> {
        self.range(Id::MIN, Id::MAX, Direction::Forward)
    }

    /// The entries behind an id, the oldest first.
    pub fn after(&self, id: Id) -> Walk<'_> {
        match id.next() {
            Some(start) => self.range(start, Id::MAX, Direction::Forward),
            None => self.range(Id::MAX, Id::MIN, Direction::Forward),
        }
    }

    /// The id of the newest entry.
    pub fn newest(&self) -> Option<Id> {
        let mut walk = self.range(Id::MIN, Id::MAX, Direction::Backward);
        walk.next().map(|entry| entry.id)
    }

    pub fn contains(&self, id: Id) -> bool {
        self.range(id, id, Direction::Forward).next().is_some()
    }

    /// The nodes as they are saved: the first id, and the packed entries.
    pub fn nodes(&self) -> impl Iterator<Item = (Id, &Listpack)> {
        self.nodes.iter().map(|node| (node.id, node.pack()))
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes a radix tree over these nodes has.
    pub fn radix_node_count(&self) -> u64 {
        radix::nodes_over(self.nodes.iter().map(|node| node.id))
    }

    /// The id a new entry gets.
    pub fn choose_id(&self, wanted: WantedId) -> Result<Id, IdFault> {
        let last = self.history.last_id;
        let after_last = last.next().ok_or(IdFault::Exhausted)?;
        let id = match wanted {
            WantedId::Now(ms) if ms > last.ms => Id { ms, seq: 0 },
            WantedId::Now(_) => after_last,
            WantedId::Of(ms) if ms == last.ms && after_last.ms == ms => after_last,
            WantedId::Of(ms) => Id { ms, seq: 0 },
            WantedId::Exactly(id) => id,
        };
        (id > last).then_some(id).ok_or(IdFault::NotAbove)
    }

    /// Adds an entry, whose fields and values stand by turns, under an id that
    /// was chosen for it.
    #[inline]
    pub fn add<'t>(
        &mut self,
        id: Id,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
        rules: &Rules,
    ) {
        assert!(id > self.history.last_id, "ids only grow");
        assert!(texts.len().is_multiple_of(2), "each field has a value");
        if self.is_empty() {
            self.history.first_id = id;
        }
        self.nodes.push(id, texts, rules);
        self.history.last_id = id;
        // A saved stream may say any number, which then begins again as that of stock does.
        self.history.added = self.history.added.wrapping_add(1);
    }

    /// Deletes entries by their ids; returns how many were there.
    pub fn delete(&mut self, ids: impl Iterator<Item = Id>) -> u64 {
        let mut count = 0;
        for id in ids {
            if self.nodes.delete(id) {
                let deleted = &mut self.history.max_deleted_id;
                *deleted = id.max(*deleted);
                count += 1;
            }
        }
        if count > 0 {
            self.find_first();
        }
        count
    }

    /// Brings `first_id` up to date after entries are gone.
    pub(super) fn find_first(&mut self) {
        let first = self.iter().next();
        self.history.first_id = first.map_or(Id::MIN, |entry| entry.id);
    }

    /// Says what the last id is, how many entries were added, and which one was
    /// deleted, in place of what was counted.
    pub fn set_history(&mut self, last_id: Id, added: Option<u64>, max_deleted_id: Option<Id>) {
        let history = &mut self.history;
        history.last_id = last_id;
        history.added = added.unwrap_or(history.added);
        history.max_deleted_id = max_deleted_id.unwrap_or(history.max_deleted_id);
        self.nodes.remove_spent_after(last_id);
    }

    /// Adds a node that was saved, behind all others. `None` if its bytes are
    /// no node's, or its ids do not grow from those before.
    pub fn push_saved(&mut self, id: Id, pack: Listpack) -> Option<()> {
        // Where the last node has no entries left, those before it are before its id.
        let before = self.nodes.last().map(|place| {
            let last = self.nodes.get(place);
            last.last_live_id().unwrap_or(last.id)
        });
        if !valid::is_node(id, &pack) || before.is_some_and(|before| before >= id) {
            return None;
        }
        let node = Node::saved(id, pack);
        if node.has_entries() {
            self.nodes.push_node(node);
        }
        Some(())
    }

    /// Sets what was saved beside the nodes. `None` if they contradict it.
    pub fn set_saved(&mut self, len: u64, history: History) -> Option<()> {
        let is_true = self.len() == len && self.newest().is_none_or(|id| id <= history.last_id);
        self.history = history;
        self.find_first();
        self.nodes.remove_spent_after(history.last_id);
        is_true.then_some(())
    }

    /// How many entries had ever been added when the one of this id had; `None`
    /// where deletions make it uncertain.
    pub fn rank(&self, id: Id) -> Option<u64> {
        let History {
            last_id,
            first_id,
            max_deleted_id,
            added,
        } = self.history;
        if added == 0 {
            return Some(0);
        }
        if id == last_id || self.is_empty() && id < last_id {
            return Some(added);
        }
        if id > last_id || max_deleted_id != Id::MIN && max_deleted_id >= first_id {
            return None;
        }
        let before_first = added.wrapping_sub(self.len());
        if id < first_id {
            Some(before_first)
        } else if id == first_id {
            Some(before_first.wrapping_add(1))
        } else {
            None
        }
    }

    /// Whether an entry from an id on may have been deleted by name, and others before it not.
    pub(super) fn has_gap_from(&self, id: Id) -> bool {
        let deleted = self.history.max_deleted_id;
        let is_among = !self.is_empty() && self.history.first_id <= deleted;
        is_among && deleted != Id::MIN && id <= deleted
    }
}
