//! What FLUSHDB and FLUSHALL threw away: freed a piece at a time, so that no
//! turn of the loop waits for a hundred million frees.

use crate::memory::Slots;

/// A database's former entries. Dropping it frees them all at once.
#[derive(Debug)]
#[must_use = "dropping it frees everything at once: call free_step in turns"]
pub struct Discarded {
    slots: Slots,
}

impl Discarded {
    pub(super) fn new(slots: Slots) -> Self {
        Self { slots }
    }

    /// Frees up to `buckets` buckets (about six entries each); `false` when
    /// nothing is left.
    pub fn free_step(&mut self, buckets: usize) -> bool {
        self.slots.drop_buckets(buckets)
    }
}
