//! The tree as a whole, and how its root grows and goes.

use std::cmp::Ordering;
use std::mem;
use std::ops::Range;

use super::item::Item;
#[cfg(test)]
use super::node::NODE_MAX;
use super::node::{Child, End, Node, join_around};

/// See the module.
pub(in crate::memory) struct Tree(pub(super) Node);

impl Tree {
    pub(in crate::memory) const EMPTY: Self = Self(Node::Leaf(Vec::new()));

    /// Adds an item that is not there.
    pub(in crate::memory) fn insert(&mut self, item: Item) {
        if let Some(right) = self.0.insert(item) {
            self.grow(right);
        }
    }

    /// A root above this one and its right half.
    fn grow(&mut self, right: Node) {
        let left = mem::replace(&mut self.0, Node::Leaf(Vec::new()));
        let children = vec![Child::of(left), Child::of(right)];
        self.0 = Node::Inner(Box::new(children));
    }

    /// Takes out the item of this score and member, which is there.
    pub(in crate::memory) fn remove(&mut self, score: f64, member: &[u8]) {
        self.0.remove(score, member);
        self.settle();
    }

    /// Takes roots away that have one child or none.
    fn settle(&mut self) {
        while let Node::Inner(children) = &mut self.0
            && children.len() <= 1
        {
            let only = children.pop().map(|child| child.node);
            self.0 = only.unwrap_or(Node::Leaf(Vec::new()));
        }
    }

    /// Takes out the items of these ranks, of which there are some.
    pub(in crate::memory) fn cut(&mut self, ranks: Range<usize>) -> Self {
        let tail = self.split_off(ranks.end);
        let cut = self.split_off(ranks.start);
        self.append(tail);
        cut
    }

    fn split_off(&mut self, rank: usize) -> Self {
        if rank == 0 {
            return mem::replace(self, Self::EMPTY);
        }
        if rank == self.0.count() {
            return Self::EMPTY;
        }
        let mut right = Self(self.0.split_off(rank));
        self.settle();
        right.settle();
        right
    }

    /// Appends items that are all behind these.
    fn append(&mut self, mut right: Self) {
        if right.0.width() == 0 {
            return;
        }
        if self.0.width() == 0 {
            *self = right;
            return;
        }
        let (height, right_height) = (self.0.height(), right.0.height());
        let split = match height.cmp(&right_height) {
            Ordering::Greater => self.0.attach(End::Last, right.0, height - right_height),
            Ordering::Less => {
                mem::swap(self, &mut right);
                self.0.attach(End::First, right.0, right_height - height)
            }
            Ordering::Equal => Some(right.0),
        };
        if let Some(split) = split {
            self.grow(split);
            if let Node::Inner(children) = &mut self.0 {
                join_around(children, 0);
            }
            self.settle();
        }
    }

    /// Whether there is this very item, also among others of its score and name.
    pub(in crate::memory) fn holds(&self, item: Item) -> bool {
        self.0.holds(item)
    }

    /// Takes the last item off.
    pub(in crate::memory) fn pop(&mut self) -> Option<Item> {
        let item = self.0.pop();
        if self.0.width() == 0 {
            self.settle();
        }
        item
    }

    /// How many of the `len` items, from the first on, are `before`; those that
    /// are stand first.
    pub(in crate::memory) fn partition(
        &self,
        len: usize,
        before: &impl Fn(&Item) -> bool,
    ) -> usize {
        self.0.partition(len, before)
    }

    /// Visits the items of these ranks in order, while `visit` says so.
    pub(in crate::memory) fn visit<'a>(
        &'a self,
        ranks: Range<usize>,
        visit: &mut impl FnMut(f64, &'a [u8]) -> bool,
    ) {
        self.0.visit(ranks, visit);
    }

    /// The same, the last first. Their entries are fetched ahead.
    pub(in crate::memory) fn visit_back<'a>(
        &'a self,
        ranks: Range<usize>,
        visit: &mut impl FnMut(&'a Item) -> bool,
    ) {
        self.0.visit_back(self.0.count(), ranks, visit);
    }

    /// Frees about `budget` items' worth of nodes; `false` when none is left.
    pub(in crate::memory) fn free_step(&mut self, budget: usize) -> bool {
        self.0.free_step(budget)
    }

    pub(in crate::memory) fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// Panics unless everything is as the module says; the number of items.
    #[cfg(test)]
    pub(in crate::memory) fn check(&self) -> usize {
        fn check(node: &Node, height: usize) -> usize {
            assert_eq!(node.height(), height, "all leaves are at one depth");
            assert!(node.width() > 0 && node.width() <= NODE_MAX);
            if let Node::Inner(children) = node {
                for child in children.iter() {
                    assert_eq!(check(&child.node, height - 1), child.count);
                    assert_eq!(child.first.word, child.node.first().word);
                }
            }
            node.count()
        }
        if self.0.width() == 0 {
            assert_eq!(self.0.height(), 0, "an empty tree is a leaf");
            return 0;
        }
        if let Node::Inner(children) = &self.0 {
            assert!(children.len() > 1, "the root does not have one child alone");
        }
        check(&self.0, self.0.height())
    }
}
