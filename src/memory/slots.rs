//! All entries of one database: a table for each of the 16,384 hash slots.
//!
//! Tables live in groups of 128 that appear with their first key and know how
//! many keys they hold, so a database of few keys is small, and walking,
//! counting and drawing by chance skip what is empty in 128 steps.
//!
//! ## What a key costs
//!
//! ```text
//! key:1234567 with 64 bytes   3 + 1 + 1 + 11 + 64          = 80 bytes
//! a deadline                                                  8
//! its share of a bucket       64 / (7 × 0.85)              = 10.8
//! its share of the overflow   one bucket in 3.5: 10.8 / 3.5 = 3.1
//! slack of a slot's buckets   half of a quarter: 10.8 / 8  = 1.4
//! 16,384 tables of 32 bytes, over 5 million keys              0.1
//!                                                   ≈ 95.4 bytes
//! ```
//!
//! Invariants: a group's counts are the sums of its tables', and the
//! database's are the sums of the groups'; a key is in the table of its slot,
//! once.

use super::arena::Arena;
use super::entry::{Entry, Marks, NewValue};
use super::table::{Place, Table, tag_of};
use crate::base::{HashKey, keyed_hash};

/// Hash slots of a database (Redis Cluster specification).
pub const SLOTS: usize = 16_384;

const GROUP: usize = 128;

#[repr(align(64))]
struct Group<C> {
    tables: [Table<C>; GROUP],
    counts: Counts,
}

/// Entries, and those of them with a deadline.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    pub all: u64,
    pub volatile: u64,
}

/// Which entries are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Among {
    All,
    /// Those with a deadline.
    Volatile,
}

impl Counts {
    pub fn of(self, among: Among) -> u64 {
        match among {
            Among::All => self.all,
            Among::Volatile => self.volatile,
        }
    }
}

/// A place in the walk over all entries: a slot, and where in its table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    pub slot: u16,
    /// Hash bits, reversed: see `Table`.
    pub within: u32,
}

pub struct Slots<C> {
    groups: Vec<Option<Box<Group<C>>>>,
    arena: Arena<C>,
    counts: Counts,
    hash_key: HashKey,
}

/// An entry that is there, with the right to change or remove it.
pub struct Occupied<'a, C> {
    slots: &'a mut Slots<C>,
    slot: u16,
    place: Place,
}

impl<C> std::fmt::Debug for Slots<C> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Slots")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl<C> Slots<C> {
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            groups: Vec::new(),
            arena: Arena::default(),
            counts: Counts::default(),
            hash_key,
        }
    }

    pub fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    #[inline]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    #[inline]
    fn group(&self, slot: u16) -> Option<&Group<C>> {
        self.groups.get(usize::from(slot) / GROUP)?.as_deref()
    }

    #[inline]
    fn table(&self, slot: u16) -> Option<&Table<C>> {
        Some(&self.group(slot)?.tables[usize::from(slot) % GROUP])
    }

    /// The table, its arena, and the two counts above it.
    #[inline]
    fn parts(&mut self, slot: u16) -> Option<(&mut Table<C>, &mut Arena<C>, [&mut Counts; 2])> {
        let group = self
            .groups
            .get_mut(usize::from(slot) / GROUP)?
            .as_deref_mut()?;
        let table = &mut group.tables[usize::from(slot) % GROUP];
        let counts = [&mut group.counts, &mut self.counts];
        Some((table, &mut self.arena, counts))
    }

    pub fn slot_counts(&self, slot: u16) -> Counts {
        self.table(slot)
            .map_or_else(Counts::default, |table| Counts {
                all: u64::from(table.len),
                volatile: u64::from(table.volatile),
            })
    }

    /// Buckets of a slot, without overflow.
    pub fn slot_buckets(&self, slot: u16) -> usize {
        self.table(slot).map_or(0, Table::buckets)
    }

    #[inline]
    pub fn find(&self, slot: u16, hash: u64, key: &[u8]) -> Option<&Entry<C>> {
        let table = self.table(slot)?;
        let place = table.find(&self.arena, hash, key)?;
        Some(table.entry(&self.arena, place))
    }

    #[inline]
    pub fn find_mut(&mut self, slot: u16, hash: u64, key: &[u8]) -> Option<Occupied<'_, C>> {
        let place = self.table(slot)?.find(&self.arena, hash, key)?;
        Some(Occupied {
            slots: self,
            slot,
            place,
        })
    }

    /// The entry at a place, which `Occupied::place` gave and nothing has changed
    /// since.
    #[inline]
    pub fn at(&mut self, slot: u16, place: Place) -> Occupied<'_, C> {
        Occupied {
            slots: self,
            slot,
            place,
        }
    }

    /// Adds a key that is not there.
    pub fn insert(
        &mut self,
        slot: u16,
        hash: u64,
        key: &[u8],
        value: NewValue<'_, C>,
        marks: Marks,
    ) {
        debug_assert!(self.find(slot, hash, key).is_none(), "the key is new");
        let entry = Entry::new(tag_of(hash), key, value, marks);
        self.appear(slot);
        let hash_key = self.hash_key;
        let (table, arena, counts) = self.parts(slot).expect("the group has just appeared");
        for counts in counts {
            counts.all += 1;
            counts.volatile += u64::from(marks.deadline.is_some());
        }
        table.insert(arena, hash, entry, &|key| keyed_hash(&hash_key, key));
    }

    /// Makes sure that the slot's group is there.
    #[inline]
    fn appear(&mut self, slot: u16) {
        if self.group(slot).is_none() {
            self.appear_new(usize::from(slot) / GROUP);
        }
    }

    #[cold]
    fn appear_new(&mut self, group: usize) {
        if self.groups.is_empty() {
            self.groups.resize_with(SLOTS / GROUP, || None);
        }
        self.groups[group] = Some(Box::new(Group {
            tables: [const { Table::EMPTY }; GROUP],
            counts: Counts::default(),
        }));
    }

    fn remove(&mut self, slot: u16, place: Place) -> Entry<C> {
        let (table, arena, counts) = self.parts(slot).expect("an entry is in a table");
        let entry = table.remove(arena, place);
        for counts in counts {
            counts.all -= 1;
            counts.volatile -= u64::from(entry.has_deadline());
        }
        entry
    }

    /// The first slot from `slot` on that holds such an entry.
    pub fn next_slot(&self, slot: u16, among: Among) -> Option<u16> {
        let mut slot = usize::from(slot);
        while slot < SLOTS && !self.groups.is_empty() {
            let group = self.groups[slot / GROUP].as_deref();
            let Some(group) = group.filter(|group| group.counts.of(among) != 0) else {
                slot = (slot / GROUP + 1) * GROUP;
                continue;
            };
            let table = &group.tables[slot % GROUP];
            let held = match among {
                Among::All => table.len,
                Among::Volatile => table.volatile,
            };
            if held != 0 {
                return Some(slot as u16);
            }
            slot += 1;
        }
        None
    }

    /// Visits one bucket and returns where the slot goes on, if it does.
    pub fn visit<'a>(
        &'a self,
        position: Position,
        mut visit: impl FnMut(&'a Entry<C>),
    ) -> Option<u32> {
        let table = self.table(position.slot)?;
        table.visit(&self.arena, position.within, |_, entry| visit(entry))
    }

    /// The first entry of the bucket at `position` that `is_wanted`.
    pub fn find_at(
        &mut self,
        position: Position,
        mut is_wanted: impl FnMut(&Entry<C>) -> bool,
    ) -> Option<Occupied<'_, C>> {
        let mut found = None;
        let table = self.table(position.slot)?;
        table.visit(&self.arena, position.within, |place, entry| {
            if found.is_none() && is_wanted(entry) {
                found = Some(place);
            }
        });
        let place = found?;
        Some(Occupied {
            slots: self,
            slot: position.slot,
            place,
        })
    }

    /// The slot of the entry number `rank`, counted in slot order.
    pub fn slot_of_rank(&self, mut rank: u64, among: Among) -> Option<u16> {
        for (index, group) in self.groups.iter().enumerate() {
            let Some(group) = group else { continue };
            let held = group.counts.of(among);
            if rank >= held {
                rank -= held;
                continue;
            }
            for (within, table) in group.tables.iter().enumerate() {
                let held = u64::from(match among {
                    Among::All => table.len,
                    Among::Volatile => table.volatile,
                });
                if rank < held {
                    return Some((index * GROUP + within) as u16);
                }
                rank -= held;
            }
        }
        None
    }

    /// Takes up to `budget` buckets away and hands out their entries; `false`
    /// when nothing is left.
    pub fn drop_buckets(&mut self, budget: usize, mut dropped: impl FnMut(Entry<C>)) -> bool {
        for _ in 0..budget {
            let Some(group) = self.groups.last_mut() else {
                if self.arena.drop_chunk() {
                    continue;
                }
                return false;
            };
            let filled = group.as_deref_mut().filter(|group| group.counts.all != 0);
            let Some(group) = filled else {
                self.groups.pop();
                continue;
            };
            let tables = group.tables.iter_mut();
            let table = tables.rev().find(|table| table.len != 0);
            let table = table.expect("a group's count is the sum of its tables'");
            let before = u64::from(table.len);
            table.drop_bucket(&mut self.arena, &mut dropped);
            group.counts.all -= before - u64::from(table.len);
        }
        true
    }

    /// Fetches the slot's table. First of three stages; a batch goes through
    /// each stage with all its keys.
    #[inline]
    pub fn prefetch_slot(&self, slot: u16) {
        if let Some(table) = self.table(slot) {
            super::prefetch::line(table);
        }
    }

    /// Fetches the key's bucket. Second stage.
    #[inline]
    pub fn prefetch_bucket(&self, slot: u16, hash: u64) {
        if let Some(table) = self.table(slot) {
            table.prefetch_bucket(hash);
        }
    }

    /// Fetches the key's entry. Third stage.
    #[inline]
    pub fn prefetch_entry(&self, slot: u16, hash: u64) {
        if let Some(table) = self.table(slot) {
            table.prefetch_entry(hash);
        }
    }
}

impl<'a, C> Occupied<'a, C> {
    #[inline]
    pub fn entry(&self) -> &Entry<C> {
        let table = self.slots.table(self.slot).expect("an entry is in a table");
        table.entry(&self.slots.arena, self.place)
    }

    /// The entry for as long as the table is borrowed.
    #[inline]
    pub fn into_entry(self) -> &'a mut Entry<C> {
        let (table, arena, _) = self.slots.parts(self.slot).expect("an entry is in a table");
        table.entry_mut(arena, self.place)
    }

    #[inline]
    fn entry_mut(&mut self) -> &mut Entry<C> {
        let (table, arena, _) = self.slots.parts(self.slot).expect("an entry is in a table");
        table.entry_mut(arena, self.place)
    }

    /// Where the entry is, until the table is changed.
    #[inline]
    pub fn place(&self) -> Place {
        self.place
    }

    #[inline]
    pub fn set_access(&mut self, access: u32) {
        self.entry_mut().set_access(access);
    }

    /// Puts another value and other marks behind the key.
    pub fn replace(&mut self, value: NewValue<'_, C>, marks: Marks) {
        self.count_deadline(marks.deadline);
        self.entry_mut().replace(value, marks);
    }

    /// As `replace`, but hands out the old entry.
    pub fn exchange(&mut self, value: NewValue<'_, C>, marks: Marks) -> Entry<C> {
        self.count_deadline(marks.deadline);
        self.entry_mut().exchange(value, marks)
    }

    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        self.count_deadline(deadline);
        self.entry_mut().set_deadline(deadline);
    }

    /// The long text, marked as edited; `None` when the value is short.
    pub fn long_text_mut(&mut self) -> Option<&mut Vec<u8>> {
        self.entry_mut().long_text_mut()
    }

    /// The compound to change in place; `None` for a text or a number.
    #[inline]
    pub fn compound_mut(&mut self) -> Option<&mut C> {
        self.entry_mut().compound_mut()
    }

    pub fn remove(self) -> Entry<C> {
        self.slots.remove(self.slot, self.place)
    }

    /// Corrects the counts for a deadline about to be set.
    #[inline]
    fn count_deadline(&mut self, deadline: Option<u64>) {
        let had = self.entry().has_deadline();
        if had == deadline.is_some() {
            return;
        }
        let (table, _, counts) = self.slots.parts(self.slot).expect("an entry is in a table");
        if had {
            table.volatile -= 1;
            counts.into_iter().for_each(|counts| counts.volatile -= 1);
        } else {
            table.volatile += 1;
            counts.into_iter().for_each(|counts| counts.volatile += 1);
        }
    }
}
