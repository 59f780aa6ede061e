//! Members with scores, in order and counted: the body of a big sorted set.
//!
//! A dictionary finds a member's score; a B+-tree with counts keeps the order
//! of (score, member) and answers rank and range in O(log n). Each member's
//! bytes are there once: the tree's items name entries of the dictionary.
//!
//! ```text
//! Inner: up to 64 children, each with its count and its first item
//!   └ Leaf: up to 64 items of 16 bytes: score 8 | word of the entry 8
//! a member of 10 bytes    3 + 1 + 1 + 10 + 8, a class of   32 bytes
//! its share of the table  64 / (7 × 0.85), overflow        14
//! its item                16 / 0.7                         23
//! ```
//!
//! Items added behind the last one fill their leaves, so a set built in order
//! takes 16 bytes for an item. Removing joins a leaf with its neighbour when
//! both fit into three quarters of one. No operation touches more than a leaf
//! and its path.
//!
//! Invariants: the tree has one item for each entry of the dictionary, with
//! the score that the entry holds; items are in order; a child's count and
//! first item are those of its subtree; no subtree but the root is empty.
#![expect(unsafe_code, reason = "the tree's items read the dictionary's entries")]

use std::cmp::Ordering;
use std::mem::ManuallyDrop;
use std::ops::Range;

use super::dict::{Dict, Field};
use super::entry::{Content, NewValue};
use crate::base::{HashKey, Random};

/// Items of a leaf, children of an inner node.
const NODE_MAX: usize = 64;

/// Neighbours of together so many are joined.
const JOINED_MAX: usize = NODE_MAX * 3 / 4;

/// An entry of the dictionary beside this tree, and its score.
#[derive(Clone, Copy)]
struct Item {
    score: f64,
    /// A copy of the entry's word; the entry stays the dictionary's.
    word: u64,
}

impl Item {
    fn of(field: &Field) -> Self {
        Self {
            score: score_of(field),
            word: field.word(),
        }
    }

    /// The member's bytes.
    fn member(&self) -> &[u8] {
        // SAFETY: the word is that of an entry which the dictionary beside the
        // tree holds: `Ranked` removes an item before its entry, and an entry
        // whose number changes stays where it is.
        let field = unsafe { Field::from_word(self.word) };
        let field = ManuallyDrop::new(field);
        let member: *const [u8] = field.key();
        // SAFETY: as above: the bytes outlive the item that is borrowed.
        unsafe { &*member }
    }

    fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        let scores = self.score.partial_cmp(&score);
        scores
            .expect("a score is a number")
            .then_with(|| self.member().cmp(member))
    }
}

fn score_of(field: &Field) -> f64 {
    match field.content() {
        Content::Int(bits) => f64::from_bits(bits.cast_unsigned()),
        Content::Text(_) => unreachable!("scores are stored as numbers"),
        Content::Compound(never) => match *never {},
    }
}

struct Child {
    count: usize,
    first: Item,
    node: Node,
}

enum Node {
    Leaf(Vec<Item>),
    #[expect(clippy::box_collection, reason = "a leaf's child is as small as that")]
    Inner(Box<Vec<Child>>),
}

impl Child {
    fn of(node: Node) -> Self {
        Self {
            count: node.count(),
            first: node.first(),
            node,
        }
    }

    fn refresh(&mut self) {
        self.count = self.node.count();
        self.first = self.node.first();
    }
}

impl Node {
    fn count(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => total(children),
        }
    }

    fn first(&self) -> Item {
        match self {
            Self::Leaf(items) => items[0],
            Self::Inner(children) => children[0].first,
        }
    }

    /// Items of a leaf, children of an inner node.
    fn width(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => children.len(),
        }
    }

    /// Adds an item that is not there; the right half when it had to split.
    fn insert(&mut self, item: Item) -> Option<Self> {
        let member = item.member();
        match self {
            Self::Leaf(items) => {
                let at =
                    items.partition_point(|own| own.compare(item.score, member) == Ordering::Less);
                if items.len() < NODE_MAX {
                    items.insert(at, item);
                    return None;
                }
                let mut right = items.split_off(split_point(at));
                if at < items.len() {
                    items.insert(at, item);
                } else {
                    right.insert(at - items.len(), item);
                }
                Some(Self::Leaf(right))
            }
            Self::Inner(children) => {
                let after = children
                    .partition_point(|own| own.first.compare(item.score, member) == Ordering::Less);
                let at = after.saturating_sub(1);
                let child = &mut children[at];
                let Some(right) = child.node.insert(item) else {
                    child.count += 1;
                    if after == 0 {
                        child.first = item;
                    }
                    return None;
                };
                child.refresh();
                children.insert(at + 1, Child::of(right));
                if children.len() <= NODE_MAX {
                    return None;
                }
                let right = children.split_off(split_point(at + 1).min(children.len() - 1));
                Some(Self::Inner(Box::new(right)))
            }
        }
    }

    /// Takes out the item of this score and member, which is there.
    fn remove(&mut self, score: f64, member: &[u8]) {
        match self {
            Self::Leaf(items) => {
                let at = items.binary_search_by(|own| own.compare(score, member));
                items.remove(at.expect("the dictionary knows the item"));
                if items.len() < items.capacity() / 4 {
                    items.shrink_to(items.len() * 2);
                }
            }
            Self::Inner(children) => {
                let after = children
                    .partition_point(|own| own.first.compare(score, member) != Ordering::Greater);
                let at = after - 1;
                let child = &mut children[at];
                let was_first = child.first.compare(score, member) == Ordering::Equal;
                child.node.remove(score, member);
                child.count -= 1;
                if child.count == 0 {
                    children.remove(at);
                    return;
                }
                if was_first {
                    child.first = child.node.first();
                }
                join_around(children, at);
            }
        }
    }

    /// How many of the `count` items, from the first on, are `before`; those
    /// that are stand first.
    fn partition(&self, count: usize, before: &impl Fn(f64, &[u8]) -> bool) -> usize {
        match self {
            Self::Leaf(items) => items.partition_point(|item| before(item.score, item.member())),
            Self::Inner(children) => {
                let is_before = |child: &Child| before(child.first.score, child.first.member());
                let after = children.partition_point(is_before);
                let Some(at) = after.checked_sub(1) else {
                    return 0;
                };
                let child = &children[at];
                // From the nearer end: each count is on a line of its own.
                let skipped = if at <= children.len() / 2 {
                    total(&children[..at])
                } else {
                    count - total(&children[at..])
                };
                skipped + child.node.partition(child.count, before)
            }
        }
    }

    /// Visits the items of these ranks in order, while `visit` says so.
    fn visit<'a>(
        &'a self,
        ranks: Range<usize>,
        visit: &mut impl FnMut(f64, &'a [u8]) -> bool,
    ) -> bool {
        match self {
            Self::Leaf(items) => items[ranks]
                .iter()
                .all(|item| visit(item.score, item.member())),
            Self::Inner(children) => {
                let mut start = 0;
                children.iter().all(|child| {
                    let part = overlap(&ranks, start, child.count);
                    start += child.count;
                    part.is_empty() || child.node.visit(part, visit)
                })
            }
        }
    }

    /// As `visit`, the last first.
    fn visit_back<'a>(
        &'a self,
        ranks: Range<usize>,
        visit: &mut impl FnMut(f64, &'a [u8]) -> bool,
    ) -> bool {
        match self {
            Self::Leaf(items) => items[ranks]
                .iter()
                .rev()
                .all(|item| visit(item.score, item.member())),
            Self::Inner(children) => {
                let mut end = self.count();
                children.iter().rev().all(|child| {
                    end -= child.count;
                    let part = overlap(&ranks, end, child.count);
                    part.is_empty() || child.node.visit_back(part, visit)
                })
            }
        }
    }

    /// Frees about `budget` items' worth of nodes; `false` when none is left.
    fn free_step(&mut self, budget: usize) -> bool {
        match self {
            Self::Leaf(items) => {
                let had = !items.is_empty();
                *items = Vec::new();
                had
            }
            Self::Inner(children) => {
                let mut freed = 0;
                while freed < budget {
                    let Some(last) = children.last_mut() else {
                        return false;
                    };
                    if !last.node.free_step(budget - freed) {
                        children.pop();
                    }
                    freed += NODE_MAX;
                }
                true
            }
        }
    }

    fn allocated_bytes(&self) -> usize {
        match self {
            Self::Leaf(items) => items.capacity() * size_of::<Item>(),
            Self::Inner(children) => {
                // Some children stand for all of them.
                let measured = &children[..children.len().min(4)];
                let bytes: usize = measured
                    .iter()
                    .map(|child| child.node.allocated_bytes())
                    .sum();
                bytes * children.len() / measured.len().max(1)
                    + children.capacity() * size_of::<Child>()
            }
        }
    }
}

fn total(children: &[Child]) -> usize {
    children.iter().map(|child| child.count).sum()
}

/// Where a full node is split when something is put at `at`: in the middle,
/// but at the end when it grows there, so that nodes filled in order are full.
fn split_point(at: usize) -> usize {
    if at >= NODE_MAX {
        NODE_MAX
    } else {
        NODE_MAX / 2
    }
}

/// The ranks below a child that begins at `start` and has `count` items.
fn overlap(ranks: &Range<usize>, start: usize, count: usize) -> Range<usize> {
    let from = ranks.start.saturating_sub(start).min(count);
    let to = ranks.end.saturating_sub(start).min(count);
    from..to
}

/// Joins a child with a neighbour when both are thin.
fn join_around(children: &mut Vec<Child>, at: usize) {
    for left in [at.checked_sub(1), Some(at)].into_iter().flatten() {
        let Some(right) = children.get(left + 1) else {
            continue;
        };
        if children[left].node.width() + right.node.width() > JOINED_MAX {
            continue;
        }
        let right = children.remove(left + 1).node;
        match (&mut children[left].node, right) {
            (Node::Leaf(into), Node::Leaf(mut from)) => into.append(&mut from),
            (Node::Inner(into), Node::Inner(mut from)) => into.append(&mut from),
            _ => unreachable!("all leaves are at one depth"),
        }
        children[left].refresh();
        return;
    }
}

/// See the module.
pub struct Ranked {
    dict: Dict,
    root: Node,
}

impl std::fmt::Debug for Ranked {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.dict.fmt(out)
    }
}

// SAFETY: the words in the tree name entries of the dictionary beside it, which
// goes where the tree goes; nothing is shared or tied to a thread.
unsafe impl Send for Ranked {}

impl Clone for Ranked {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.dict.hash_key());
        self.visit(0..self.len(), |score, member| {
            copy.insert(member, score);
            true
        });
        copy
    }
}

impl Ranked {
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            dict: Dict::new(hash_key),
            root: Node::Leaf(Vec::new()),
        }
    }

    pub fn len(&self) -> usize {
        self.dict.len()
    }

    pub fn is_empty(&self) -> bool {
        self.dict.is_empty()
    }

    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.dict.find(member).map(score_of)
    }

    /// Gives a member a score, which is a number; the score it had before.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        assert!(!score.is_nan(), "a score is a number");
        let before = self.score(member);
        if let Some(before) = before {
            if before.to_bits() == score.to_bits() {
                return Some(before);
            }
            self.remove_item(before, member);
        }
        let bits = NewValue::Int(score.to_bits().cast_signed());
        self.dict.insert(member, bits, None);
        let field = self.dict.find(member).expect("it was just put there");
        self.insert_item(Item::of(field));
        before
    }

    /// Removes a member; the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.score(member)?;
        self.remove_item(score, member);
        drop(self.dict.remove(member));
        Some(score)
    }

    fn insert_item(&mut self, item: Item) {
        let Some(right) = self.root.insert(item) else {
            return;
        };
        let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
        let children = vec![Child::of(left), Child::of(right)];
        self.root = Node::Inner(Box::new(children));
    }

    fn remove_item(&mut self, score: f64, member: &[u8]) {
        self.root.remove(score, member);
        let Node::Inner(children) = &mut self.root else {
            return;
        };
        if children.len() <= 1 {
            let only = children.pop().map(|child| child.node);
            self.root = only.unwrap_or(Node::Leaf(Vec::new()));
        }
    }

    /// How many members stand before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let score = self.score(member)?;
        Some(self.partition(|own_score, own| (own_score, own) < (score, member)))
    }

    /// How many members, from the lowest on, are `before`: a question that is
    /// yes for the first ones and no for all others.
    pub fn partition(&self, before: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.root.partition(self.len(), &before)
    }

    /// Visits the members of these ranks, the lowest first, while `visit`
    /// says so.
    pub fn visit<'a>(&'a self, ranks: Range<usize>, mut visit: impl FnMut(f64, &'a [u8]) -> bool) {
        self.root.visit(ranks, &mut visit);
    }

    /// As `visit`, the highest first.
    pub fn visit_back<'a>(
        &'a self,
        ranks: Range<usize>,
        mut visit: impl FnMut(f64, &'a [u8]) -> bool,
    ) {
        self.root.visit_back(ranks, &mut visit);
    }

    /// Visits one bucket in the dictionary's order: see [`Dict::visit`].
    pub fn scan<'a>(&'a self, position: u32, mut visit: impl FnMut(f64, &'a [u8])) -> Option<u32> {
        self.dict
            .visit(position, |field| visit(score_of(field), field.key()))
    }

    /// A member drawn by chance.
    pub fn draw(&self, random: &mut Random) -> Option<(f64, &[u8])> {
        let field = self.dict.draw(random)?;
        Some((score_of(field), field.key()))
    }

    /// Frees about `budget` members; `false` when nothing is left. The set is
    /// good for nothing else from the first step on.
    pub fn free_step(&mut self, budget: usize) -> bool {
        self.root.free_step(budget) || self.dict.free_step(budget)
    }

    /// Bytes the allocator sets aside, estimated from some of the members.
    pub fn allocated_bytes(&self) -> usize {
        self.dict.allocated_bytes() + self.root.allocated_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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

    #[track_caller]
    fn check(ranked: &Ranked, model: &BTreeMap<Vec<u8>, f64>) {
        let expected = sorted(model);
        assert_eq!(members(ranked), expected);
        for (rank, (score, member)) in expected.iter().enumerate().step_by(7) {
            assert_eq!(ranked.rank(member), Some(rank));
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
        let tree = ranked.root.allocated_bytes() as f64 / f64::from(len);
        assert!(tree < 19.0, "{tree} bytes for each");
        assert_eq!(ranked.rank(b"000300"), Some(300));
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
