//! The table's types with our compounds, and the end of large ones.

use std::collections::BTreeSet;

use super::notes::Notes;
use crate::memory::{self, LongText, Marks, Taking, Walked};
use crate::value::Compound;

pub(super) type Entry = memory::Entry<Compound>;
pub(super) type Slots = memory::Slots<Compound>;
pub(super) type Occupied<'a> = memory::Occupied<'a, Compound>;
pub(super) type NewValue<'v> = memory::NewValue<'v, Compound>;
pub(super) type Content<'a> = memory::Content<'a, Compound>;

/// A compound of more allocations than this is freed in steps.
const FREED_AT_ONCE: usize = 64;

/// A value of which a snapshot has not kept all.
#[derive(Debug)]
enum Unkept {
    Compound(Compound),
    Text(LongText),
}

impl Unkept {
    fn taking(&self) -> Option<Taking> {
        match self {
            Self::Compound(compound) => compound.taking(),
            Self::Text(text) => text.taking(),
        }
    }

    fn walk_cut(&mut self, buckets: usize) -> Walked {
        match self {
            Self::Compound(compound) => compound.walk_cut(buckets),
            Self::Text(text) => text.walk_cut(buckets),
        }
    }
}

/// What is left of keys that went: compounds, freed a piece at a time, so that
/// no command waits for a million frees, how many keys had expired, and what is
/// told of keys that come and go by themselves.
#[derive(Debug, Default)]
pub(super) struct Remains {
    compounds: Vec<Compound>,
    /// They are freed afterwards.
    cut: Vec<Unkept>,
    /// Keys of values out of which much was cut that is still in them.
    pub(super) mending: BTreeSet<Box<[u8]>>,
    expired: u64,
    pub(super) notes: Notes,
}

impl Remains {
    /// Takes an entry that was removed because its time had come.
    pub(super) fn expire(&mut self, entry: Entry) {
        self.expired += 1;
        self.notes.expired(entry.key());
        self.bury(entry);
    }

    /// Keys that expired so far.
    pub(super) fn expired(&self) -> u64 {
        self.expired
    }

    /// Takes what is large of a removed entry; the rest is freed here.
    #[inline]
    pub(super) fn bury(&mut self, entry: Entry) {
        match entry.into_compound() {
            Ok(compound) => self.bury_compound(compound),
            Err(entry) if entry.long_text().is_some_and(LongText::is_cut) => {
                self.cut.extend(entry.into_long_text().map(Unkept::Text));
            }
            Err(_) => {}
        }
    }

    /// Takes a value if it is large; else it is freed here.
    pub(super) fn bury_compound(&mut self, compound: Compound) {
        if compound.is_cut() {
            self.cut.push(Unkept::Compound(compound));
        } else if compound.weight() > FREED_AT_ONCE {
            self.compounds.push(compound);
        }
    }

    /// Puts another value behind a key.
    #[inline]
    pub(super) fn replace(
        &mut self,
        mut occupied: Occupied<'_>,
        value: NewValue<'_>,
        marks: Marks,
    ) {
        if occupied.is_owner() {
            self.bury(occupied.exchange(value, marks));
        } else {
            occupied.replace(value, marks);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.compounds.len() + self.cut.len()
    }

    /// Whether something is there that a snapshot has not kept whole.
    pub(super) fn is_cut(&self) -> bool {
        !self.cut.is_empty()
    }

    /// Whether something is there that may be freed.
    pub(super) fn has_other(&self) -> bool {
        !self.compounds.is_empty()
    }

    /// Whether a snapshot wants more of what is here.
    pub(super) fn taking(&self) -> Option<Taking> {
        self.cut.last()?.taking()
    }

    /// Keeps the next few buckets of a value that has gone.
    pub(super) fn walk_cut(&mut self, buckets: usize) -> Walked {
        while let Some(value) = self.cut.last_mut() {
            match value.walk_cut(buckets) {
                Walked::Over => {}
                walked => return walked,
            }
            if let Some(Unkept::Compound(compound)) = self.cut.pop() {
                self.compounds.push(compound);
            }
        }
        Walked::Over
    }

    /// Frees about `budget` allocations; `false` when nothing is left.
    pub(super) fn free_step(&mut self, budget: usize) -> bool {
        let Some(compound) = self.compounds.last_mut() else {
            return false;
        };
        if !compound.free_step(budget) {
            self.compounds.pop();
        }
        true
    }
}
