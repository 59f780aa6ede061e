//! The list itself: one packed list while it is short, a chain afterwards.

use std::fmt;

use super::chain::Chain;
use super::limit::Limit;
use super::node::{Node, Part, remove_equal};
use super::walk::Walk;
use crate::memory::{Taking, Walked};
use crate::value::Rules;
use crate::value::cut::KeepElements;
use crate::value::listpack::{Item, Listpack, Wanted};
use crate::value::row_cut::{self, BLOCKS_MAX};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Front,
    Back,
}

/// See the module.
#[derive(Clone)]
pub struct List(Form);

#[derive(Clone)]
enum Form {
    Packed(Listpack),
    Chained(Box<Chain>),
}

impl Default for List {
    fn default() -> Self {
        Self(Form::Packed(Listpack::new()))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.walk(End::Front, 0)).finish()
    }
}

impl List {
    /// A list of nodes as they were saved, with the encoding that is due.
    pub fn from_nodes(nodes: impl IntoIterator<Item = Node>, rules: &Rules) -> Self {
        let mut chain = Box::<Chain>::default();
        for node in nodes {
            if !node.is_empty() {
                chain.push_node(End::Back, node);
            }
        }
        let limit = Limit::of(rules.list_max_listpack_size);
        let mut list = Self(Form::Chained(chain));
        list.pack_if(|pack| limit.admits(pack.byte_len(), pack.len()));
        list
    }

    /// Its nodes, to be saved.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let (pack, chain) = match &self.0 {
            Form::Packed(pack) => (Some(Part::Packed(pack)), None),
            Form::Chained(chain) => (None, Some(chain.nodes().map(Node::part))),
        };
        pack.into_iter().chain(chain.into_iter().flatten())
    }

    /// How many nodes there are.
    pub fn part_count(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Chained(chain) => chain.blocks.iter().map(|block| block.nodes.len()).sum(),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.len(),
            Form::Chained(chain) => chain.len,
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Packed(pack) => pack.is_empty(),
            Form::Chained(chain) => chain.len == 0,
        }
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Chained(_) => "quicklist",
        }
    }

    /// What the allocator sets aside for it, a long one estimated.
    pub fn allocated_bytes(&self) -> usize {
        match &self.0 {
            Form::Packed(pack) => pack.allocated_bytes(),
            Form::Chained(chain) => chain.allocated_bytes(),
        }
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        match &self.0 {
            Form::Packed(_) => 1,
            Form::Chained(chain) => chain.weight(),
        }
    }

    /// Frees up to `budget` nodes; `false` when nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        match &mut self.0 {
            Form::Packed(pack) => {
                *pack = Listpack::new();
                false
            }
            Form::Chained(chain) => chain.free_step(budget),
        }
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Option<Item<'_>> {
        self.walk(End::Front, index).next()
    }

    /// The elements from an index on, in the direction away from an end: from
    /// `Back`, index 5 is followed by 4. Nothing if there is no such index.
    pub fn walk(&self, from: End, index: usize) -> Walk<'_> {
        match &self.0 {
            Form::Packed(pack) => Walk::over_pack(pack, from, index),
            Form::Chained(chain) if index < chain.len => Walk::over_chain(chain, from, index),
            Form::Chained(_) => Walk::nowhere(),
        }
    }

    /// The outermost element of an end.
    pub fn outermost(&self, end: End) -> Option<Item<'_>> {
        match end {
            End::Front => self.get(0),
            End::Back => self.get(self.len().checked_sub(1)?),
        }
    }

    /// Adds elements at an end, one after the other: at the front, the last
    /// comes to stand first.
    pub fn push<'t>(
        &mut self,
        end: End,
        texts: impl Iterator<Item = &'t [u8]> + Clone,
        rules: &Rules,
    ) {
        let limit = self.make_room(texts.clone(), rules);
        for text in texts {
            match (&mut self.0, end) {
                (Form::Packed(pack), End::Front) => pack.push_front(text),
                (Form::Packed(pack), End::Back) => pack.push_back(text),
                (Form::Chained(chain), end) => chain.push(end, text, limit),
            }
        }
    }

    /// Puts an element before the one at `index`; at the end if there is none.
    pub fn insert(&mut self, index: usize, text: &[u8], rules: &Rules) {
        if index >= self.len() {
            self.push(End::Back, std::iter::once(text), rules);
            return;
        }
        let limit = self.make_room(std::iter::once(text), rules);
        match &mut self.0 {
            Form::Packed(pack) => {
                let position = pack.seek(index as i64).expect("the index was compared");
                pack.insert_before(position, text);
            }
            Form::Chained(chain) => chain.insert(index, text, limit),
        }
    }

    /// Overwrites the element at an index; `false` if there is none.
    pub fn set(&mut self, index: usize, text: &[u8], rules: &Rules) -> bool {
        if index >= self.len() {
            return false;
        }
        let limit = self.make_room(std::iter::once(text), rules);
        match &mut self.0 {
            Form::Packed(pack) => {
                let position = pack.seek(index as i64).expect("the index was compared");
                pack.replace(position, text);
            }
            Form::Chained(chain) => chain.set(index, text, limit),
        }
        self.settle(rules);
        true
    }

    /// Takes out elements from an index on. Those that fill whole nodes come
    /// back, to be freed at leisure.
    pub fn remove(&mut self, index: usize, count: usize, rules: &Rules) -> Option<Self> {
        let count = count.min(self.len().saturating_sub(index));
        if count == 0 {
            return None;
        }
        let mut removed = None;
        match &mut self.0 {
            Form::Packed(pack) => pack.remove_range(index, count),
            Form::Chained(chain) => {
                if !chain.remove_within_node(index, count) {
                    let limit = Limit::of(rules.list_max_listpack_size);
                    let middle = chain.remove_across(index, count, limit);
                    removed = Some(Self(Form::Chained(Box::new(middle))));
                }
            }
        }
        self.settle(rules);
        removed
    }

    /// Takes out up to `count_max` elements of this text, those nearest to an
    /// end first; returns how many.
    pub fn remove_equal(
        &mut self,
        text: &[u8],
        end: End,
        count_max: usize,
        rules: &Rules,
    ) -> usize {
        let wanted = Wanted::new(text);
        let removed = match &mut self.0 {
            Form::Packed(pack) => remove_equal(pack, wanted, end, count_max),
            Form::Chained(chain) => chain.remove_equal(wanted, end, count_max),
        };
        if removed > 0 {
            self.settle(rules);
        }
        removed
    }

    /// Becomes a chain if more texts would make too large a packed list.
    fn make_room<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]>, rules: &Rules) -> Limit {
        let limit = Limit::of(rules.list_max_listpack_size);
        if let Form::Packed(pack) = &mut self.0 {
            let (mut bytes, mut count) = (pack.byte_len(), pack.len());
            for text in texts {
                bytes += text.len();
                count += 1;
            }
            if !limit.admits(bytes, count) {
                let chain = Chain::of(std::mem::take(pack));
                self.0 = Form::Chained(Box::new(chain));
            }
        }
        limit
    }

    /// Becomes a packed list again if it has shrunk to half of one. One that has a cut does when
    /// it changes after that.
    fn settle(&mut self, rules: &Rules) {
        let limit = Limit::of(rules.list_max_listpack_size);
        self.pack_if(|pack| limit.admits_return(pack));
    }

    fn pack_if(&mut self, may: impl FnOnce(&Listpack) -> bool) {
        if let Form::Chained(chain) = &mut self.0
            && !chain.cut.is_some()
            && let Some(pack) = chain.only_pack()
            && may(pack)
        {
            self.0 = Form::Packed(std::mem::take(pack));
        }
    }
}

/// Cuts of long lists: see `RowCut`.
impl List {
    pub(in crate::value) fn can_be_cut(&self) -> bool {
        match &self.0 {
            Form::Packed(_) => false,
            Form::Chained(chain) => chain.blocks.len() <= BLOCKS_MAX,
        }
    }

    /// Makes a cut now, if it can be cut.
    pub(in crate::value) fn begin_cut(&mut self, to: Box<dyn KeepElements>) {
        if let Form::Chained(chain) = &mut self.0 {
            let Chain { blocks, cut, .. } = &mut **chain;
            cut.begin(blocks, to);
        }
    }

    #[inline]
    pub(in crate::value) fn is_cut(&self) -> bool {
        matches!(&self.0, Form::Chained(chain) if chain.cut.is_some())
    }

    pub(in crate::value) fn taking(&self) -> Option<Taking> {
        match &self.0 {
            Form::Packed(_) => None,
            Form::Chained(chain) => chain.cut.taking(),
        }
    }

    /// Keeps the next few nodes.
    pub(in crate::value) fn walk_cut(&mut self, nodes: usize) -> Walked {
        match &mut self.0 {
            Form::Packed(_) => Walked::Over,
            Form::Chained(chain) => {
                let Chain { blocks, cut, .. } = &mut **chain;
                cut.walk(blocks, nodes).unwrap_or_else(|to| {
                    row_cut::end(to);
                    Walked::Over
                })
            }
        }
    }
}
