//! Removing keys whose time has come and that nobody asks for.
//!
//! A walk over the buckets that never ends, in steps the caller sizes. The
//! word in a bucket says whether its entry has a deadline, so entries without
//! are not touched, and slots and groups of slots without are skipped by
//! their counts.

use super::clock::Clock;
use super::database::{Database, is_expired};
use super::stored::Entry;
use crate::memory::{Among, Position};

/// Where the walk goes on. One per database.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpireCursor {
    position: Position,
}

/// What one step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExpireProgress {
    /// Buckets looked at.
    pub buckets: usize,
    /// Entries with a deadline among them.
    pub visited: usize,
    /// Those removed.
    pub expired: usize,
    /// What the others have left, summed up (INFO `avg_ttl`).
    pub remaining_ms: u64,
    /// Whether the walk has come to the end and begins again.
    pub is_round: bool,
}

impl Database {
    /// Looks at up to `buckets_max` buckets and removes what has expired;
    /// `removed` gets each key.
    pub fn expire_step(
        &mut self,
        cursor: &mut ExpireCursor,
        buckets_max: usize,
        clock: &Clock,
        mut removed: impl FnMut(&[u8]),
    ) -> ExpireProgress {
        let mut progress = ExpireProgress::default();
        while progress.buckets < buckets_max {
            let Some(position) = self.occupied_from(cursor.position, Among::Volatile) else {
                *cursor = ExpireCursor::default();
                progress.is_round = true;
                break;
            };
            let next = self.look_at(position, clock, &mut progress, &mut removed);
            let after = self.position_after(position, next, Among::Volatile);
            progress.is_round |= after.is_none();
            cursor.position = after.unwrap_or_default();
            if progress.is_round {
                break;
            }
        }
        progress
    }

    fn look_at(
        &mut self,
        position: Position,
        clock: &Clock,
        progress: &mut ExpireProgress,
        removed: &mut impl FnMut(&[u8]),
    ) -> Option<u32> {
        let mut has_due = false;
        progress.buckets += 1;
        let next = self.slots.visit(position, |entry| {
            let Some(deadline) = entry.deadline() else {
                return;
            };
            progress.visited += 1;
            has_due |= is_expired(entry, clock.due());
            progress.remaining_ms += deadline.saturating_sub(clock.now);
        });
        if has_due {
            self.remove_due(position, clock, progress, removed);
        }
        next
    }

    /// Removes what is due in one bucket. A removal may join the bucket with
    /// another, which is then looked at as well; the walk loses none.
    fn remove_due(
        &mut self,
        position: Position,
        clock: &Clock,
        progress: &mut ExpireProgress,
        removed: &mut impl FnMut(&[u8]),
    ) {
        let is_due = |entry: &Entry| is_expired(entry, clock.due());
        while let Some(due) = self.slots.find_at(position, is_due) {
            let entry = due.remove();
            removed(entry.key());
            self.remains.expire(entry);
            progress.expired += 1;
        }
    }
}
