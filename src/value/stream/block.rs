//! A block of a stream: up to 256 nodes and how many entries they have.

use std::collections::VecDeque;

use super::id::Id;
use super::node::Node;
use crate::value::row_cut::{CutBlock, Stamp};

/// Nodes of a block. Their slots are 10 KiB, so taking one out moves at most
/// half of that, and counting through them touches 256 cache lines.
pub(super) const NODES_MAX: usize = 256;

/// See the module. No block is empty.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) nodes: VecDeque<Node>,
    /// Entries of all nodes that are not deleted.
    pub(super) live: u64,
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
        let live = node.counts().live;
        Self {
            nodes: VecDeque::from([node]),
            live,
            stamp: Stamp::NOWHERE,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.nodes.len() >= NODES_MAX
    }

    /// The id of the first node.
    pub(super) fn id(&self) -> Id {
        self.nodes[0].id
    }

    pub(super) fn last(&self) -> &Node {
        self.nodes.back().expect("no block is empty")
    }

    /// Takes off the first `count` nodes, which have `live` entries. If there is a
    /// cut, the nodes are stamped.
    pub(super) fn split_front(&mut self, count: usize, live: u64) -> Self {
        let rest = self.nodes.split_off(count);
        let nodes = std::mem::replace(&mut self.nodes, rest);
        self.live -= live;
        let stamp = self.stamp;
        Self { nodes, live, stamp }
    }
}
