//! The nodes of a stream in their row of blocks, found by halving.

use std::collections::VecDeque;

use super::block::{Block, NODES_MAX};
use super::id::Id;
use super::node::Node;
use crate::memory::class_bytes;
use crate::value::Rules;
use crate::value::row_cut::CutOfRow;

/// Nodes that are measured for `allocated_bytes`.
const MEASURED: usize = 64;

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) node: usize,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Nodes {
    pub(super) blocks: VecDeque<Block>,
    /// Entries that are not deleted.
    pub(super) live: u64,
    pub(super) cut: CutOfRow<Block>,
}

impl Nodes {
    pub(super) fn get(&self, place: Place) -> &Node {
        &self.blocks[place.block].nodes[place.node]
    }

    pub(super) fn first(&self) -> Option<Place> {
        (!self.blocks.is_empty()).then_some(Place { block: 0, node: 0 })
    }

    pub(super) fn last(&self) -> Option<Place> {
        let block = self.blocks.len().checked_sub(1)?;
        let node = self.blocks[block].nodes.len() - 1;
        Some(Place { block, node })
    }

    pub(super) fn next(&self, place: Place) -> Option<Place> {
        if place.node + 1 < self.blocks[place.block].nodes.len() {
            let node = place.node + 1;
            return Some(Place { node, ..place });
        }
        let block = place.block + 1;
        (block < self.blocks.len()).then_some(Place { block, node: 0 })
    }

    pub(super) fn previous(&self, place: Place) -> Option<Place> {
        if let Some(node) = place.node.checked_sub(1) {
            return Some(Place { node, ..place });
        }
        let block = place.block.checked_sub(1)?;
        let node = self.blocks[block].nodes.len() - 1;
        Some(Place { block, node })
    }

    /// The only node that may have an entry of this id: the last one that does
    /// not begin behind it.
    pub(super) fn find(&self, id: Id) -> Option<Place> {
        let block = self.blocks.partition_point(|block| block.id() <= id);
        let block = block.checked_sub(1)?;
        let nodes = &self.blocks[block].nodes;
        let node = nodes.partition_point(|node| node.id <= id) - 1;
        Some(Place { block, node })
    }

    /// Adds an entry behind all others.
    #[inline]
    pub(super) fn push<'t>(
        &mut self,
        id: Id,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
        rules: &Rules,
    ) {
        let text_bytes = texts.clone().map(<[u8]>::len).sum();
        if self.cut.is_some() {
            self.keep_last();
        }
        if let Some(block) = self.blocks.back_mut()
            && let Some(node) = block.nodes.back_mut()
            && node.takes(text_bytes, rules)
        {
            node.push(id, texts);
            block.live += 1;
            self.live += 1;
        } else {
            self.push_node(Node::of(id, texts));
        }
    }

    /// To be called before something is added to a stream that has a cut.
    #[cold]
    #[inline(never)]
    fn keep_last(&mut self) {
        if let Some(block) = self.blocks.back_mut() {
            let last = block.nodes.len() - 1;
            self.cut.keep(block, last);
        }
    }

    /// Adds a node behind all others.
    pub(super) fn push_node(&mut self, node: Node) {
        let live = node.counts().live;
        self.live += live;
        match self.blocks.back_mut() {
            Some(block) if !block.is_full() => {
                block.nodes.push_back(node);
                block.live += live;
            }
            Some(_) | None => self.blocks.push_back(Block::of(node)),
        }
    }

    /// Deletes an entry, and its node with the last one; `false` if it is not
    /// there.
    pub(super) fn delete(&mut self, id: Id) -> bool {
        let Some(place) = self.find(id) else {
            return false;
        };
        let block = &mut self.blocks[place.block];
        self.cut.keep(block, place.node);
        if !block.nodes[place.node].delete(id) {
            return false;
        }
        block.live -= 1;
        self.live -= 1;
        if block.nodes[place.node].counts().live == 0 {
            block.nodes.remove(place.node);
            if block.nodes.is_empty() {
                self.blocks.remove(place.block);
                self.cut.moved(place.block);
            }
        }
        true
    }

    /// Deletes the first entries of the first node as `goes` says; returns how
    /// many. The node stays, as with stock, also where it has only deleted ones
    /// then.
    pub(super) fn delete_front(&mut self, goes: impl FnMut(Id) -> bool) -> u64 {
        let Some(place) = self.first() else {
            return 0;
        };
        let block = &mut self.blocks[place.block];
        self.cut.keep(block, place.node);
        let count = block.nodes[place.node].delete_front(goes);
        block.live -= count;
        self.live -= count;
        count
    }

    /// Removes nodes from the end that have only deleted entries, and ids that
    /// will be given again.
    pub(super) fn remove_spent_after(&mut self, last_id: Id) {
        while let Some(block) = self.blocks.back_mut()
            && let Some(node) = block.nodes.back()
            && node.id > last_id
            && node.counts().live == 0
        {
            let last = block.nodes.len() - 1;
            self.cut.keep(block, last);
            block.nodes.pop_back();
            if block.nodes.is_empty() {
                self.blocks.pop_back();
            }
        }
    }

    /// Takes off whole blocks from the front, and then nodes of the next, which
    /// have `live` entries. What is to be kept does not come back.
    pub(super) fn split_front(&mut self, blocks: usize, nodes: usize, live: u64) -> Self {
        let mut cut = Self::default();
        for block in self.blocks.drain(..blocks) {
            cut.live += block.live;
            cut.blocks.push_back(block);
        }
        if nodes > 0 {
            self.cut.touch(&mut self.blocks[0]);
            let block = self.blocks[0].split_front(nodes, live);
            cut.live += live;
            cut.blocks.push_back(block);
        }
        self.live -= cut.live;
        if self.cut.is_some() {
            self.cut.moved(0);
            let blocks = std::mem::take(&mut cut.blocks);
            cut.blocks = self.cut.take(blocks).unwrap_or_default();
        }
        cut
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.blocks.iter().flat_map(|block| &block.nodes)
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.iter().map(|block| block.nodes.len()).sum()
    }

    /// About how many nodes there are.
    pub(super) fn weight(&self) -> usize {
        match self.blocks.len() {
            1 => self.blocks[0].nodes.len(),
            blocks => blocks * NODES_MAX,
        }
    }

    /// Frees up to `budget` nodes; returns how many.
    pub(super) fn free_step(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(block) = self.blocks.back_mut()
        {
            freed += usize::from(block.nodes.pop_back().is_some());
            if block.nodes.is_empty() {
                self.blocks.pop_back();
            }
        }
        freed
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        let (mut measured, mut sum) = (0, 0);
        for node in self.iter().take(MEASURED) {
            measured += 1;
            sum += node.pack().allocated_bytes() + size_of::<Node>();
        }
        let nodes = sum as u128 * self.len() as u128 / u128::from(measured.max(1_u64));
        class_bytes(self.blocks.capacity() * size_of::<Block>()) + nodes as usize
    }

    /// Whether all sums are those of what is there, no block is without nodes,
    /// and no node without entries, deleted ones at least.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        let live = |block: &Block| {
            block
                .nodes
                .iter()
                .map(|node| node.counts().live)
                .sum::<u64>()
        };
        let is_sound = |block: &Block| {
            !block.nodes.is_empty()
                && block.nodes.iter().all(|node| node.has_entries())
                && block.live == live(block)
        };
        self.blocks.iter().all(is_sound) && self.live == self.blocks.iter().map(live).sum::<u64>()
    }
}
