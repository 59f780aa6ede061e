//! What FLUSHDB and FLUSHALL threw away: freed a piece at a time, so that no
//! turn of the loop waits for a hundred million frees.

use super::stored::{Remains, Slots};
use crate::memory::Walked;

/// About as many entries as a bucket has.
const LANES: usize = 7;

/// A database's former entries. Dropping it frees them all at once.
#[derive(Debug)]
#[must_use = "dropping it frees everything at once: call free_step in turns"]
pub struct Discarded {
    pub(super) slots: Slots,
    /// Entries in `slots`.
    entries: u64,
    /// The large ones among its values.
    pub(super) remains: Remains,
}

impl Discarded {
    pub(super) fn new(slots: Slots) -> Self {
        Self {
            entries: slots.counts().all,
            slots,
            remains: Remains::default(),
        }
    }

    /// Frees up to `buckets` buckets (about six entries each), or as much of a
    /// large value; `false` when nothing is left.
    pub fn free_step(&mut self, buckets: usize) -> bool {
        let remains = &mut self.remains;
        let mut dropped = 0;
        let goes_on = remains.free_step(buckets * LANES)
            || self.slots.drop_buckets(buckets, |entry| {
                dropped += 1;
                remains.bury(entry);
            })
            || remains.walk_cut(buckets) != Walked::Over
            || remains.len() > 0;
        self.entries -= dropped;
        goes_on
    }

    /// Whether there is anything to free of which nothing is to be kept.
    pub(super) fn has_other(&self) -> bool {
        self.entries > 0 || self.remains.has_other()
    }

    /// Keys whose values are not freed yet.
    pub fn unfreed(&self) -> u64 {
        self.entries + self.remains.len() as u64
    }
}
