//! The consumers of a group, by name and by a number that stays theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::id::Id;

/// Stands for a consumer as long as it exists: what a pending entry keeps of
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerSlot(u32);

/// One who reads for a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for entries, in Unix milliseconds.
    pub seen_at: u64,
    /// When it last got some.
    pub active_at: Option<u64>,
    /// Entries given to it that it has not acknowledged.
    pub(super) pending: BTreeSet<Id>,
}

impl Consumer {
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The ids of entries that it has not acknowledged.
    pub fn pending_ids(&self) -> impl Iterator<Item = Id> {
        self.pending.iter().copied()
    }

    /// How many entries it has not acknowledged.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Consumers {
    slots: Vec<Option<Consumer>>,
    by_name: BTreeMap<Box<[u8]>, ConsumerSlot>,
    /// Slots whose consumer is gone.
    free: Vec<ConsumerSlot>,
}

impl Consumers {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<ConsumerSlot> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, slot: ConsumerSlot) -> &Consumer {
        self.slots[slot.0 as usize].as_ref().expect(OCCUPIED)
    }

    pub(super) fn get_mut(&mut self, slot: ConsumerSlot) -> &mut Consumer {
        self.slots[slot.0 as usize].as_mut().expect(OCCUPIED)
    }

    /// Adds a consumer of a name that nobody has.
    pub(super) fn add(&mut self, name: &[u8], now: u64) -> ConsumerSlot {
        let consumer = Some(Consumer {
            name: name.into(),
            seen_at: now,
            active_at: None,
            pending: BTreeSet::new(),
        });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot.0 as usize] = consumer;
                slot
            }
            None => {
                self.slots.push(consumer);
                ConsumerSlot((self.slots.len() - 1) as u32)
            }
        };
        let other = self.by_name.insert(name.into(), slot);
        assert!(other.is_none(), "a name has one consumer");
        slot
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Consumer> {
        let slot = self.by_name.remove(name)?;
        self.free.push(slot);
        self.slots[slot.0 as usize].take()
    }

    /// The consumer of a slot, if there is one.
    pub(super) fn find_slot(&self, slot: ConsumerSlot) -> Option<&Consumer> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    /// The slots of all of them, by name.
    pub(super) fn slots(&self) -> impl Iterator<Item = ConsumerSlot> {
        self.by_name.values().copied()
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.values().map(|slot| self.get(*slot))
    }

    /// Frees about `budget` of what consumers hold; returns how much.
    pub(super) fn free_step(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(last) = self.slots.last_mut()
        {
            let pending = last.as_mut().map(|consumer| &mut consumer.pending);
            if pending.and_then(BTreeSet::pop_last).is_none() {
                self.slots.pop();
                self.by_name.pop_last();
            }
            freed += 1;
        }
        freed
    }
}

const OCCUPIED: &str = "a slot is given up with the last entry that names it";
