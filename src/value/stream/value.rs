//! The stream itself: its entries and its groups.

use std::collections::BTreeMap;
use std::fmt;

use super::entries::{Entries, History};
use super::group::Group;
use super::groups_cut::GroupsCut;
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
    cut: CutOfGroups,
}

/// A cut of what the groups have pending, which is over after that of the entries. A copy has none.
#[derive(Default)]
struct CutOfGroups(Option<Box<GroupsCut>>);

impl Clone for CutOfGroups {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some(mut cut) = self.cut.0.take() {
            let Nodes {
                blocks, cut: row, ..
            } = &mut self.entries.nodes;
            if let Some(to) = row.keep_rest(blocks) {
                cut.go_on(to);
            }
            cut.keep_rest(&mut self.groups);
        }
    }
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
            cut: CutOfGroups::default(),
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
        let Parts {
            entries, groups, ..
        } = &mut *self.0;
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
        let kept = match &mut self.0.cut.0 {
            Some(cut) => cut.take(name.clone(), group),
            None => Some(group),
        };
        let mut removed = Self::default();
        if let Some(group) = kept {
            removed.0.groups.insert(name, group);
        }
        Some(removed)
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

/// Cuts of a stream: of its entries, see `RowCut`, and then of its groups.
impl Stream {
    pub(in crate::value) fn can_be_cut(&self) -> bool {
        self.0.entries.nodes.blocks.len() <= BLOCKS_MAX
    }

    /// Makes a cut now.
    pub(in crate::value) fn begin_cut(&mut self, to: Box<dyn KeepElements>) {
        let Parts {
            entries,
            groups,
            cut,
        } = &mut *self.0;
        cut.0 = Some(Box::new(GroupsCut::begin(groups, cut.0.take())));
        let Nodes { blocks, cut, .. } = &mut entries.nodes;
        cut.begin(blocks, to);
    }

    #[inline]
    pub(in crate::value) fn is_cut(&self) -> bool {
        self.0.cut.0.is_some()
    }

    pub(in crate::value) fn taking(&self) -> Option<Taking> {
        let of_groups = || self.0.cut.0.as_ref()?.taking();
        self.0.entries.nodes.cut.taking().or_else(of_groups)
    }

    /// Keeps the next few nodes.
    pub(in crate::value) fn walk_cut(&mut self, nodes: usize) -> Walked {
        let Parts {
            entries,
            groups,
            cut: of_groups,
        } = &mut *self.0;
        let Nodes { blocks, cut, .. } = &mut entries.nodes;
        let Some(of_groups_cut) = &mut of_groups.0 else {
            return Walked::Over;
        };
        if cut.is_some() {
            return cut.walk(blocks, nodes).unwrap_or_else(|to| {
                of_groups_cut.go_on(to);
                Walked::GoesOn
            });
        }
        let walked = of_groups_cut.walk(groups, nodes);
        if walked == Walked::Over {
            of_groups.0 = None;
        }
        walked
    }
}
