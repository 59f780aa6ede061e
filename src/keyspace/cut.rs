//! A snapshot of a shard's databases: what they held at one moment, handed over
//! while commands go on changing them. See `memory`'s `Keep` for how.
//!
//! The walk belongs to the tables, not to a database's number, so SWAPDB changes
//! nothing for it, and what FLUSHDB discards is kept as it is freed.

use super::database::Database;
use super::discarded::Discarded;
use super::found::Found;
use super::shard_keyspace::Keyspace;
use super::stored::{Entry, Occupied};
use crate::memory::{self, KeepPages, Kept, Taking, Walked};
use crate::value::{Compound, CutElement, KeepElements};

/// Takes what one database held at the cut: every key once, in no order. Keys are
/// also those whose time has come and that nobody met.
pub trait Keep: Send + 'static {
    fn keep(&mut self, found: &Found<'_>);
    /// Bytes from which on a value is better kept apart, if that can be.
    fn large(&self) -> usize;
    /// Whether a text of so many bytes is better kept apart.
    fn is_paged(&self, bytes: usize) -> bool;
    /// Takes a key whose value is kept apart: the elements are to come, as what is
    /// returned.
    fn keep_apart(&mut self, found: &Found<'_>) -> Box<dyn KeepElements>;
    /// Whether the walk goes on. Commands do not ask.
    fn taking(&self) -> Taking;
    /// There was nothing else.
    fn end(self);
}

struct Keeper<K>(K);

impl<K: Keep> memory::Keep<Compound> for Keeper<K> {
    fn keep(&mut self, entry: &mut Entry) -> Kept {
        if let Some(text) = entry.long_text()
            && self.0.is_paged(text.len())
        {
            let to = self.0.keep_apart(&Found::new(entry));
            let text = entry.text_of_cut().expect("it was just found");
            text.begin_cut(Box::new(Pages(to)));
            return Kept::Begun;
        }
        let found = Found::new(entry);
        let large = |compound: &&Compound| compound.can_be_cut(self.0.large());
        if found.compound().filter(large).is_none() {
            self.0.keep(&found);
            return Kept::Whole;
        }
        let to = self.0.keep_apart(&found);
        let compound = entry.compound_mut();
        compound.expect("it was just found").begin_cut(to);
        Kept::Begun
    }

    fn taking(&self) -> Taking {
        self.0.taking()
    }

    fn end(self: Box<Self>) {
        self.0.end();
    }
}

/// Makes elements of the pages of a text.
struct Pages(Box<dyn KeepElements>);

impl KeepPages for Pages {
    fn keep(&mut self, page: &[u8]) {
        self.0.keep(CutElement::Page(page));
    }

    fn aside(&mut self, number: u32, page: &[u8]) {
        self.0.aside(number, CutElement::Page(page));
    }

    fn recall(&mut self, number: u32) {
        self.0.recall(number);
    }

    fn begin_walk(&mut self) {
        self.0.begin_walk();
    }

    fn taking(&self) -> Taking {
        self.0.taking()
    }

    fn end(self: Box<Self>) {
        self.0.end();
    }
}

/// Keeps the next few elements or pages of a value that is kept apart; one that was another
/// value's is over.
fn walk_entry(entry: &mut Entry, buckets: usize) -> Walked {
    if let Some(text) = entry.text_of_cut() {
        text.walk_cut(buckets)
    } else if let Some(compound) = entry.compound_mut() {
        compound.walk_cut(buckets)
    } else {
        Walked::Over
    }
}

impl Keyspace {
    /// Makes a cut now: what the databases hold goes to what `keep` gives for each
    /// number. A cut before this one is given up.
    pub fn begin_cut<K: Keep>(&mut self, mut keep: impl FnMut(usize) -> K) {
        self.is_cut = true;
        for index in 0..self.databases() {
            let to = Box::new(Keeper(keep(index)));
            self.db_mut(index).slots.begin_cut(to);
        }
    }

    /// Keeps the next few buckets, of about six keys each, and when all are kept, of
    /// six elements of a large value. What was discarded is kept as it is freed.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        for index in 0..self.databases() {
            let slots = &mut self.db_mut(index).slots;
            if slots.is_cut() {
                let walked = slots.walk_cut(buckets);
                if walked != Walked::Over {
                    return walked;
                }
            }
        }
        for index in 0..self.databases() {
            let walked = self.db_mut(index).walk_begun(buckets);
            if walked != Walked::Over {
                return walked;
            }
        }
        self.is_cut = false;
        Walked::Over
    }

    /// Whether so much waits for room that those who change things should wait.
    pub fn is_cut_far_behind(&self) -> bool {
        // They share their room.
        let databases = || (0..self.databases()).map(|index| self.db(index));
        let taking = databases().find_map(|database| database.slots.taking());
        let taking = taking.or_else(|| databases().find_map(Database::taking_begun));
        taking == Some(Taking::MuchLater)
    }

    /// Whether there is something to walk.
    pub fn is_cut(&self) -> bool {
        // A value that is kept apart may have come from another shard.
        let mut databases = (0..self.databases()).map(|index| self.db(index));
        self.is_cut || databases.any(Database::has_begun)
    }
}

impl Database {
    /// Whether values may be here that are not kept whole.
    fn has_begun(&self) -> bool {
        !self.slots.begun.is_empty() || self.remains.is_cut()
    }

    /// Keeps some elements of a value that is kept apart.
    fn walk_begun(&mut self, buckets: usize) -> Walked {
        let walked = self.remains.walk_cut(buckets);
        if walked != Walked::Over {
            return walked;
        }
        while let Some(bytes) = self.slots.begun.pop() {
            let key = self.listed_key(&bytes);
            let entry = self.slots.find_mut(key.slot, key.hash, key.bytes);
            let walk = |entry: Occupied<'_>| walk_entry(entry.into_entry(), buckets);
            // One that went is listed where it is, or in the remains.
            let walked = entry.map_or(Walked::Over, walk);
            if walked != Walked::Over {
                self.slots.begun.push(bytes);
                return walked;
            }
        }
        Walked::Over
    }

    /// Whether more is wanted of the value that is walked next.
    fn taking_begun(&self) -> Option<Taking> {
        let next = || {
            let key = self.listed_key(self.slots.begun.last()?);
            let entry = self.slots.find(key.slot, key.hash, key.bytes)?;
            match (entry.long_text(), Found::new(entry).compound()) {
                (Some(text), _) => text.taking(),
                (None, compound) => compound?.taking(),
            }
        };
        self.remains.taking().or_else(next)
    }
}

impl Discarded {
    /// Whether a cut of what it held is not kept whole.
    pub fn is_cut(&self) -> bool {
        self.slots.is_cut() || !self.slots.begun.is_empty() || self.remains.is_cut()
    }

    /// Whether it may be freed now: what it held at a cut is kept then, and there
    /// may be no room.
    pub fn may_be_freed(&self) -> bool {
        let is_full = |taking| matches!(taking, Taking::Later | Taking::MuchLater);
        match self.slots.taking() {
            Some(taking) => !is_full(taking),
            None => self.has_other() || !self.remains.taking().is_some_and(is_full),
        }
    }
}

impl Drop for Discarded {
    fn drop(&mut self) {
        if self.slots.is_cut() {
            self.slots.keep_rest();
        }
    }
}
