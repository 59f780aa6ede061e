//! All entries of one database: a table for each of the 16,384 hash slots.
//!
//! Tables live in groups of 16 that appear with their first key and go with
//! their last, so a database of few keys is small and what is evicted comes
//! back. Eight groups are a block; the number of keys in each block is kept, so
//! walking, counting and drawing by chance skip what is empty in 128 steps.
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
//! Invariants: a block's counts are the sums of its tables', and the
//! database's are the sums of the blocks'; a group that is there holds a key;
//! a key is in the table of its slot, once.

use super::arena::Arena;
use super::content::{Marks, NewValue};
use super::cut::Cut;
use super::entry::Entry;
use super::long_text::LongText;
use super::table::{Place, Table, tag_of};
use crate::base::{HashKey, keyed_hash};

/// Hash slots of a database (Redis Cluster specification).
pub const SLOTS: usize = 16_384;

/// Tables of a group: 512 bytes, a size class of the allocator.
const GROUP: usize = 16;

/// Slots of a block.
const BLOCK: usize = 8 * GROUP;

/// Aligned, so that no table lies on two lines.
#[repr(align(64))]
struct Group<C>([Table<C>; GROUP]);

const _: () = assert!(size_of::<Group<()>>() == 512);

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
    /// As far as keys have been: a shard holds a part of the slots.
    groups: Vec<Option<Box<Group<C>>>>,
    blocks: Vec<Counts>,
    arena: Arena<C>,
    counts: Counts,
    hash_key: HashKey,
    /// A cut whose buckets are kept before they change.
    pub(super) cut: Option<Box<Cut<C>>>,
    /// Of the last cut.
    pub(super) epoch: u32,
    /// Keys of values that were begun, the last to be kept whole first. Some may have
    /// gone.
    pub begun: Vec<Box<[u8]>>,
}

/// An entry that is there, with the right to change or remove it.
pub struct Occupied<'a, C> {
    pub(super) slots: &'a mut Slots<C>,
    pub(super) slot: u16,
    pub(super) place: Place,
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
            blocks: Vec::new(),
            arena: Arena::default(),
            counts: Counts::default(),
            hash_key,
            cut: None,
            epoch: 0,
            begun: Vec::new(),
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
        Some(&self.group(slot)?.0[usize::from(slot) % GROUP])
    }

    /// The table, its arena, and the two counts above it.
    #[inline]
    pub(super) fn parts(
        &mut self,
        slot: u16,
    ) -> Option<(&mut Table<C>, &mut Arena<C>, [&mut Counts; 2])> {
        let group = self
            .groups
            .get_mut(usize::from(slot) / GROUP)?
            .as_deref_mut()?;
        let table = &mut group.0[usize::from(slot) % GROUP];
        let block = &mut self.blocks[usize::from(slot) / BLOCK];
        let counts = [block, &mut self.counts];
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
        if self.is_cut() {
            self.keep_before_insert(slot, hash);
        }
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
        if self.blocks.is_empty() {
            self.blocks.resize(SLOTS / BLOCK, Counts::default());
        }
        if self.groups.len() <= group {
            let more = group + 1 - self.groups.len();
            self.groups.reserve_exact(more);
            self.groups.resize_with(group + 1, || None);
        }
        let tables = [const { Table::EMPTY }; GROUP];
        self.groups[group] = Some(Box::new(Group(tables)));
    }

    fn remove(&mut self, slot: u16, place: Place) -> Entry<C> {
        if self.is_cut() {
            self.keep_before_remove(slot, place.home as usize);
        }
        let (table, arena, counts) = self.parts(slot).expect("an entry is in a table");
        let entry = table.remove(arena, place);
        for counts in counts {
            counts.all -= 1;
            counts.volatile -= u64::from(entry.has_deadline());
        }
        if table.len == 0 {
            self.disappear(usize::from(slot) / GROUP);
        }
        entry
    }

    /// Frees a group that holds no key any more.
    fn disappear(&mut self, group: usize) {
        let group = &mut self.groups[group];
        let tables = group.as_deref().map_or(&[] as &[_], |group| &group.0);
        if tables.iter().all(|table| table.len == 0) {
            *group = None;
        }
    }

    /// The first slot from `slot` on that holds such an entry.
    pub fn next_slot(&self, slot: u16, among: Among) -> Option<u16> {
        let mut slot = usize::from(slot);
        while slot < GROUP * self.groups.len() {
            if self.blocks[slot / BLOCK].of(among) == 0 {
                slot = (slot / BLOCK + 1) * BLOCK;
            } else if let Some(group) = self.groups[slot / GROUP].as_deref() {
                if group.0[slot % GROUP].held(among) != 0 {
                    return Some(slot as u16);
                }
                slot += 1;
            } else {
                slot = (slot / GROUP + 1) * GROUP;
            }
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
        let mut blocks = self.blocks.iter().enumerate();
        let (block, _) = blocks.find(|(_, counts)| {
            let is_here = rank < counts.of(among);
            rank -= if is_here { 0 } else { counts.of(among) };
            is_here
        })?;
        let mut slots = block * BLOCK..(block + 1) * BLOCK;
        let found = slots.find(|&slot| {
            let table = self.table(slot as u16);
            let held = table.map_or(0, |table| u64::from(table.held(among)));
            let is_here = rank < held;
            rank -= if is_here { 0 } else { held };
            is_here
        });
        Some(found.expect("a block's count is the sum of its tables'") as u16)
    }

    /// Takes up to `budget` buckets away and hands out their entries; `false`
    /// when nothing is left.
    pub fn drop_buckets(&mut self, budget: usize, mut dropped: impl FnMut(Entry<C>)) -> bool {
        for _ in 0..budget {
            let Some(group) = self.groups.last() else {
                if self.arena.drop_chunk() {
                    continue;
                }
                if self.is_cut() {
                    self.keep_before_drop(None);
                }
                return false;
            };
            let tables = group.as_deref().map_or(&[] as &[_], |group| &group.0);
            let Some(within) = tables.iter().rposition(|table| table.len != 0) else {
                self.groups.pop();
                continue;
            };
            let slot = ((self.groups.len() - 1) * GROUP + within) as u16;
            if self.is_cut() {
                self.keep_before_drop(Some(slot));
            }
            if let Some((table, arena, _)) = self.parts(slot) {
                table.drop_bucket(arena, &mut dropped);
            }
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

    /// The entry for as long as the table is borrowed, to be read and to have its
    /// access marked. Who changes more takes `into_changing`.
    #[inline]
    pub fn into_entry(self) -> &'a mut Entry<C> {
        let (table, arena, _) = self.slots.parts(self.slot).expect("an entry is in a table");
        table.entry_mut(arena, self.place)
    }

    /// The entry for as long as the table is borrowed, to be changed.
    #[inline]
    pub fn into_changing(mut self) -> &'a mut Entry<C> {
        self.keep();
        self.into_entry()
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
        self.keep();
        self.count_deadline(marks.deadline);
        self.entry_mut().replace(value, marks);
    }

    /// As `replace`, but hands out the old entry.
    pub fn exchange(&mut self, value: NewValue<'_, C>, marks: Marks) -> Entry<C> {
        self.keep();
        self.count_deadline(marks.deadline);
        self.entry_mut().exchange(value, marks)
    }

    pub fn set_deadline(&mut self, deadline: Option<u64>) {
        self.keep();
        self.count_deadline(deadline);
        self.entry_mut().set_deadline(deadline);
    }

    /// The long text, marked as edited; `None` when the value is short.
    pub fn long_text_mut(&mut self) -> Option<&mut LongText> {
        self.keep();
        self.entry_mut().long_text_mut()
    }

    /// Whether the value owns something beside the entry.
    #[inline]
    pub fn is_owner(&self) -> bool {
        self.entry().is_owner()
    }

    /// The compound to change in place; `None` for a text or a number.
    #[inline]
    pub fn compound_mut(&mut self) -> Option<&mut C> {
        self.keep();
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
