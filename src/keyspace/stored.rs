//! The table's types with our compounds, and the end of large ones.

use std::collections::BTreeSet;

use super::notes::Notes;
use crate::memory::{self, Marks};
use crate::value::Compound;

pub(super) type Entry = memory::Entry<Compound>;
pub(super) type Slots = memory::Slots<Compound>;
pub(super) type Occupied<'a> = memory::Occupied<'a, Compound>;
pub(super) type NewValue<'v> = memory::NewValue<'v, Compound>;
pub(super) type Content<'a> = memory::Content<'a, Compound>;

/// A compound of more allocations than this is freed in steps.
const FREED_AT_ONCE: usize = 64;

/// What is left of keys that went: compounds, freed a piece at a time, so that
/// no command waits for a million frees, how many keys had expired, and what is
/// told of keys that come and go by themselves.
#[derive(Debug, Default)]
pub(super) struct Remains {
    compounds: Vec<Compound>,
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
        if let Ok(compound) = entry.into_compound() {
            self.bury_compound(compound);
        }
    }

    /// Takes a value if it is large; else it is freed here.
    pub(super) fn bury_compound(&mut self, compound: Compound) {
        if compound.weight() > FREED_AT_ONCE {
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
        if occupied.is_compound() {
            self.bury(occupied.exchange(value, marks));
        } else {
            occupied.replace(value, marks);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.compounds.len()
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
