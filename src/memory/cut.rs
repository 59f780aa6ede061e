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
//!
//! Of a large value it is enough to *begin*: the value makes a cut of its own, in the
//! same way (see `Dict`), and keeps its elements some at a time.

use super::arena::Arena;
use super::entry::Entry;
use super::slots::{Among, Occupied, Position, SLOTS, Slots};
use super::table::Table;
use super::tree::Item;

/// Takes what was there at a cut: every entry once, in no order.
pub trait Keep<C>: Send {
    fn keep(&mut self, entry: &mut Entry<C>) -> Kept;
    /// The walk begins.
    fn begin_walk(&mut self) {}
    /// Takes a member that the walk has come to in the order of scores.
    fn keep_scored(&mut self, _score: f64, _member: &[u8]) {
        unreachable!("only members of a sorted set have scores");
    }
    /// The walk goes in the order of scores, the highest first, and has come so far:
    /// what is from there on is not to be kept again.
    fn has_passed(&mut self, _score: f64, _member: &[u8]) {}
    /// Whether the walk goes on. Who changes a bucket does not ask.
    fn taking(&self) -> Taking;
    /// There was nothing else.
    fn end(self: Box<Self>);
}

/// How much of an entry is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Whole,
    /// Its value keeps the rest by itself.
    Begun,
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

impl Walked {
    /// Whether a walk goes on, by whether more is wanted; `None` if there is no cut.
    pub fn by(taking: Option<Taking>) -> Walked {
        match taking {
            Some(Taking::Now) => Walked::GoesOn,
            Some(Taking::Later | Taking::MuchLater) => Walked::Waits,
            Some(Taking::NoMore) | None => Walked::Over,
        }
    }
}

/// A cut that is not kept whole yet.
pub(super) struct Cut<C> {
    epoch: u32,
    /// The walk has been everywhere below.
    position: Position,
    is_walked: bool,
    to: Box<dyn Keep<C>>,
    /// Keys of entries that were begun and that nobody knows of yet.
    begun: Vec<Box<[u8]>>,
}

impl<C> Cut<C> {
    pub(super) fn new(epoch: u32, to: Box<dyn Keep<C>>) -> Self {
        Self {
            epoch,
            position: Position::default(),
            is_walked: false,
            to,
            begun: Vec::new(),
        }
    }

    pub(super) fn taking(&self) -> Taking {
        self.to.taking()
    }

    pub(super) fn end(self) {
        self.to.end();
    }

    /// Keeps a bucket, unless it is.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, table: &mut Table<C>, arena: &mut Arena<C>, home: usize) {
        self.keep_those(table, arena, home, &|_| true);
    }

    /// The same, but for entries that were none at the cut.
    pub(super) fn keep_those(
        &mut self,
        table: &mut Table<C>,
        arena: &mut Arena<C>,
        home: usize,
        was_there: &dyn Fn(&Entry<C>) -> bool,
    ) {
        if table.version(home) < self.epoch {
            table.chain(arena, home).for_each(Entry::prefetch);
            table.each_mut(arena, home, |entry| {
                if was_there(entry) && self.to.keep(entry) == Kept::Begun {
                    self.begun.push(entry.key().into());
                }
            });
            table.set_version(home, self.epoch);
        }
    }

    /// Keeps the bucket that an entry of this hash is added to. Another may be split
    /// for it: its halves are kept later, if it is not.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_insert(
        &mut self,
        table: &mut Table<C>,
        arena: &mut Arena<C>,
        hash: u64,
    ) {
        if table.buckets() == 0 {
            return table.begin(self.epoch);
        }
        let home = table.home(hash);
        self.keep(table, arena, home);
    }

    /// Keeps the buckets that change when an entry of this one is removed.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_remove(
        &mut self,
        table: &mut Table<C>,
        arena: &mut Arena<C>,
        home: usize,
    ) {
        self.keep(table, arena, home);
        for home in table.to_be_merged().into_iter().flatten() {
            self.keep(table, arena, home);
        }
    }

    pub(super) fn begin_walk(&mut self) {
        if !self.is_walked {
            self.is_walked = true;
            self.to.begin_walk();
        }
    }

    /// Keeps a member whose bucket is not kept, and does not keep that.
    #[inline]
    pub(super) fn keep_scored(&mut self, table: &Table<C>, hash: u64, item: &Item) {
        if table.version(table.home(hash)) < self.epoch {
            self.to.keep_scored(item.score, item.member());
        }
    }

    pub(super) fn has_passed(&mut self, score: f64, member: &[u8]) {
        self.to.has_passed(score, member);
    }

    /// Keeps the bucket at the walk's position in a slot, whose table has one; `false`
    /// when it was the slot's last.
    pub(super) fn walk(&mut self, slot: u16, table: &mut Table<C>, arena: &mut Arena<C>) -> bool {
        self.walk_those(slot, table, arena, &|_| true)
    }

    /// The same, but for entries that were none at the cut.
    pub(super) fn walk_those(
        &mut self,
        slot: u16,
        table: &mut Table<C>,
        arena: &mut Arena<C>,
        was_there: &dyn Fn(&Entry<C>) -> bool,
    ) -> bool {
        self.begin_walk();
        let from = self.position;
        let within = if slot == from.slot { from.within } else { 0 };
        let home = table.home(u64::from(within.reverse_bits()));
        let after = table.position_after(home as u32, within);
        if let Some(within) = after {
            table.prefetch_walk(arena, within);
        }
        self.keep_those(table, arena, home, was_there);
        if let Some(within) = after {
            self.position = Position { slot, within };
        }
        after.is_some()
    }
}

impl<C> Slots<C> {
    /// Makes a cut now. What is kept of it goes to `to`.
    pub fn begin_cut(&mut self, to: Box<dyn Keep<C>>) {
        self.epoch += 1;
        self.cut = Some(Box::new(Cut::new(self.epoch, to)));
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Keeps what is not kept in the next few buckets, if more is taken now.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        let may_go_on = Walked::by(self.taking());
        if may_go_on == Walked::Over {
            self.cut = None;
        }
        if may_go_on != Walked::GoesOn {
            return may_go_on;
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
        Some(self.cut.as_ref()?.taking())
    }

    /// Keeps all that is left, whether there is room or not.
    pub fn keep_rest(&mut self) {
        while self.walk_one() {}
        self.end_cut();
    }

    /// Keeps the next bucket; `false` when that was the last.
    fn walk_one(&mut self) -> bool {
        let from = self.cut.as_ref().map(|cut| cut.position.slot);
        let Some(slot) = from.and_then(|from| self.next_slot(from, Among::All)) else {
            return false;
        };
        let goes_on = self.with_cut(slot, |cut, table, arena| {
            let goes_on = cut.walk(slot, table, arena);
            if !goes_on {
                cut.position = Position {
                    slot: slot + 1,
                    within: 0,
                };
            }
            goes_on
        });
        goes_on == Some(true) || usize::from(slot) + 1 < SLOTS
    }

    /// Does something with the cut and a slot's table, if there are both.
    fn with_cut<T>(
        &mut self,
        slot: u16,
        act: impl FnOnce(&mut Cut<C>, &mut Table<C>, &mut Arena<C>) -> T,
    ) -> Option<T> {
        let mut cut = self.cut.take()?;
        let parts = self.parts(slot);
        let done = parts.map(|(table, arena, _)| act(&mut cut, table, arena));
        self.begun.append(&mut cut.begun);
        self.cut = Some(cut);
        done
    }

    fn end_cut(&mut self) {
        if let Some(cut) = self.cut.take() {
            cut.end();
        }
    }

    /// Keeps a bucket that is about to change.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_bucket(&mut self, slot: u16, home: usize) {
        self.with_cut(slot, |cut, table, arena| cut.keep(table, arena, home));
    }

    /// See `Cut`.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_insert(&mut self, slot: u16, hash: u64) {
        self.with_cut(slot, |cut, table, arena| {
            cut.keep_before_insert(table, arena, hash);
        });
    }

    /// See `Cut`.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_before_remove(&mut self, slot: u16, home: usize) {
        self.with_cut(slot, |cut, table, arena| {
            cut.keep_before_remove(table, arena, home);
        });
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
