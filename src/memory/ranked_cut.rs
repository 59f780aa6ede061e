//! A cut of a large sorted set, walked in the order of its scores, the highest first:
//! whoever reads that back puts each member at an end.
//!
//! A writer keeps a bucket of the dictionary, as in any (see `dict_cut`), except what the
//! walk has passed: in a bucket that is not kept nothing has changed, so a member's score
//! says whether it has. The walk keeps no buckets; it leaves out members whose bucket is
//! kept. Members that are cut out by a range are in no tree any more, but still in the
//! dictionary: from then on the walk goes over its buckets instead, as a writer does.
//!
//! What was cut out before the snapshot's cut and is not freed was no member at that moment.
//! The trees that were cut out say which these are, so whoever keeps a bucket leaves them out.

use std::convert::Infallible;

use super::cut::{Keep, Walked};
use super::dict::Field;
use super::ranked::{CutWalk, Cuts, Ranked};
use super::tree::{Item, Tree};

/// Members that take as long as one bucket.
const PER_BUCKET: usize = 6;

impl Ranked {
    /// Makes a cut now. What is kept of it goes to `to`. One before is given up.
    pub fn begin_cut(&mut self, to: Box<dyn Keep<Infallible>>) {
        self.walk = CutWalk {
            cuts_before: self.cuts.as_ref().map_or(0, |cuts| cuts.trees.len()),
            ..CutWalk::default()
        };
        self.dict.begin_cut(to);
    }

    /// Keeps what changes with this member, if there is a cut and not all that the
    /// dictionary has was a member then; else the dictionary keeps it. An item that was
    /// just taken out of its tree may have been cut out before.
    #[inline]
    pub(super) fn keep_around(&mut self, member: &[u8], cut_before: Option<&Item>) {
        if self.walk.cuts_before > 0 && self.dict.is_cut() {
            let trees = cut_before_trees(self.cuts.as_deref(), self.walk.cuts_before);
            let was_there = |field: &Field| {
                cut_before.is_none_or(|item| !item.is_of(field)) && was_member(trees, field)
            };
            self.dict.keep_around(member, &was_there);
        }
    }

    /// Keeps the next members, as many as so many buckets have, if more is taken now.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        if self.walk.is_by_entry {
            let trees = cut_before_trees(self.cuts.as_deref(), self.walk.cuts_before);
            let was_there = |field: &Field| was_member(trees, field);
            return self.dict.walk_those(buckets, &was_there);
        }
        let may_go_on = self.dict.may_walk();
        if may_go_on != Walked::GoesOn {
            return may_go_on;
        }
        let end = self
            .walk
            .last
            .as_ref()
            .map_or(self.len(), |(score, member)| self.rank_of(*score, member));
        let start = end.saturating_sub(buckets * PER_BUCKET);
        let mut items = Vec::with_capacity(end - start);
        self.tree.visit_back(start..end, &mut |item| {
            items.push(*item);
            true
        });
        self.dict.keep_in_order(&items);
        let place = |item: &Item| (item.score, item.member().into());
        self.walk.last = items.last().map(place);
        if start > 0 {
            return Walked::GoesOn;
        }
        self.dict.end_cut();
        Walked::Over
    }
}

/// The trees that were cut out before the snapshot's cut, as far as they are left.
fn cut_before_trees(cuts: Option<&Cuts>, count: usize) -> &[Tree] {
    cuts.map_or(&[], |cuts| &cuts.trees[..count])
}

fn was_member(cut_before: &[Tree], field: &Field) -> bool {
    !cut_before.iter().any(|tree| tree.holds(Item::of(field)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::base::{HashKey, Random};
    use crate::memory::{Field, Taking, ranked_score};

    /// Sends the members that are kept, and nothing at the end.
    struct Sender {
        to: mpsc::Sender<Option<(Vec<u8>, f64)>>,
        last: Option<(f64, Vec<u8>)>,
    }

    impl Keep<Infallible> for Sender {
        fn keep(&mut self, field: &mut Field) -> crate::memory::Kept {
            let (score, member) = (ranked_score(field), field.key().to_vec());
            let last = self.last.as_ref();
            if last.is_none_or(|(last, name)| (score, &member) < (*last, name)) {
                let sent = self.to.send(Some((member, score)));
                sent.expect("it is received");
            }
            crate::memory::Kept::Whole
        }

        fn keep_scored(&mut self, score: f64, member: &[u8]) {
            let sent = self.to.send(Some((member.to_vec(), score)));
            sent.expect("it is received");
        }

        fn has_passed(&mut self, score: f64, member: &[u8]) {
            self.last = Some((score, member.to_vec()));
        }

        fn taking(&self) -> Taking {
            Taking::Now
        }

        fn end(self: Box<Self>) {
            self.to.send(None).expect("it is received");
        }
    }

    fn begin(set: &mut Ranked) -> mpsc::Receiver<Option<(Vec<u8>, f64)>> {
        let (to, kept) = mpsc::channel();
        set.begin_cut(Box::new(Sender { to, last: None }));
        kept
    }

    fn members(set: &Ranked) -> Vec<(Vec<u8>, f64)> {
        let mut all = Vec::new();
        set.visit_back(0..set.len(), |score, member| {
            all.push((member.to_vec(), score));
            true
        });
        all
    }

    fn change(set: &mut Ranked, dice: &mut Random, names: u64, ranges: bool) {
        let member = dice.below(names).to_le_bytes();
        match dice.below(if ranges { 60 } else { 50 }) {
            // Few scores, so that members often come to where others are.
            0..30 => drop(set.insert(&member, dice.below(50) as f64)),
            30..50 => drop(set.remove(&member)),
            50..58 => drop(set.mend_step(dice.below(50) as usize)),
            _ => {
                let from = dice.below(set.len() as u64 + 1) as usize;
                let many = dice.below(200) as usize;
                set.cut(from..set.len().min(from + many));
            }
        }
    }

    #[test]
    fn what_is_kept_is_what_there_was_whatever_changes() {
        let rounds = if cfg!(miri) { 10 } else { 400 };
        let mut dice = Random::new(11);
        let mut set = Ranked::new(HashKey([1, 2]));
        let mut times_mending = 0;
        for round in 0..rounds {
            let names = 1 + dice.below(1_500);
            let before = dice.below(3_000);
            (0..before).for_each(|_| change(&mut set, &mut dice, names, true));
            times_mending += usize::from(set.is_mending());
            let mut expected = members(&set);
            let kept = begin(&mut set);
            let (pace, ranges) = (dice.below(30), dice.below(2) == 0);
            while set.dict().is_cut() {
                (0..pace).for_each(|_| change(&mut set, &mut dice, names, ranges));
                if dice.below(200) == 0 {
                    set = Ranked::new(HashKey([1, 2]));
                } else {
                    set.walk_cut(1 + dice.below(3) as usize);
                }
            }
            let mut kept: Vec<_> = kept.iter().collect();
            assert_eq!(kept.pop(), Some(None), "round {round} has an end");
            let mut kept: Vec<_> = kept.into_iter().flatten().collect();
            kept.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
            expected.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
            assert_eq!(kept, expected, "{round}");
        }
        assert!(times_mending * 4 > rounds, "{times_mending} of {rounds}");
    }

    #[test]
    fn without_changes_the_highest_comes_first() {
        let mut set = Ranked::new(HashKey([1, 2]));
        for number in 0..1_000_u32 {
            set.insert(&number.to_be_bytes(), f64::from(number % 10));
        }
        let kept = begin(&mut set);
        while set.walk_cut(2) != Walked::Over {}
        let kept: Vec<_> = kept.iter().flatten().collect();
        assert_eq!(kept, members(&set));
    }
}
