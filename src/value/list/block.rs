//! A block of a chain: up to 256 nodes and how many elements they have.

use std::collections::VecDeque;

use super::limit::Limit;
use super::node::Node;
use crate::value::row_cut::{CutBlock, Stamp};

/// Nodes of a block. Their slots are 6 KiB, so an insert moves at most half of
/// that, and counting through them touches 256 cache lines.
pub(super) const NODES_MAX: usize = 256;

/// See the module. No node is empty.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) nodes: VecDeque<Node>,
    /// Elements of all nodes.
    pub(super) len: usize,
    stamp: Stamp,
}

impl CutBlock for Block {
    type Node = Node;

    fn nodes(&mut self) -> &mut VecDeque<Node> {
        &mut self.nodes
    }

    fn stamp(&mut self) -> &mut Stamp {
        &mut self.stamp
    }
}

impl Block {
    pub(super) fn of(node: Node) -> Self {
        let len = node.len();
        Self {
            nodes: VecDeque::from([node]),
            len,
            stamp: Stamp::NOWHERE,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() >= NODES_MAX
    }

    /// The node with element `index` and the element's index there; counts from
    /// the nearer end.
    pub(super) fn locate(&self, index: usize) -> (usize, usize) {
        if index <= self.len / 2 {
            let mut left = index;
            for (at, node) in self.nodes.iter().enumerate() {
                let len = node.len();
                if left < len {
                    return (at, left);
                }
                left -= len;
            }
        } else {
            let mut start = self.len;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                start -= node.len();
                if index >= start {
                    return (at, index - start);
                }
            }
        }
        unreachable!("element {index} is none of the {} of this block", self.len)
    }

    /// Takes off the nodes from `at` on. If there is a cut, the nodes are stamped.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let nodes = self.nodes.split_off(at);
        let len = nodes.iter().map(Node::len).sum();
        self.len -= len;
        let stamp = self.stamp;
        Self { nodes, len, stamp }
    }

    /// Takes in its successor, joining the nodes that meet if they fit.
    pub(super) fn join(&mut self, mut next: Self, limit: Limit) {
        self.len += next.len;
        self.stamp.join(next.stamp);
        if let (Some(last), Some(first)) = (self.nodes.back_mut(), next.nodes.pop_front())
            && let Err(first) = last.join(first, limit)
        {
            next.nodes.push_front(first);
        }
        self.nodes.append(&mut next.nodes);
    }
}
