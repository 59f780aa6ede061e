//! A cut of a value whose elements stand in a row of nodes, in blocks: a long list, the entries of
//! a stream. The nodes are handed over in the order in which they stood, some at a time while the
//! value changes.
//!
//! ```text
//! row    block 1 ────────── block 257 ───────── block 513          at the cut: a stamp for each block
//!        untouched          touched             untouched
//!        (nodes 1 … 256)    257 · 0 · 259 …     (nodes 513 … 768)
//! saved  258: handed on aside     300: a part of the row that was taken off
//! ```
//!
//! Each node of the cut has a *stamp*, its place in the row from 1 on. At the cut only the blocks
//! are stamped, with that of their first node; a block's nodes are stamped when something in it is
//! about to change. Whoever changes a node hands it on *aside*, under its stamp, and takes the stamp
//! off it; what is taken off the row whole is kept here and not copied. The walk has the stamps in
//! order: the next one is on the first stamped node of the row, on that of a part which was taken
//! off, or aside, in which case the walk says that its place is here.

use std::collections::{BTreeMap, VecDeque};

use super::cut::{CutElement, KeepElements};
use crate::memory::{Taking, Walked};

/// A node's place in the row at the cut, from 1 on; 0 if it was not there, or is kept. Of a block:
/// that of its first node, if its nodes are not stamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u32);

impl Stamp {
    pub(super) const NONE: Stamp = Stamp(0);
    /// Of a block: look at its nodes.
    const ON_NODES: Stamp = Stamp(0);
    /// Of a block: none of its nodes is stamped.
    pub(super) const NOWHERE: Stamp = Stamp(u32::MAX);

    /// Of a block that takes in another's nodes. Nodes of both are stamped, if there is a cut.
    pub(super) fn join(&mut self, other: Stamp) {
        if *self == Stamp::NOWHERE {
            *self = other;
        }
    }
}

/// A row with more blocks is not cut: stamps have 32 bits.
pub(super) const BLOCKS_MAX: usize = 1 << 23;

/// Nodes that are freed in one step.
const FREED: usize = 64;

/// Bytes after which a step is over.
const STEP_BYTES: usize = 8 << 10;

pub(super) trait CutNode {
    fn stamp(&mut self) -> &mut Stamp;
    /// As it is kept.
    fn element(&self) -> CutElement<'_>;
    /// About how many bytes that are.
    fn bytes(&self) -> usize;
}

pub(super) trait CutBlock {
    type Node: CutNode;
    fn nodes(&mut self) -> &mut VecDeque<Self::Node>;
    fn stamp(&mut self) -> &mut Stamp;
}

type Row<B> = VecDeque<B>;

/// What is not in the row any more.
enum Saved<B> {
    Aside,
    /// It begins with the node of this stamp, or others before that are not to be kept.
    Part(Row<B>),
}

/// See the module.
pub(super) struct RowCut<B> {
    /// The stamp that is kept next, and the last one.
    next: u32,
    last: u32,
    /// No block before this one has a stamped node.
    from: usize,
    /// By their first stamp.
    saved: BTreeMap<u32, Saved<B>>,
    /// To be freed.
    spent: Vec<Row<B>>,
    is_walked: bool,
    to: Box<dyn KeepElements>,
}

impl<B: CutBlock> RowCut<B> {
    /// Stamps the blocks. A cut before this one is given up.
    fn begin(row: &mut Row<B>, to: Box<dyn KeepElements>, before: Option<Box<Self>>) -> Self {
        let mut last = 0;
        for block in row {
            *block.stamp() = Stamp(last + 1);
            last += block.nodes().len() as u32;
        }
        let mut spent = Vec::new();
        if let Some(mut before) = before {
            before.give_up();
            spent = before.spent;
        }
        Self {
            next: 1,
            last,
            from: 0,
            saved: BTreeMap::new(),
            spent,
            is_walked: false,
            to,
        }
    }

    /// To be called before nodes come into a block, go out of it, or change their places.
    fn touch(block: &mut B) {
        let Stamp(first) = *block.stamp();
        if *block.stamp() != Stamp::ON_NODES && *block.stamp() != Stamp::NOWHERE {
            *block.stamp() = Stamp::ON_NODES;
            for (stamp, node) in (first..).zip(block.nodes()) {
                *node.stamp() = Stamp(stamp);
            }
        }
    }

    /// To be called before a node changes.
    fn keep(&mut self, block: &mut B, node: usize) {
        Self::touch(block);
        if *block.stamp() == Stamp::NOWHERE {
            return;
        }
        let node = &mut block.nodes()[node];
        let Stamp(stamp) = std::mem::replace(node.stamp(), Stamp::NONE);
        if stamp != 0 {
            self.saved.insert(stamp, Saved::Aside);
            self.to.aside(stamp, node.element());
        }
    }

    /// Takes what was taken off the row, and gives back what is not to be kept of it: the blocks
    /// in front, or all.
    fn take(&mut self, mut part: Row<B>) -> Option<Row<B>> {
        let Some((block, node)) = find(&mut part, 0) else {
            return Some(part);
        };
        let Stamp(stamp) = *part[block].nodes()[node].stamp();
        let rest = part.split_off(block);
        self.saved.insert(stamp, Saved::Part(rest));
        (!part.is_empty()).then_some(part)
    }

    /// Keeps the next node, or frees some; `false` when all is done. Adds the bytes that were kept.
    fn step(&mut self, row: &mut Row<B>, bytes: &mut usize) -> bool {
        if !self.is_walked {
            self.is_walked = true;
            self.to.begin_walk();
        }
        if self.next > self.last {
            return self.free();
        }
        match self.saved.remove(&self.next) {
            Some(Saved::Aside) => {
                self.to.recall(self.next);
                self.next += 1;
            }
            Some(Saved::Part(part)) => self.step_in(part, bytes),
            None => {
                let found = find(row, self.from);
                let (block, node) = found.expect("what is not saved is in the row");
                self.from = block;
                let node = &mut row[block].nodes()[node];
                self.keep_next(node, bytes);
            }
        }
        true
    }

    /// Keeps the node whose turn it is.
    fn keep_next(&mut self, node: &mut B::Node, bytes: &mut usize) {
        let Stamp(stamp) = std::mem::replace(node.stamp(), Stamp::NONE);
        assert_eq!(stamp, self.next, "nodes stay in their order");
        self.to.keep(node.element());
        *bytes += node.bytes();
        self.next += 1;
    }

    /// A step within a part that was taken off: frees what stands before the next node.
    fn step_in(&mut self, mut part: Row<B>, bytes: &mut usize) {
        let mut key = self.next;
        for _ in 0..FREED {
            let block = part.front_mut().expect("it has the next node");
            Self::touch(block);
            let Some(mut node) = block.nodes().pop_front() else {
                part.pop_front();
                continue;
            };
            if *node.stamp() == Stamp(key) {
                self.keep_next(&mut node, bytes);
                let Some((at, within)) = find(&mut part, 0) else {
                    self.spent.push(part);
                    return;
                };
                Stamp(key) = *part[at].nodes()[within].stamp();
                break;
            }
        }
        self.saved.insert(key, Saved::Part(part));
    }

    /// Frees some of what is to be freed; `false` when nothing is left.
    fn free(&mut self) -> bool {
        let Some(row) = self.spent.last_mut() else {
            return false;
        };
        for _ in 0..FREED {
            let Some(block) = row.back_mut() else {
                self.spent.pop();
                break;
            };
            if block.nodes().pop_back().is_none() {
                row.pop_back();
            }
        }
        true
    }

    /// Nobody wants any more of it.
    fn give_up(&mut self) {
        for saved in std::mem::take(&mut self.saved).into_values() {
            if let Saved::Part(part) = saved {
                self.spent.push(part);
            }
        }
        self.next = 1;
        self.last = 0;
    }
}

/// The first node from a block on that is stamped.
fn find<B: CutBlock>(row: &mut Row<B>, from: usize) -> Option<(usize, usize)> {
    for (at, block) in row.iter_mut().enumerate().skip(from) {
        match *block.stamp() {
            Stamp::NOWHERE => continue,
            Stamp::ON_NODES => {}
            _ => RowCut::touch(block),
        }
        let mut nodes = block.nodes().iter_mut();
        if let Some(node) = nodes.position(|node| *node.stamp() != Stamp::NONE) {
            return Some((at, node));
        }
        *block.stamp() = Stamp::NOWHERE;
    }
    None
}

/// Where a row has its cut, if there is one. A copy has none.
pub(super) struct CutOfRow<B>(Option<Box<RowCut<B>>>);

impl<B> Default for CutOfRow<B> {
    fn default() -> Self {
        Self(None)
    }
}

impl<B> Clone for CutOfRow<B> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<B> std::fmt::Debug for CutOfRow<B> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("CutOfRow")
            .field(&self.0.is_some())
            .finish()
    }
}

impl<B: CutBlock> CutOfRow<B> {
    /// Makes a cut now. One before is given up.
    pub(super) fn begin(&mut self, row: &mut Row<B>, to: Box<dyn KeepElements>) {
        self.0 = Some(Box::new(RowCut::begin(row, to, self.0.take())));
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub(super) fn taking(&self) -> Option<Taking> {
        Some(self.0.as_ref()?.to.taking())
    }

    /// To be called before nodes come into a block, go out of it, or change their places.
    #[inline]
    pub(super) fn touch(&self, block: &mut B) {
        if self.is_some() {
            RowCut::touch(block);
        }
    }

    /// To be called before a node changes or goes.
    #[inline]
    pub(super) fn keep(&mut self, block: &mut B, node: usize) {
        if let Some(cut) = &mut self.0 {
            cut.keep(block, node);
        }
    }

    /// To be called when blocks have gone, or go, of which the first stood at a place.
    #[inline]
    pub(super) fn moved(&mut self, block: usize) {
        if let Some(cut) = &mut self.0 {
            cut.from = cut.from.min(block);
        }
    }

    /// Takes what was taken off the row; gives back what is not to be kept.
    pub(super) fn take(&mut self, part: Row<B>) -> Option<Row<B>> {
        match &mut self.0 {
            Some(cut) => cut.take(part),
            None => Some(part),
        }
    }

    /// Keeps the next few kilobytes, if more is taken now. When all nodes are kept, the cut is over
    /// and whoever took them comes back, for what is behind them.
    pub(super) fn walk(
        &mut self,
        row: &mut Row<B>,
        nodes: usize,
    ) -> Result<Walked, Box<dyn KeepElements>> {
        let Some(cut) = &mut self.0 else {
            return Ok(Walked::Over);
        };
        match Walked::by(Some(cut.to.taking())) {
            Walked::GoesOn => {}
            Walked::Waits => return Ok(Walked::Waits),
            Walked::Over => cut.give_up(),
        }
        let mut bytes = 0;
        for _ in 0..nodes {
            if !cut.step(row, &mut bytes) {
                return self.0.take().map_or(Ok(Walked::Over), |cut| Err(cut.to));
            }
            if bytes >= STEP_BYTES {
                break;
            }
        }
        Ok(Walked::GoesOn)
    }

    /// Keeps all that is left, if anybody wants it. The last resort: whoever throws away a value
    /// that has a cut lets it be walked before.
    #[cold]
    pub(super) fn keep_rest(&mut self, row: &mut Row<B>) -> Option<Box<dyn KeepElements>> {
        let mut cut = self.0.take()?;
        if cut.to.taking() == Taking::NoMore {
            cut.give_up();
        }
        while cut.step(row, &mut 0) {}
        Some(cut.to)
    }
}

/// There is nothing else.
pub(super) fn end(to: Box<dyn KeepElements>) {
    if to.taking() != Taking::NoMore {
        to.end();
    }
}
