//! A cut of one large value: its elements as they were when the cut was made, kept
//! some at a time while they change. See `cut`, which says the same of a database.

use std::convert::Infallible;

use super::cut::{Cut, Keep, Taking, Walked};
use super::dict::Dict;
use super::table::Place;

impl Dict {
    /// Makes a cut now. What is kept of it goes to `to`. One before is given up.
    pub fn begin_cut(&mut self, to: Box<dyn Keep<Infallible>>) {
        self.epoch += 1;
        self.cut = Some(Box::new(Cut::new(self.epoch, to)));
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub fn taking(&self) -> Option<Taking> {
        Some(self.cut.as_ref()?.taking())
    }

    /// Keeps what is not kept in the next few buckets, if more is taken now.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        match self.taking() {
            Some(Taking::Now) => {}
            Some(Taking::Later | Taking::MuchLater) => return Walked::Waits,
            Some(Taking::NoMore) | None => {
                self.cut = None;
                return Walked::Over;
            }
        }
        for _ in 0..buckets {
            if !self.walk_one() {
                return Walked::Over;
            }
        }
        Walked::GoesOn
    }

    /// Keeps all that is left, if anybody wants it. The last resort: whoever throws
    /// away a value that has a cut lets it be walked before.
    #[inline]
    pub(super) fn keep_rest(&mut self) {
        if self.is_cut() {
            self.keep_all();
        }
    }

    #[cold]
    fn keep_all(&mut self) {
        if self.taking() == Some(Taking::NoMore) {
            self.cut = None;
        }
        while self.walk_one() {}
    }

    /// Keeps the next bucket; `false` when that was the last, and the cut has ended.
    fn walk_one(&mut self) -> bool {
        let Some(cut) = &mut self.cut else {
            return false;
        };
        if self.table.buckets() > 0 && cut.walk(0, &mut self.table, &mut self.arena) {
            return true;
        }
        if let Some(cut) = self.cut.take() {
            cut.end();
        }
        false
    }

    /// To be called before the entry at a place changes.
    #[inline]
    pub(super) fn keep_bucket(&mut self, place: Place) {
        if let Some(cut) = &mut self.cut {
            cut.keep(&mut self.table, &mut self.arena, place.home as usize);
        }
    }

    /// To be called before an entry of this hash is added.
    #[inline]
    pub(super) fn keep_before_insert(&mut self, hash: u64) {
        if let Some(cut) = &mut self.cut {
            cut.keep_before_insert(&mut self.table, &mut self.arena, hash);
        }
    }

    /// To be called before the entry at a place is removed.
    #[inline]
    pub(super) fn keep_before_remove(&mut self, place: Place) {
        if let Some(cut) = &mut self.cut {
            cut.keep_before_remove(&mut self.table, &mut self.arena, place.home as usize);
        }
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        self.keep_rest();
    }
}
