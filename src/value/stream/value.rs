//! The stream itself: its entries and its groups.

use std::collections::BTreeMap;
use std::fmt;

use super::entries::{Entries, History};
use super::group::Group;
use super::nodes::Nodes;
use crate::memory::{Taking, Walked, class_bytes};
use crate::value::cut::KeepElements;
use crate::value::row_cut::BLOCKS_MAX;

/// See the module. In one allocation of its own, for it is larger than the
/// other types.
#[derive(Clone, Default)]
pub struct Stream(Box<Parts>);

#[derive(Clone, Default)]
struct Parts {
    entries: Entries,
    groups: BTreeMap<Box<[u8]>, Group>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Stream")
            .field("history", &self.0.entries.history)
            .field("len", &self.0.entries.len())
            .field("groups", &self.0.groups)
            .finish()
    }
}

impl Stream {
    /// Nodes cut off another stream, to be freed.
    pub(super) fn of_nodes(nodes: Nodes) -> Self {
        let history = History::default();
        Self(Box::new(Parts {
            entries: Entries { nodes, history },
            groups: BTreeMap::new(),
        }))
    }

    #[inline]
    pub fn entries(&self) -> &Entries {
        &self.0.entries
    }

    #[inline]
    pub fn entries_mut(&mut self) -> &mut Entries {
        &mut self.0.entries
    }

    /// The groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().map(|(name, group)| (&**name, group))
    }

    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name)
    }

    /// A group to be changed, with the entries it reads.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Entries, &mut Group)> {
        let Parts { entries, groups } = &mut *self.0;
        Some((entries, groups.get_mut(name)?))
    }

    /// Adds a group; `false`, and nothing is done, if there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.0.groups.contains_key(name) {
            return false;
        }
        self.0.groups.insert(name.into(), group);
        true
    }

    /// Takes out a group, as a stream that has nothing else, to be freed.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Self> {
        let (name, group) = self.0.groups.remove_entry(name)?;
        let mut cut = Self::default();
        cut.0.groups.insert(name, group);
        Some(cut)
    }

    /// Never: a stream without entries stays, for its last id and its groups.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// What the allocator sets aside for it, nodes estimated from the first.
    pub fn allocated_bytes(&self) -> usize {
        let groups = self.0.groups.iter();
        let groups = groups.map(|(name, group)| 2 * name.len() + group.allocated_bytes());
        class_bytes(size_of::<Parts>())
            + self.0.entries.nodes.allocated_bytes()
            + groups.sum::<usize>()
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        let groups = self.0.groups.values();
        self.0.entries.nodes.weight() + groups.map(Group::weight).sum::<usize>()
    }

    /// Frees up to `budget` nodes and pending entries; `false` when nothing is
    /// left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        let mut freed = self.0.entries.nodes.free_step(budget);
        while freed < budget
            && let Some(mut last) = self.0.groups.last_entry()
        {
            let group = last.get_mut().free_step(budget - freed);
            if group == 0 {
                last.remove();
            }
            freed += group.max(1);
        }
        freed >= budget
    }
}

/// Cuts of a stream's entries: see `RowCut`.
impl Stream {
    pub(in crate::value) fn can_be_cut(&self) -> bool {
        self.0.entries.nodes.blocks.len() <= BLOCKS_MAX
    }

    /// Makes a cut now.
    pub(in crate::value) fn begin_cut(&mut self, to: Box<dyn KeepElements>) {
        let Nodes { blocks, cut, .. } = &mut self.0.entries.nodes;
        cut.begin(blocks, to);
    }

    #[inline]
    pub(in crate::value) fn is_cut(&self) -> bool {
        self.0.entries.nodes.cut.is_some()
    }

    pub(in crate::value) fn taking(&self) -> Option<Taking> {
        self.0.entries.nodes.cut.taking()
    }

    /// Keeps the next few nodes.
    pub(in crate::value) fn walk_cut(&mut self, nodes: usize) -> Walked {
        let Nodes { blocks, cut, .. } = &mut self.0.entries.nodes;
        cut.walk(blocks, nodes)
    }
}
