//! A snapshot of a shard's databases: what they held at one moment, handed over
//! while commands go on changing them. See `memory`'s `Keep` for how.
//!
//! The walk belongs to the tables, not to a database's number, so SWAPDB changes
//! nothing for it, and what FLUSHDB discards is kept as it is freed.

use super::discarded::Discarded;
use super::found::Found;
use super::shard_keyspace::Keyspace;
use super::stored::Entry;
use crate::memory::{self, Taking, Walked};
use crate::value::Compound;

/// Takes what one database held at the cut: every key once, in no order. Keys are
/// also those whose time has come and that nobody met.
pub trait Keep: Send + 'static {
    fn keep(&mut self, found: &Found<'_>);
    /// Whether the walk goes on. Commands do not ask.
    fn taking(&self) -> Taking;
    /// There was nothing else.
    fn end(self);
}

struct Keeper<K>(K);

impl<K: Keep> memory::Keep<Compound> for Keeper<K> {
    fn keep(&mut self, entry: &Entry) {
        self.0.keep(&Found::new(entry));
    }

    fn taking(&self) -> Taking {
        self.0.taking()
    }

    fn end(self: Box<Self>) {
        self.0.end();
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

    /// Keeps the next few buckets, of about six keys each. What was discarded is kept
    /// as it is freed.
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
        self.is_cut = false;
        Walked::Over
    }

    /// Whether so much waits for room that those who change things should wait.
    pub fn is_cut_far_behind(&self) -> bool {
        // They share their room.
        let mut databases = (0..self.databases()).map(|index| &self.db(index).slots);
        let taking = databases.find_map(|slots| slots.taking());
        taking == Some(Taking::MuchLater)
    }

    /// Whether there is something to walk.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl Discarded {
    /// Whether a cut of what it held is not kept whole.
    pub fn is_cut(&self) -> bool {
        self.slots.is_cut()
    }

    /// Whether it may be freed now: what it held at a cut is kept then, and there
    /// may be no room.
    pub fn may_be_freed(&self) -> bool {
        !matches!(self.slots.taking(), Some(Taking::Later | Taking::MuchLater))
    }
}

impl Drop for Discarded {
    fn drop(&mut self) {
        if self.slots.is_cut() {
            self.slots.keep_rest();
        }
    }
}
