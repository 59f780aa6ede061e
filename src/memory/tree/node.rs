//! A node of the tree with all that is below it.

use std::cmp::Ordering;
use std::ops::Range;

use super::item::Item;

/// Items of a leaf, children of an inner node.
pub(super) const NODE_MAX: usize = 64;

/// Neighbours of together so many are joined.
const JOINED_MAX: usize = NODE_MAX * 3 / 4;

/// Items between the one that is visited and the one whose entry is asked for.
const VISITED_AHEAD: usize = 16;

pub(super) struct Child {
    pub(super) count: usize,
    pub(super) first: Item,
    pub(super) node: Node,
}

/// An end of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

pub(super) enum Node {
    Leaf(Vec<Item>),
    #[expect(clippy::box_collection, reason = "a leaf's child is as small as that")]
    Inner(Box<Vec<Child>>),
}

impl Child {
    pub(super) fn of(node: Node) -> Self {
        Self {
            count: node.count(),
            first: node.first(),
            node,
        }
    }

    pub(super) fn refresh(&mut self) {
        self.count = self.node.count();
        self.first = self.node.first();
    }
}

impl Node {
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => total(children),
        }
    }

    pub(super) fn first(&self) -> Item {
        match self {
            Self::Leaf(items) => items[0],
            Self::Inner(children) => children[0].first,
        }
    }

    /// Items of a leaf, children of an inner node.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => children.len(),
        }
    }

    /// Adds an item that is not there; the right half when it had to split.
    pub(super) fn insert(&mut self, item: Item) -> Option<Self> {
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
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) {
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

    /// Whether there is this very item.
    pub(super) fn holds(&self, item: Item) -> bool {
        let (score, member) = (item.score, item.member());
        match self {
            Self::Leaf(items) => items
                .binary_search_by(|own| own.compare(score, member))
                .is_ok_and(|at| items[at].word == item.word),
            Self::Inner(children) => {
                let after = children
                    .partition_point(|own| own.first.compare(score, member) != Ordering::Greater);
                let at = after.checked_sub(1);
                at.is_some_and(|at| children[at].node.holds(item))
            }
        }
    }

    /// Takes the last item off; the node may be empty then.
    pub(super) fn pop(&mut self) -> Option<Item> {
        match self {
            Self::Leaf(items) => items.pop(),
            Self::Inner(children) => {
                let last = children.last_mut()?;
                let item = last.node.pop();
                last.count -= 1;
                if last.count == 0 {
                    children.pop();
                }
                item
            }
        }
    }

    /// Levels above the leaves.
    pub(super) fn height(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner(children) => 1 + children[0].node.height(),
        }
    }

    /// Takes off the items from `rank` on; neither part is empty. Both have the
    /// depth that this node had.
    pub(super) fn split_off(&mut self, rank: usize) -> Self {
        match self {
            Self::Leaf(items) => Self::Leaf(items.split_off(rank)),
            Self::Inner(children) => {
                let (mut at, mut start) = (0, 0);
                while rank >= start + children[at].count {
                    start += children[at].count;
                    at += 1;
                }
                if rank == start {
                    return Self::Inner(Box::new(children.split_off(at)));
                }
                let tail = children[at].node.split_off(rank - start);
                children[at].refresh();
                let mut right = children.split_off(at + 1);
                right.insert(0, Child::of(tail));
                Self::Inner(Box::new(right))
            }
        }
    }

    /// Puts a node `below` levels down at an end; the right half when this one
    /// had to split.
    pub(super) fn attach(&mut self, end: End, node: Self, below: usize) -> Option<Self> {
        let Self::Inner(children) = self else {
            unreachable!("there are no levels below a leaf");
        };
        let last = children.len() - 1;
        let at = match end {
            End::First => 0,
            End::Last => last,
        };
        let new = if below == 1 {
            Some((usize::from(end == End::Last) * children.len(), node))
        } else {
            let split = children[at].node.attach(end, node, below - 1);
            children[at].refresh();
            split.map(|right| (at + 1, right))
        };
        if let Some((at, node)) = new {
            children.insert(at, Child::of(node));
            join_around(children, at);
        }
        let is_full = children.len() > NODE_MAX;
        is_full.then(|| Self::Inner(Box::new(children.split_off(NODE_MAX / 2))))
    }

    /// How many of the `count` items, from the first on, are `before`; those
    /// that are stand first.
    pub(super) fn partition(&self, count: usize, before: &impl Fn(&Item) -> bool) -> usize {
        match self {
            Self::Leaf(items) => items.partition_point(before),
            Self::Inner(children) => {
                let after = children.partition_point(|child| before(&child.first));
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
    pub(super) fn visit<'a>(
        &'a self,
        ranks: Range<usize>,
        visit: &mut impl FnMut(f64, &'a [u8]) -> bool,
    ) -> bool {
        match self {
            Self::Leaf(items) => {
                let items = &items[ranks];
                items.iter().take(VISITED_AHEAD).for_each(Item::prefetch);
                items.iter().enumerate().all(|(at, item)| {
                    let ahead = items.get(at + VISITED_AHEAD);
                    ahead.into_iter().for_each(Item::prefetch);
                    visit(item.score, item.member())
                })
            }
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

    /// The same, the last of its `count` items first.
    pub(super) fn visit_back<'a>(
        &'a self,
        count: usize,
        ranks: Range<usize>,
        visit: &mut impl FnMut(&'a Item) -> bool,
    ) -> bool {
        match self {
            Self::Leaf(items) => {
                let items = &items[ranks];
                let ahead = items.iter().rev().take(VISITED_AHEAD);
                ahead.for_each(Item::prefetch);
                items.iter().enumerate().rev().all(|(at, item)| {
                    let ahead = at.checked_sub(VISITED_AHEAD).map(|at| &items[at]);
                    ahead.into_iter().for_each(Item::prefetch);
                    visit(item)
                })
            }
            Self::Inner(children) => {
                let mut end = count;
                children.iter().rev().all(|child| {
                    end -= child.count;
                    let part = overlap(&ranks, end, child.count);
                    part.is_empty() || child.node.visit_back(child.count, part, visit)
                })
            }
        }
    }

    /// Frees about `budget` items' worth of nodes; `false` when none is left.
    pub(super) fn free_step(&mut self, budget: usize) -> bool {
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

    pub(super) fn allocated_bytes(&self) -> usize {
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
pub(super) fn join_around(children: &mut Vec<Child>, at: usize) {
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
