//! A tree made at once, from its leaves up.

use super::item::Item;
use super::node::{Child, NODE_MAX, Node};
use super::root::Tree;

/// Items put one behind the other, not in order yet: leaves, all but the last full.
#[derive(Default)]
pub(in crate::memory) struct Leaves {
    leaves: Vec<Vec<Item>>,
    order: Order,
}

/// In which order they came so far.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    /// There are less than two.
    #[default]
    Open,
    Rising,
    Falling,
    None,
}

impl Leaves {
    /// Adds an item, whose entry and all others' are there.
    pub(in crate::memory) fn push(&mut self, item: Item) {
        if let Some(last) = self.leaves.last().and_then(|leaf| leaf.last()) {
            self.order = self.order.with(last.compare(item.score, item.member()));
        }
        match self.leaves.last_mut() {
            Some(leaf) if leaf.len() < NODE_MAX => leaf.push(item),
            Some(_) | None => {
                let mut leaf = Vec::with_capacity(NODE_MAX);
                leaf.push(item);
                self.leaves.push(leaf);
            }
        }
    }

    /// The tree of these items.
    pub(in crate::memory) fn into_tree(mut self) -> Tree {
        if let Some(last) = self.leaves.last_mut() {
            last.shrink_to_fit();
        }
        match self.order {
            Order::Open | Order::Rising => {}
            Order::Falling => {
                self.leaves.reverse();
                self.leaves.iter_mut().for_each(|leaf| leaf.reverse());
            }
            Order::None => self.sort(),
        }
        let mut nodes: Vec<Node> = self.leaves.into_iter().map(Node::Leaf).collect();
        while nodes.len() > 1 {
            nodes = above(nodes);
        }
        nodes.pop().map_or(Tree::EMPTY, Tree)
    }

    fn sort(&mut self) {
        let mut items = std::mem::take(&mut self.leaves).concat();
        // Stable, since that finds the stretches that are in order.
        items.sort_by(|one, other| one.compare(other.score, other.member()));
        self.leaves = items.chunks(NODE_MAX).map(<[Item]>::to_vec).collect();
    }
}

impl Order {
    /// With one more item, to which the one before compares so.
    fn with(self, before: std::cmp::Ordering) -> Self {
        match (self, before.is_lt()) {
            (Self::Open | Self::Rising, true) => Self::Rising,
            (Self::Open | Self::Falling, false) => Self::Falling,
            (Self::Rising, false) | (Self::Falling, true) | (Self::None, _) => Self::None,
        }
    }
}

/// The nodes above these, all but the last full.
fn above(nodes: Vec<Node>) -> Vec<Node> {
    let mut nodes = nodes.into_iter();
    let mut above = Vec::with_capacity(nodes.len().div_ceil(NODE_MAX));
    while nodes.len() > 0 {
        let children = nodes.by_ref().take(NODE_MAX).map(Child::of).collect();
        above.push(Node::Inner(Box::new(children)));
    }
    above
}
