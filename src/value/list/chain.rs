//! A long list: blocks of nodes, found by counting.

use std::collections::VecDeque;

use super::block::{Block, NODES_MAX};
use super::limit::Limit;
use super::node::{Form, Node};
use super::value::End;
use crate::memory::class_bytes;
use crate::value::listpack::{Listpack, Wanted};
use crate::value::row_cut::{self, CutOfRow};

/// Nodes that are measured for `allocated_bytes`.
const MEASURED: usize = 64;

/// Where an element stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) node: usize,
    /// Its index in the node.
    pub(super) index: usize,
}

/// See the module. No block is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub(super) blocks: VecDeque<Block>,
    pub(super) len: usize,
    pub(super) cut: CutOfRow<Block>,
}

impl Chain {
    /// A chain of one packed list.
    pub(super) fn of(pack: Listpack) -> Self {
        let mut chain = Self::default();
        if !pack.is_empty() {
            chain.push_node(End::Back, Node::packed(pack));
        }
        chain
    }

    /// Where element `index`, which there is, stands. Counts from the nearer
    /// end.
    pub(super) fn locate(&self, index: usize) -> Place {
        let (block, index) = self.block_of(index);
        let (node, index) = self.blocks[block].locate(index);
        Place { block, node, index }
    }

    fn block_of(&self, index: usize) -> (usize, usize) {
        if index <= self.len / 2 {
            let mut left = index;
            for (at, block) in self.blocks.iter().enumerate() {
                if left < block.len {
                    return (at, left);
                }
                left -= block.len;
            }
        } else {
            let mut start = self.len;
            for (at, block) in self.blocks.iter().enumerate().rev() {
                start -= block.len;
                if index >= start {
                    return (at, index - start);
                }
            }
        }
        unreachable!("element {index} is none of {}", self.len)
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8], limit: Limit) {
        if self.cut.is_some() {
            self.keep_outermost(end);
        }
        let block = match end {
            End::Front => self.blocks.front_mut(),
            End::Back => self.blocks.back_mut(),
        };
        if let Some(block) = block {
            let node = match end {
                End::Front => block.nodes.front_mut(),
                End::Back => block.nodes.back_mut(),
            };
            if node.is_some_and(|node| node.push(end, text, limit)) {
                block.len += 1;
                self.len += 1;
                return;
            }
        }
        self.push_node(end, Node::of(text, limit));
    }

    /// To be called before an element is added at an end of a list that has a cut.
    #[cold]
    #[inline(never)]
    fn keep_outermost(&mut self, end: End) {
        let block = match end {
            End::Front => self.blocks.front_mut(),
            End::Back => self.blocks.back_mut(),
        };
        if let Some(block) = block {
            let node = match end {
                End::Front => 0,
                End::Back => block.nodes.len() - 1,
            };
            self.cut.keep(block, node);
        }
    }

    /// To be called before an element of a node, or the node, changes.
    #[inline]
    fn keep(&mut self, place: Place) {
        self.cut.keep(&mut self.blocks[place.block], place.node);
    }

    /// Adds a node at an end.
    pub(super) fn push_node(&mut self, end: End, node: Node) {
        let len = node.len();
        self.len += len;
        let block = match end {
            End::Front => self.blocks.front_mut(),
            End::Back => self.blocks.back_mut(),
        };
        match (block.filter(|block| !block.is_full()), end) {
            (Some(block), End::Front) => {
                block.nodes.push_front(node);
                block.len += len;
            }
            (Some(block), End::Back) => {
                block.nodes.push_back(node);
                block.len += len;
            }
            (None, End::Front) => self.blocks.push_front(Block::of(node)),
            (None, End::Back) => self.blocks.push_back(Block::of(node)),
        }
    }

    /// Puts an element before the one at `index`, which there is. A node that
    /// has no room is split there, and the smaller half takes it in.
    pub(super) fn insert(&mut self, index: usize, text: &[u8], limit: Limit) {
        let place = self.locate(index);
        self.len += 1;
        let block = &mut self.blocks[place.block];
        self.cut.keep(block, place.node);
        if place.index == 0 && place.node > 0 {
            self.cut.keep(block, place.node - 1);
        }
        let is_in = block.nodes[place.node].insert(place.index, text, limit)
            || place.index == 0
                && place.node > 0
                && block.nodes[place.node - 1].push(End::Back, text, limit);
        if is_in {
            block.len += 1;
            return;
        }
        if place.index == 0 {
            self.insert_node(place.block, place.node, Node::of(text, limit));
            return;
        }
        let head = &mut block.nodes[place.node];
        let mut tail = head.split_off(place.index);
        block.len -= tail.len();
        let is_in_head = head.len() <= tail.len() && head.push(End::Back, text, limit);
        block.len += usize::from(is_in_head);
        let is_in = is_in_head || tail.push(End::Front, text, limit);
        self.insert_node(place.block, place.node + 1, tail);
        if !is_in {
            self.insert_node(place.block, place.node + 1, Node::of(text, limit));
        }
    }

    /// Puts a node, whose elements the chain has counted, into a block or, if
    /// the place lies behind its nodes, the next one. A full block is split in
    /// halves first.
    fn insert_node(&mut self, block: usize, node: usize, new: Node) {
        let own = &mut self.blocks[block];
        if own.is_full() {
            let tail = own.split_off(NODES_MAX / 2);
            self.blocks.insert(block + 1, tail);
        }
        let nodes = self.blocks[block].nodes.len();
        let (block, node) = if node > nodes {
            (block + 1, node - nodes)
        } else {
            (block, node)
        };
        let own = &mut self.blocks[block];
        own.len += new.len();
        own.nodes.insert(node, new);
    }

    /// Overwrites an element.
    pub(super) fn set(&mut self, index: usize, text: &[u8], limit: Limit) {
        let place = self.locate(index);
        self.keep(place);
        if self.blocks[place.block].nodes[place.node].set(place.index, text, limit) {
            return;
        }
        self.remove_within_node(index, 1);
        if index < self.len {
            self.insert(index, text, limit);
        } else {
            self.push(End::Back, text, limit);
        }
    }

    /// Takes out elements of one node; `false`, and nothing is done, when they
    /// are of several.
    pub(super) fn remove_within_node(&mut self, index: usize, count: usize) -> bool {
        let place = self.locate(index);
        let block = &mut self.blocks[place.block];
        let node_len = block.nodes[place.node].len();
        if place.index + count > node_len {
            return false;
        }
        self.cut.keep(block, place.node);
        if count == node_len {
            block.nodes.remove(place.node);
        } else {
            block.nodes[place.node].remove(place.index, count);
        }
        block.len -= count;
        self.len -= count;
        if block.len == 0 {
            self.blocks.remove(place.block);
            self.cut.moved(place.block);
        }
        true
    }

    /// Takes out elements from `index` on that are of several nodes. Those that fill whole nodes
    /// come back, except what is to be kept before it is freed.
    pub(super) fn remove_across(&mut self, index: usize, count: usize, limit: Limit) -> Self {
        let tail = self.split_off(index + count);
        let mut middle = self.split_off(index);
        self.append(tail, limit);
        if self.cut.is_some() {
            let blocks = std::mem::take(&mut middle.blocks);
            middle.blocks = self.cut.take(blocks).unwrap_or_default();
            middle.len = middle.blocks.iter().map(|block| block.len).sum();
        }
        middle
    }

    /// Takes off the elements from `index` on. What comes back has no cut, but is to be kept.
    fn split_off(&mut self, index: usize) -> Self {
        if index >= self.len {
            return Self::default();
        }
        let place = self.locate(index);
        let block = &mut self.blocks[place.block];
        if place.index > 0 {
            self.cut.keep(block, place.node);
        }
        self.cut.touch(block);
        self.cut.moved(place.block);
        let mut first = block.split_off(place.node);
        if place.index > 0 {
            let tail = first.nodes[0].split_off(place.index);
            let head = std::mem::replace(&mut first.nodes[0], tail);
            first.len -= place.index;
            block.len += place.index;
            block.nodes.push_back(head);
        }
        let mut blocks = self.blocks.split_off(place.block + 1);
        blocks.push_front(first);
        if self.blocks.back().is_some_and(|block| block.len == 0) {
            self.blocks.pop_back();
        }
        let len = self.len - index;
        self.len = index;
        Self {
            blocks,
            len,
            cut: CutOfRow::default(),
        }
    }

    /// Appends the elements of another chain, which were taken off this one.
    fn append(&mut self, mut other: Self, limit: Limit) {
        self.len += other.len;
        if let (Some(last), Some(first)) = (self.blocks.back_mut(), other.blocks.front())
            && last.nodes.len() + first.nodes.len() <= NODES_MAX
            && let Some(mut first) = other.blocks.pop_front()
        {
            self.cut.keep(last, last.nodes.len() - 1);
            self.cut.keep(&mut first, 0);
            last.join(first, limit);
        }
        self.blocks.append(&mut other.blocks);
    }

    /// Takes out up to `count_max` elements equal to the wanted one, those
    /// nearest to an end first; returns how many.
    pub(super) fn remove_equal(&mut self, wanted: Wanted<'_>, end: End, count_max: usize) -> usize {
        let mut left = count_max;
        let cut = &mut self.cut;
        let mut visit = |block: &mut Block| {
            let before = left;
            if cut.is_some() {
                // Also those that have it, but not among the first of them.
                (0..block.nodes.len())
                    .filter(|node| block.nodes[*node].has(wanted))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|node| cut.keep(block, node));
            }
            match end {
                End::Front => (block.nodes.iter_mut())
                    .for_each(|node| left -= node.remove_equal(wanted, end, left)),
                End::Back => (block.nodes.iter_mut().rev())
                    .for_each(|node| left -= node.remove_equal(wanted, end, left)),
            }
            if before > left {
                block.len -= before - left;
                block.nodes.retain(|node| !node.is_empty());
            }
            left > 0
        };
        // Stops at the block in which the last of them was found.
        match end {
            End::Front => self.blocks.iter_mut().all(&mut visit),
            End::Back => self.blocks.iter_mut().rev().all(&mut visit),
        };
        let removed = count_max - left;
        if removed > 0 {
            self.len -= removed;
            self.blocks.retain(|block| block.len > 0);
            self.cut.moved(0);
        }
        removed
    }

    /// The packed list this chain is, if it is just one.
    pub(super) fn only_pack(&mut self) -> Option<&mut Listpack> {
        let is_one = self.blocks.len() == 1 && self.blocks[0].nodes.len() == 1;
        match &mut is_one.then(|| &mut self.blocks[0].nodes[0])?.form {
            Form::Packed(pack) => Some(pack),
            Form::Plain(_) => None,
        }
    }

    /// Every node, from the first to the last.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.blocks.iter().flat_map(|block| &block.nodes)
    }

    /// About how many nodes there are.
    pub(super) fn weight(&self) -> usize {
        match self.blocks.len() {
            1 => self.blocks[0].nodes.len(),
            blocks => blocks * NODES_MAX,
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        let slots = |capacity: usize, size: usize| class_bytes(capacity * size);
        let (mut measured, mut sum) = (0, 0);
        for node in self.nodes().take(MEASURED) {
            measured += node.len();
            sum += node.allocated_bytes() + size_of::<Node>();
        }
        let nodes = sum as u128 * self.len as u128 / measured.max(1) as u128;
        class_bytes(size_of::<Self>())
            + slots(self.blocks.capacity(), size_of::<Block>())
            + nodes as usize
    }

    /// Frees up to `budget` nodes; `false` when nothing is left.
    pub(super) fn free_step(&mut self, budget: usize) -> bool {
        for _ in 0..budget {
            let Some(block) = self.blocks.back_mut() else {
                return false;
            };
            if let Some(node) = block.nodes.pop_back() {
                block.len -= node.len();
                self.len -= node.len();
            }
            if block.nodes.is_empty() {
                self.blocks.pop_back();
            }
        }
        !self.blocks.is_empty()
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        if self.cut.is_some()
            && let Some(to) = self.cut.keep_rest(&mut self.blocks)
        {
            row_cut::end(to);
        }
    }
}
