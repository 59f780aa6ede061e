//! A cut through a database: everything in it as it was at one moment, handed
//! over while the database goes on changing.
//!
//! At the cut the database gets the next epoch. A bucket whose version is below it
//! has not been kept. A walk keeps one bucket after the other and gives each the
//! epoch as its version. Whoever is about to change a bucket (add, change or remove
//! an entry, merge it) has it kept first, all of it. So what is kept of a bucket is
//! what it held at the cut: nothing was changed in it before.
//!
//! The first bucket of a table has the epoch from the start. A split hands the
//! version on to both halves: what was not kept has moved, but is as it was, and
//! both halves are ahead of the walk, as all was. A merge would join what is kept and
//! what is not, so both are kept before.

use super::arena::Arena;
use super::entry::Entry;
use super::slots::{Among, Occupied, Position, SLOTS, Slots};
use super::table::Table;

/// Takes what was there at a cut: every entry once, in no order.
pub trait Keep<C>: Send {
    fn keep(&mut self, entry: &Entry<C>);
    /// Whether the walk goes on. Who changes a bucket does not ask.
    fn taking(&self) -> Taking;
    /// There was nothing else.
    fn end(self: Box<Self>);
}

/// Whether more is wanted of a cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taking {
    Now,
    /// When there is room again.
    Later,
    /// The same, and those who change things should wait, too.
    MuchLater,
    NoMore,
}

/// How far a walk has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Walked {
    GoesOn,
    /// Until there is room again.
    Waits,
    /// All is kept, or nobody wants more.
    Over,
}

/// A cut that is not kept whole yet.
pub(super) struct Cut<C> {
    epoch: u32,
    /// The walk has been everywhere below.
    position: Position,
    to: Box<dyn Keep<C>>,
}

impl<C> Cut<C> {
    /// Keeps a bucket, unless it is.
    fn keep(&mut self, table: &mut Table<C>, arena: &Arena<C>, home: usize) {
        if table.version(home) < self.epoch {
            table.chain(arena, home).for_each(Entry::prefetch);
            table
                .chain(arena, home)
                .for_each(|entry| self.to.keep(entry));
            table.set_version(home, self.epoch);
        }
    }
}

impl<C> Slots<C> {
    /// Makes a cut now. What is kept of it goes to `to`.
    pub fn begin_cut(&mut self, to: Box<dyn Keep<C>>) {
        self.epoch += 1;
        self.cut = Some(Box::new(Cut {
            epoch: self.epoch,
            position: Position::default(),
            to,
        }));
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
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
                self.end_cut();
                return Walked::Over;
            }
        }
        Walked::GoesOn
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub fn taking(&self) -> Option<Taking> {
        Some(self.cut.as_ref()?.to.taking())
    }

    /// Keeps all that is left, whether there is room or not.
    pub fn keep_rest(&mut self) {
        while self.walk_one() {}
        self.end_cut();
    }

    /// Keeps the next bucket, if there is one.
    fn walk_one(&mut self) -> bool {
        let Some(mut cut) = self.cut.take() else {
            return false;
        };
        let from = cut.position;
        let Some(slot) = self.next_slot(from.slot, Among::All) else {
            self.cut = Some(cut);
            return false;
        };
        let within = if slot == from.slot { from.within } else { 0 };
        let (table, arena, _) = self.parts(slot).expect("a slot with keys has a table");
        let home = table.home(u64::from(within.reverse_bits()));
        cut.keep(table, arena, home);
        let after = match table.position_after(home as u32, within) {
            Some(within) => Some(Position { slot, within }),
            None if usize::from(slot) + 1 == SLOTS => None,
            None => Some(Position {
                slot: slot + 1,
                within: 0,
            }),
        };
        cut.position = after.unwrap_or(from);
        self.cut = Some(cut);
        after.is_some()
    }

    fn end_cut(&mut self) {
        if let Some(cut) = self.cut.take() {
            cut.to.end();
        }
    }

    /// Keeps a bucket that is about to change.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_bucket(&mut self, slot: u16, home: usize) {
        let Some(mut cut) = self.cut.take() else {
            return;
        };
        if let Some((table, arena, _)) = self.parts(slot) {
            cut.keep(table, arena, home);
        }
        self.cut = Some(cut);
    }

    /// Keeps the bucket that an entry of this hash is added to. Another may be split
    /// for it: its halves are kept later, if it is not.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_insert(&mut self, slot: u16, hash: u64) {
        let epoch = self.epoch;
        let (table, _, _) = self.parts(slot).expect("the group has just appeared");
        if table.buckets() == 0 {
            return table.begin(epoch);
        }
        let home = table.home(hash);
        self.keep_bucket(slot, home);
    }

    /// Keeps the buckets that change when an entry of this one is removed.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_remove(&mut self, slot: u16, home: usize) {
        let (table, _, _) = self.parts(slot).expect("an entry is in a table");
        let merged = table.to_be_merged();
        self.keep_bucket(slot, home);
        for home in merged.into_iter().flatten() {
            self.keep_bucket(slot, home);
        }
    }

    /// Keeps the last bucket of a table, which is about to go, or ends the cut when
    /// there is no table any more.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_drop(&mut self, slot: Option<u16>) {
        let Some(slot) = slot else {
            return self.end_cut();
        };
        let buckets = self.parts(slot).map_or(0, |(table, ..)| table.buckets());
        if buckets > 0 {
            self.keep_bucket(slot, buckets - 1);
        }
    }
}

impl<C> Occupied<'_, C> {
    /// To be called before the entry changes.
    #[inline]
    pub(super) fn keep(&mut self) {
        if self.slots.is_cut() {
            self.slots.keep_bucket(self.slot, self.place.home as usize);
        }
    }
}
