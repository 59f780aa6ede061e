//! A group: how far it has read, what it has given to whom, and its consumers.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::consumers::{Consumer, ConsumerSlot, Consumers};
use super::entries::Entries;
use super::groups_cut::Before;
use super::id::Id;

/// See the module. An id is pending in the group exactly if it is pending at
/// the consumer named there.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last entry given to any consumer as new.
    pub last_id: Id,
    /// How many of all entries ever added the group has read; `None` where it
    /// cannot be known.
    pub entries_read: Option<u64>,
    pub(super) pending: BTreeMap<Id, Pending>,
    pub(super) consumers: Consumers,
    pub(super) before: Before,
}

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    pub consumer: ConsumerSlot,
    /// When it was last given, in Unix milliseconds.
    pub delivered_at: u64,
    /// How often it was given.
    pub deliveries: u64,
}

impl Group {
    /// A group that has read up to an id, without consumers.
    pub fn new(last_id: Id, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            ..Self::default()
        }
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.consumers.iter()
    }

    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerSlot> {
        self.consumers.find(name)
    }

    pub fn consumer(&self, slot: ConsumerSlot) -> &Consumer {
        self.consumers.get(slot)
    }

    pub fn consumer_mut(&mut self, slot: ConsumerSlot) -> &mut Consumer {
        self.consumers.get_mut(slot)
    }

    /// Adds a consumer of a name that nobody has.
    pub fn add_consumer(&mut self, name: &[u8], now: u64) -> ConsumerSlot {
        self.consumers.add(name, now)
    }

    /// The consumer of a name, who has been seen now, and whether it is new.
    pub fn see_consumer(&mut self, name: &[u8], now: u64) -> (ConsumerSlot, bool) {
        match self.find_consumer(name) {
            Some(consumer) => {
                self.consumer_mut(consumer).seen_at = now;
                (consumer, false)
            }
            None => (self.add_consumer(name, now), true),
        }
    }

    /// Removes a consumer and what is pending at it; returns how much that was,
    /// `None` if there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for id in &consumer.pending {
            self.keep_before(*id);
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    pub fn find_pending(&self, id: Id) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// What is pending from `start` through `end`.
    pub fn pending(&self, start: Id, end: Id) -> impl DoubleEndedIterator<Item = (Id, Pending)> {
        // A range that begins behind its end is none, not an error.
        let range = (start <= end).then(|| self.pending.range(start..=end));
        range
            .into_iter()
            .flatten()
            .map(|(&id, &pending)| (id, pending))
    }

    /// The same, of one consumer.
    pub fn pending_of(
        &self,
        consumer: &Consumer,
        start: Id,
        end: Id,
    ) -> impl Iterator<Item = (Id, Pending)> {
        let range = (start <= end).then(|| consumer.pending.range(start..=end));
        range
            .into_iter()
            .flatten()
            .map(|&id| (id, self.find_pending(id).expect(BOTH)))
    }

    /// The first pending id behind another.
    pub(super) fn pending_after(&self, id: Id) -> Option<Id> {
        let behind = (Bound::Excluded(id), Bound::Unbounded);
        self.pending.range(behind).next().map(|(&id, _)| id)
    }

    /// To be called before something of an id changes.
    #[inline]
    pub(super) fn keep_before(&mut self, id: Id) {
        if self.before.is_kept() {
            self.before.keep(id, self.find_pending(id));
        }
    }

    /// Makes an entry pending at a consumer, whoever had it before.
    pub fn assign(&mut self, id: Id, pending: Pending) {
        self.keep_before(id);
        let before = self.pending.insert(id, pending);
        if let Some(before) = before.filter(|before| before.consumer != pending.consumer) {
            self.consumers.get_mut(before.consumer).pending.remove(&id);
        }
        self.consumers.get_mut(pending.consumer).pending.insert(id);
    }

    /// Takes an entry for done; `false` if it is not pending.
    pub fn acknowledge(&mut self, id: Id) -> bool {
        self.keep_before(id);
        let Some(pending) = self.pending.remove(&id) else {
            return false;
        };
        let own = &mut self.consumers.get_mut(pending.consumer).pending;
        assert!(own.remove(&id), "{BOTH}");
        true
    }

    /// How many entries the group has not read yet; `None` where deletions make
    /// it uncertain.
    pub fn lag(&self, entries: &Entries) -> Option<i64> {
        let added = entries.history.added;
        let read = match self.entries_read {
            _ if added == 0 => 0,
            Some(read) if !entries.has_gap_from(self.last_id) => read,
            Some(_) | None => entries.rank(self.last_id)?,
        };
        // A client may have said that more was read than was ever added.
        Some(added.wrapping_sub(read) as i64)
    }

    /// About how many allocations there are to free: a map has about eight
    /// entries in each.
    pub(super) fn weight(&self) -> usize {
        1 + self.consumers.len() * 3 + self.pending.len() / 4
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        // A map's leaf has room for 11 and is about two thirds full, and there
        // is an inner node for each six or so.
        let in_maps = |len: usize, bytes: usize| len * bytes * 5 / 3;
        let pending = in_maps(
            self.pending.len(),
            size_of::<(Id, Pending)>() + size_of::<Id>(),
        );
        let consumers = in_maps(self.consumers.len(), size_of::<(Box<[u8]>, Consumer)>());
        let names = self.consumers().map(|consumer| consumer.name().len() * 2);
        size_of::<Self>() + pending + consumers + names.sum::<usize>()
    }

    /// Frees about `budget` of what it holds; returns how much.
    pub(super) fn free_step(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget && self.pending.pop_last().is_some() {
            freed += 1;
        }
        freed + self.consumers.free_step(budget - freed)
    }
}

/// Why an id is found in both places.
pub(super) const BOTH: &str = "what is pending in the group is pending at its consumer";
