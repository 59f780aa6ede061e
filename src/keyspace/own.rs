//! Keys that clients of a writable replica gave a deadline. Its primary knows nothing
//! of them, so they go by themselves, where all others wait for the primary.
//!
//! A key is listed under the deadline that it was given. What became of it since is
//! seen when that moment has come, or by a round that looks at a few in every step, so
//! that nothing stays for ever. One that the primary has written meanwhile stays
//! listed while it has a deadline, as by stock.

use std::mem;

use super::agenda::VERIFIED_PER_STEP;
use super::clock::{Clock, Overdue};
use super::database::{Database, Key};
use super::stored::Entry;

impl Database {
    /// Keys that may have a deadline of this node's own, at a replica.
    pub fn own_len(&self) -> usize {
        self.own.len()
    }

    /// Lists a key that is given a deadline, if its primary will not know of it.
    #[inline]
    pub(super) fn list_own(&mut self, key: Key<'_>, deadline: u64, clock: &Clock) {
        if clock.overdue == Overdue::Own {
            self.own.put(key.bytes, Some(deadline));
        }
    }

    /// One step of expiry at a replica: visits the key that is due first, and verifies
    /// a few others. `false` when none is due.
    pub fn expire_own_step(&mut self, clock: &Clock) -> bool {
        for _ in 0..VERIFIED_PER_STEP {
            if let Some(bytes) = self.own.next_to_verify() {
                self.verify_own(&bytes);
            }
        }
        let Some(bytes) = self.own.due(clock.now) else {
            return false;
        };
        self.remove_expired(self.listed_key(&bytes), clock.now);
        self.verify_own(&bytes);
        true
    }

    /// Lists a key under the deadline that it has by now.
    fn verify_own(&mut self, bytes: &[u8]) {
        let key = self.listed_key(bytes);
        let entry = self.slots.find(key.slot, key.hash, key.bytes);
        let deadline = entry.and_then(Entry::deadline);
        self.own.put(bytes, deadline);
    }

    /// Every deadline is this node's own: it follows nobody any more.
    pub fn forget_own(&mut self) {
        drop(mem::take(&mut self.own));
    }
}
