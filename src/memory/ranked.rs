//! Members with scores, in order and counted: the body of a big sorted set.
//!
//! A dictionary finds a member's score; a counted tree keeps the order of
//! (score, member) and answers rank and range in O(log n). Each member's bytes
//! are there once: the tree's items name entries of the dictionary.
//!
//! ```text
//! a member of 10 bytes    3 + 1 + 1 + 10 + 8, a class of   32 bytes
//! its share of the table  64 / (7 × 0.85), overflow        14
//! its item                16 / 0.7                         23
//! ```
//!
//! **Cutting.** A range of a million members leaves the tree at once, as a tree
//! of its own; its entries stay in the dictionary and are taken out afterwards,
//! some at each `mend_step`. Until then an entry is a member's only if the tree
//! has its item. A member that comes back meanwhile gets a new entry in the
//! place of the old one, which its item in the cut then owns alone.
//!
//! Invariants: each item of the tree is of an entry of the dictionary, with the
//! score that the entry holds; each item of a cut is of an entry that is in the
//! dictionary or nobody else's; the dictionary's other entries are none.
#![expect(unsafe_code, reason = "the items of a cut may own their entries")]

use std::mem::ManuallyDrop;
use std::ops::Range;

use super::content::NewValue;
use super::dict::{Dict, Field};
use super::tree::{Item, Tree, score_of};
use super::unranked::Unranked;
use crate::base::HashKey;

/// What was cut out and is still to be freed.
pub(super) struct Cuts {
    pub(super) trees: Vec<Tree>,
    /// Entries of the dictionary that are no members.
    entries: usize,
}

/// See the module.
pub struct Ranked {
    pub(super) dict: Dict,
    pub(super) tree: Tree,
    pub(super) cuts: Option<Box<Cuts>>,
    pub(super) walk: CutWalk,
}

/// How far a snapshot's walk has come, and in which order it goes: see `ranked_cut`.
#[derive(Default)]
pub(super) struct CutWalk {
    /// The last score and member.
    pub(super) last: Option<(f64, Box<[u8]>)>,
    pub(super) is_by_entry: bool,
    /// So many of `Cuts::trees`, the first, were there at the snapshot's cut: what they
    /// have was no member then.
    pub(super) cuts_before: usize,
}

/// The score of an entry of a sorted set's dictionary.
pub fn ranked_score(field: &Field) -> f64 {
    score_of(field)
}

impl std::fmt::Debug for Ranked {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = out.debug_list();
        self.visit(0..self.len(), |score, member| {
            list.entry(&(score, member));
            true
        });
        list.finish()
    }
}

impl Clone for Ranked {
    fn clone(&self) -> Self {
        let mut copy = Unranked::with_room(self.dict.hash_key(), self.len());
        self.visit(0..self.len(), |score, member| {
            copy.push(member, score);
            true
        });
        copy.rank().expect("the tree has each member once")
    }
}

impl Drop for Ranked {
    fn drop(&mut self) {
        while self.mend_step(usize::MAX) {}
    }
}

impl Ranked {
    pub fn new(hash_key: HashKey) -> Self {
        Self::of(Dict::new(hash_key), Tree::EMPTY)
    }

    /// Of a dictionary and a tree that has an item of each of its entries.
    pub(super) fn of(dict: Dict, tree: Tree) -> Self {
        Self {
            dict,
            tree,
            cuts: None,
            walk: CutWalk::default(),
        }
    }

    /// Its members, those included that were cut out and are not freed.
    pub fn dict(&self) -> &Dict {
        &self.dict
    }

    pub fn len(&self) -> usize {
        self.dict.len() - self.cuts.as_ref().map_or(0, |cuts| cuts.entries)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn find(&self, member: &[u8]) -> Option<&Field> {
        self.dict.find(member).filter(|field| self.is_member(field))
    }

    /// Whether an entry of the dictionary is a member's.
    #[inline]
    fn is_member(&self, field: &Field) -> bool {
        self.cuts.is_none() || self.tree.holds(Item::of(field))
    }

    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(score_of)
    }

    /// Gives a member a score, which is a number; the score it had before.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        assert!(!score.is_nan(), "a score is a number");
        self.keep_around(member, None);
        let before = self.score(member);
        if let Some(before) = before {
            if before.to_bits() == score.to_bits() {
                return Some(before);
            }
            self.tree.remove(before, member);
        }
        let bits = NewValue::Int(score.to_bits().cast_signed());
        match &mut self.cuts {
            Some(cuts) if before.is_none() => {
                if let Some(cut) = self.dict.renew(member, bits) {
                    // Its item in a cut owns it from now on.
                    let _owned = ManuallyDrop::new(cut);
                    cuts.entries -= 1;
                }
            }
            Some(_) | None => {
                self.dict.insert(member, bits, None);
            }
        }
        let field = self.dict.find(member).expect("it was just put there");
        self.tree.insert(Item::of(field));
        before
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.score(member)?;
        self.keep_around(member, None);
        self.tree.remove(score, member);
        drop(self.dict.remove(member));
        Some(score)
    }

    /// Removes the members of these ranks, which are below `len`, without
    /// freeing them: see `mend_step`.
    pub fn cut(&mut self, ranks: Range<usize>) {
        if ranks.is_empty() {
            return;
        }
        // They are not met in the tree any more.
        self.walk.is_by_entry = true;
        let none = || {
            Box::new(Cuts {
                trees: Vec::new(),
                entries: 0,
            })
        };
        let cuts = self.cuts.get_or_insert_with(none);
        cuts.entries += ranks.len();
        cuts.trees.push(self.tree.cut(ranks));
    }

    /// Whether something that was cut out is still to be freed.
    pub fn is_mending(&self) -> bool {
        self.cuts.is_some()
    }

    /// Frees up to `budget` members that were cut out; `false` when none is left.
    pub fn mend_step(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            let Some(cuts) = &mut self.cuts else {
                return false;
            };
            let Some(tree) = cuts.trees.last_mut() else {
                self.cuts = None;
                return false;
            };
            let Some(item) = tree.pop() else {
                cuts.trees.pop();
                self.walk.cuts_before = self.walk.cuts_before.min(cuts.trees.len());
                continue;
            };
            let was_cut_before = cuts.trees.len() <= self.walk.cuts_before;
            let member = item.member();
            self.keep_around(member, was_cut_before.then_some(&item));
            let cuts = self.cuts.as_mut().expect("it was just there");
            if self.dict.find(member).is_some_and(|own| item.is_of(own)) {
                drop(self.dict.remove(member));
                cuts.entries -= 1;
            } else {
                // SAFETY: the dictionary has given it up, to this item alone,
                // which is in no tree any more.
                drop(unsafe { item.into_entry() });
            }
        }
        self.is_mending()
    }

    /// How many members stand before this one, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.rank_of(score, member), score))
    }

    /// How many members stand before this place, whether anyone stands there or not.
    pub(super) fn rank_of(&self, score: f64, member: &[u8]) -> usize {
        let is_before = |own: &Item| own.compare(score, member).is_lt();
        self.tree.partition(self.len(), &is_before)
    }

    /// How many members, from the lowest on, are `before`: a question that is
    /// yes for the first ones and no for all others.
    pub fn partition(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        let is_before = |item: &Item| before(item.score, item.member());
        self.tree.partition(self.len(), &is_before)
    }

    /// Visits the members of these ranks, the lowest first, while `visit`
    /// says so.
    pub fn visit<'a>(&'a self, ranks: Range<usize>, mut visit: impl FnMut(f64, &'a [u8]) -> bool) {
        self.tree.visit(ranks, &mut visit);
    }

    /// As `visit`, the highest first.
    pub fn visit_back<'a>(
        &'a self,
        ranks: Range<usize>,
        mut visit: impl FnMut(f64, &'a [u8]) -> bool,
    ) {
        let mut visit = |item: &'a Item| visit(item.score, item.member());
        self.tree.visit_back(ranks, &mut visit);
    }

    /// Visits one bucket in the dictionary's order: see [`Dict::visit`].
    pub fn scan<'a>(&'a self, position: u32, mut visit: impl FnMut(f64, &'a [u8])) -> Option<u32> {
        self.dict.visit(position, |field| {
            if self.is_member(field) {
                visit(score_of(field), field.key());
            }
        })
    }

    /// Frees about `budget` members; `false` when nothing is left. The set is
    /// good for nothing else from the first step on.
    pub fn free_step(&mut self, budget: usize) -> bool {
        self.mend_step(budget) || self.tree.free_step(budget) || self.dict.free_step(budget)
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        self.dict.weight()
    }

    /// Bytes the allocator sets aside, estimated from some of the members.
    pub fn allocated_bytes(&self) -> usize {
        let cuts = self.cuts.iter().flat_map(|cuts| &cuts.trees);
        let cuts: usize = cuts.map(Tree::allocated_bytes).sum();
        self.dict.allocated_bytes() + self.tree.allocated_bytes() + cuts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::base::Random;

    fn members(ranked: &Ranked) -> Vec<(f64, Vec<u8>)> {
        let mut all = Vec::new();
        ranked.visit(0..ranked.len(), |score, member| {
            all.push((score, member.to_vec()));
            true
        });
        all
    }

    fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(f64, Vec<u8>)> {
        let mut all: Vec<_> = model
            .iter()
            .map(|(member, score)| (*score, member.clone()))
            .collect();
        all.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
        all
    }

    #[test]
    fn random_changes_keep_order_counts_and_scores() {
        let mut random = Random::new(3);
        let mut ranked = Ranked::new(HashKey([1, 2]));
        let mut model = BTreeMap::new();
        let steps: u64 = if cfg!(miri) { 300 } else { 40_000 };
        for step in 0..steps {
            // Grows to a few thousand members, then shrinks to none.
            let grows = random.below(steps) >= step;
            let member = format!("m{}", random.below(5_000)).into_bytes();
            if grows {
                let score = random.below(300) as f64 - 150.0;
                assert_eq!(ranked.insert(&member, score), model.insert(member, score));
            } else {
                assert_eq!(ranked.remove(&member), model.remove(&member));
            }
            if step % (steps / 20) == 0 {
                check(&ranked, &model);
            }
        }
        for member in model.keys() {
            assert!(ranked.remove(member).is_some());
        }
        assert!(ranked.is_empty());
    }

    #[test]
    fn ranges_are_cut_out_while_members_come_back() {
        let mut random = Random::new(5);
        let mut ranked = Ranked::new(HashKey([1, 2]));
        let mut model = BTreeMap::new();
        let steps = if cfg!(miri) { 400 } else { 30_000 };
        let mut times_mending = 0;
        for step in 0..steps {
            let member = format!("m{}", random.below(4_000)).into_bytes();
            // Few scores, so that members come back with the one they had.
            let score = random.below(8) as f64;
            match random.below(200) {
                0 => {
                    let from = random.below(ranked.len() as u64 + 1) as usize;
                    let up_to = from + random.below((ranked.len() - from) as u64 + 1) as usize;
                    for (_, member) in &sorted(&model)[from..up_to] {
                        model.remove(member);
                    }
                    ranked.cut(from..up_to);
                }
                1..10 => {
                    ranked.mend_step(random.below(100) as usize);
                }
                10..30 => assert_eq!(ranked.remove(&member), model.remove(&member)),
                _ => assert_eq!(ranked.insert(&member, score), model.insert(member, score)),
            }
            assert_eq!(ranked.len(), model.len());
            if step % (steps / 100) == 0 {
                times_mending += usize::from(ranked.is_mending());
                check(&ranked, &model);
            }
        }
        assert!(times_mending > 10, "{times_mending}");
        while ranked.mend_step(64) {}
        assert_eq!(ranked.dict.len(), model.len());
        check(&ranked, &model);
    }

    #[test]
    fn all_ranges_of_a_tree_of_three_levels_are_cut_soundly() {
        let len = if cfg!(miri) { 200_u32 } else { 9_000 };
        let step = if cfg!(miri) { 67 } else { 1_499 };
        for from in (0..=len).step_by(step) {
            for up_to in (from..=len).step_by(step) {
                let mut ranked = Ranked::new(HashKey([1, 2]));
                for number in 0..len {
                    ranked.insert(&number.to_be_bytes(), f64::from(number));
                }
                ranked.cut(from as usize..up_to as usize);
                assert_eq!(ranked.tree.check(), (len - (up_to - from)) as usize);
                let expected: Vec<_> = (0..from)
                    .chain(up_to..len)
                    .map(|number| (f64::from(number), number.to_be_bytes().to_vec()))
                    .collect();
                assert!(members(&ranked) == expected, "{from}..{up_to}");
            }
        }
    }

    #[test]
    fn a_cut_is_freed_in_steps_and_also_with_the_set() {
        let len = if cfg!(miri) { 300 } else { 5_000 };
        let mut ranked = Ranked::new(HashKey([1, 2]));
        for number in 0..len {
            ranked.insert(format!("{number}").as_bytes(), 1.0);
        }
        ranked.cut(0..len);
        assert!(ranked.is_empty() && ranked.weight() >= len);
        assert_eq!(ranked.insert(b"7", 1.0), None);
        assert_eq!(ranked.score(b"8"), None);
        let mut steps = 0;
        while ranked.mend_step(10) {
            steps += 1;
        }
        assert!(steps >= len / 10, "{steps}");
        assert_eq!(members(&ranked), [(1.0, b"7".to_vec())]);
        ranked.insert(b"8", 1.0);
        ranked.cut(0..2);
        ranked.insert(b"8", 2.0);
        drop(ranked);
    }

    #[track_caller]
    fn check(ranked: &Ranked, model: &BTreeMap<Vec<u8>, f64>) {
        let expected = sorted(model);
        assert_eq!(ranked.tree.check(), expected.len());
        assert_eq!(members(ranked), expected);
        let (mut scanned, mut next) = (Vec::new(), Some(0));
        while let Some(position) = next {
            next = ranked.scan(position, |score, member| {
                scanned.push((score, member.to_vec()))
            });
        }
        scanned.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
        assert_eq!(scanned, expected);
        for (rank, (score, member)) in expected.iter().enumerate().step_by(7) {
            assert_eq!(ranked.rank(member), Some((rank, *score)));
            assert_eq!(ranked.score(member), Some(*score));
        }
        let below = expected.iter().filter(|(score, _)| *score < 10.0).count();
        assert_eq!(ranked.partition(|score, _| score < 10.0), below);
        let middle = expected.len() / 3..expected.len() / 2;
        let mut back = Vec::new();
        ranked.visit_back(middle.clone(), |score, member| {
            back.push((score, member.to_vec()));
            true
        });
        back.reverse();
        assert_eq!(back, expected[middle]);
        assert_eq!(members(&ranked.clone()), expected);
    }

    #[test]
    fn members_added_in_order_fill_their_leaves() {
        let mut ranked = Ranked::new(HashKey([1, 2]));
        let len = if cfg!(miri) { 500 } else { 100_000 };
        for number in 0..len {
            ranked.insert(format!("{number:06}").as_bytes(), f64::from(number));
        }
        let tree = ranked.tree.allocated_bytes() as f64 / f64::from(len);
        assert!(tree < 19.0, "{tree} bytes for each");
        assert_eq!(ranked.rank(b"000300"), Some((300, 300.0)));
    }

    #[test]
    fn a_large_set_is_freed_in_steps() {
        let mut ranked = Ranked::new(HashKey([1, 2]));
        let (len, least) = if cfg!(miri) { (500, 5) } else { (5_000, 50) };
        for number in 0..len {
            ranked.insert(format!("{number}").as_bytes(), 1.0);
        }
        let mut steps = 0;
        while ranked.free_step(64) {
            steps += 1;
        }
        assert!(ranked.is_empty() && steps > least, "{steps}");
    }
}
