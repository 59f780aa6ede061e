//! A cut of one large value: its elements as they were when the cut was made, kept
//! some at a time while they change. See `cut`, which says the same of a database.

use std::convert::Infallible;

use super::cut::{Cut, Keep, Taking, Walked};
use super::dict::{Dict, Field};
use super::table::Place;
use super::tree::Item;

/// Whether an element was one at the cut.
pub(super) type WasThere<'a> = &'a dyn Fn(&Field) -> bool;

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
        self.walk_those(buckets, &|_| true)
    }

    /// The same, but for elements that were none at the cut.
    pub(super) fn walk_those(&mut self, buckets: usize, was_there: WasThere<'_>) -> Walked {
        let may_go_on = self.may_walk();
        if may_go_on != Walked::GoesOn {
            return may_go_on;
        }
        for _ in 0..buckets {
            if !self.walk_one(was_there) {
                return Walked::Over;
            }
        }
        Walked::GoesOn
    }

    /// Whether a walk goes on. One of which nobody wants more is over.
    pub(super) fn may_walk(&mut self) -> Walked {
        let may_go_on = Walked::by(self.taking());
        if may_go_on == Walked::Over {
            self.cut = None;
        }
        may_go_on
    }

    /// Keeps members that come in the order of their scores, the highest first, except
    /// those that are kept with their buckets. Buckets lie anywhere: all of them are asked
    /// for before the first is looked at. The entries are not changed meanwhile.
    pub(super) fn keep_in_order(&mut self, items: &[Item]) {
        let asked_for = |item: &Item| {
            let hash = self.hash(item.member());
            self.table.prefetch_bucket(hash);
            hash
        };
        let hashes: Vec<u64> = items.iter().map(asked_for).collect();
        let (Some(cut), Some(last)) = (&mut self.cut, items.last()) else {
            return;
        };
        cut.begin_walk();
        for (item, hash) in items.iter().zip(hashes) {
            cut.keep_scored(&self.table, hash, item);
        }
        cut.has_passed(last.score, last.member());
    }

    /// All is kept.
    pub(super) fn end_cut(&mut self) {
        if let Some(cut) = self.cut.take() {
            cut.end();
        }
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
        while self.walk_one(&|_| true) {}
    }

    /// Keeps the next bucket; `false` when that was the last, and the cut has ended.
    fn walk_one(&mut self, was_there: WasThere<'_>) -> bool {
        let Some(cut) = &mut self.cut else {
            return false;
        };
        let (table, arena) = (&mut self.table, &mut self.arena);
        if table.buckets() > 0 && cut.walk_those(0, table, arena, was_there) {
            return true;
        }
        self.end_cut();
        false
    }

    /// Keeps every bucket that changes when this name is added, changed or removed, but
    /// for elements that were none at the cut. What keeps them by itself finds them kept.
    pub(super) fn keep_around(&mut self, name: &[u8], was_there: WasThere<'_>) {
        let hash = self.hash(name);
        let (table, arena) = (&mut self.table, &mut self.arena);
        if let Some(cut) = self.cut.as_mut().filter(|_| table.buckets() > 0) {
            let merged = table.to_be_merged().into_iter().flatten();
            for home in merged.chain([table.home(hash)]) {
                cut.keep_those(table, arena, home, was_there);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::base::{HashKey, Random};
    use crate::memory::{Content, Field, Kept, NewValue};

    /// Name, number and deadline.
    type Element = (Vec<u8>, i64, Option<u64>);

    fn element(field: &Field) -> Element {
        let Content::Int(number) = field.content() else {
            panic!("only numbers were put in");
        };
        (field.key().to_vec(), number, field.deadline())
    }

    /// Sends what is kept, and nothing at the end.
    struct Sender {
        to: mpsc::Sender<Option<Element>>,
        taking: Taking,
    }

    impl Keep<Infallible> for Sender {
        fn keep(&mut self, field: &mut Field) -> Kept {
            self.to.send(Some(element(field))).expect("it is received");
            Kept::Whole
        }

        fn taking(&self) -> Taking {
            self.taking
        }

        fn end(self: Box<Self>) {
            self.to.send(None).expect("it is received");
        }
    }

    fn begin(dict: &mut Dict, taking: Taking) -> mpsc::Receiver<Option<Element>> {
        let (to, kept) = mpsc::channel();
        dict.begin_cut(Box::new(Sender { to, taking }));
        kept
    }

    fn sorted(elements: impl Iterator<Item = Element>) -> Vec<Element> {
        let mut elements: Vec<_> = elements.collect();
        elements.sort();
        elements
    }

    fn change(dict: &mut Dict, dice: &mut Random, names: u64, removes: u64) {
        let name = dice.below(names).to_le_bytes();
        let number = NewValue::Int(dice.below(1_000) as i64);
        match dice.below(8) {
            way if way < removes => drop(dict.remove(&name)),
            7 => drop(dict.set_deadline(&name, Some(dice.below(100)))),
            6 => drop(dict.renew(&name, number)),
            _ => drop(dict.insert(&name, number, None)),
        }
    }

    #[test]
    fn what_is_kept_is_what_there_was_whatever_changes() {
        let rounds = if cfg!(miri) { 10 } else { 400 };
        let mut dice = Random::new(7);
        let mut dict = Dict::new(HashKey([1, 2]));
        for round in 0..rounds {
            let names = 1 + dice.below(1_500);
            let before = dice.below(3_000);
            (0..before).for_each(|_| change(&mut dict, &mut dice, names, 2));
            let expected = sorted(dict.iter().map(element));
            let kept = begin(&mut dict, Taking::Now);
            // It grows, or shrinks to nothing.
            let removes = dice.below(7);
            let pace = dice.below(60);
            while dict.is_cut() {
                (0..pace).for_each(|_| change(&mut dict, &mut dice, names, removes));
                if dice.below(200) == 0 {
                    // The value goes.
                    dict = Dict::new(HashKey([1, 2]));
                } else {
                    dict.walk_cut(1);
                }
            }
            let kept: Vec<_> = kept.iter().collect();
            assert_eq!(kept.last(), Some(&None), "round {round} has an end");
            assert_eq!(sorted(kept.into_iter().flatten()), expected, "{round}");
        }
    }

    #[test]
    fn nothing_is_kept_that_nobody_wants() {
        let mut dict = Dict::new(HashKey([1, 2]));
        for name in 0..100_u64 {
            dict.insert(&name.to_le_bytes(), NewValue::Int(1), None);
        }
        let kept = begin(&mut dict, Taking::Later);
        assert_eq!(dict.walk_cut(5), Walked::Waits);
        assert!(kept.try_iter().next().is_none());
        let given_up = begin(&mut dict, Taking::NoMore);
        assert_eq!(dict.walk_cut(5), Walked::Over);
        assert!(!dict.is_cut() && given_up.iter().next().is_none());
        let given_up = begin(&mut dict, Taking::NoMore);
        drop(dict.clone());
        drop(dict);
        assert!(given_up.iter().next().is_none());
    }
}
