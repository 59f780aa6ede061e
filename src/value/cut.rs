//! Cuts of large values: the elements of one as they were at a moment, handed over
//! some at a time while the value changes. See `memory`'s `Dict`.
//!
//! A hash, a set and a sorted set can be cut when they are no packed lists. A
//! sorted set is not cut while members are still to be freed that are none any more.

use std::convert::Infallible;

use super::compound::Compound;
use super::hash::{self, Hash};
use super::listpack::Item;
use super::set::Set;
use super::sorted_set::SortedSet;
use crate::memory::{Dict, Field, Keep, Kept, Taking, Walked, ranked_score};

/// An element of a value that was cut.
#[derive(Clone, Copy, Debug)]
pub enum CutElement<'a> {
    /// With its value and its deadline, in Unix milliseconds.
    Field(&'a [u8], Item<'a>, Option<u64>),
    Member(&'a [u8]),
    Scored(&'a [u8], f64),
}

/// Takes the elements of one value as they were at a cut: each once, in no order.
pub trait KeepElements: Send {
    fn keep(&mut self, element: CutElement<'_>);
    /// The walk begins: most comes now.
    fn begin_walk(&mut self);
    /// Whether the walk goes on. Who changes the value does not ask.
    fn taking(&self) -> Taking;
    /// Those were all.
    fn end(self: Box<Self>);
}

/// Makes elements of a dictionary's entries.
struct Elements {
    of: fn(&Field) -> CutElement<'_>,
    to: Box<dyn KeepElements>,
}

impl Keep<Infallible> for Elements {
    fn keep(&mut self, entry: &mut Field) -> Kept {
        self.to.keep((self.of)(entry));
        Kept::Whole
    }

    fn begin_walk(&mut self) {
        self.to.begin_walk();
    }

    fn taking(&self) -> Taking {
        self.to.taking()
    }

    fn end(self: Box<Self>) {
        self.to.end();
    }
}

fn field(entry: &Field) -> CutElement<'_> {
    CutElement::Field(entry.key(), hash::value(entry), entry.deadline())
}

fn member(entry: &Field) -> CutElement<'_> {
    CutElement::Member(entry.key())
}

fn scored(entry: &Field) -> CutElement<'_> {
    CutElement::Scored(entry.key(), ranked_score(entry))
}

impl Compound {
    fn dict(&self) -> Option<&Dict> {
        match self {
            Self::Hash(hash) => Hash::dict(hash),
            Self::Set(set) => Set::dict(set),
            Self::SortedSet(set) => SortedSet::dict(set),
            Self::List(_) | Self::Stream(_) => None,
        }
    }

    fn dict_mut(&mut self) -> Option<&mut Dict> {
        match self {
            Self::Hash(hash) => Hash::dict_mut(hash),
            Self::Set(set) => Set::dict_mut(set),
            Self::SortedSet(set) => SortedSet::dict_mut(set),
            Self::List(_) | Self::Stream(_) => None,
        }
    }

    /// Whether it can be cut and has more than so many bytes, by an estimate.
    pub fn can_be_cut(&self, bytes: usize) -> bool {
        !self.is_mending()
            && self
                .dict()
                .is_some_and(|dict| dict.allocated_bytes() > bytes)
    }

    /// Makes a cut now, if it can be cut: its elements go to `to`. One before is given
    /// up.
    pub fn begin_cut(&mut self, to: Box<dyn KeepElements>) {
        let of = match self {
            Self::Hash(_) => field,
            Self::Set(_) => member,
            Self::SortedSet(_) | Self::List(_) | Self::Stream(_) => scored,
        };
        if let Some(dict) = self.dict_mut() {
            dict.begin_cut(Box::new(Elements { of, to }));
        }
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.dict().is_some_and(Dict::is_cut)
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub fn taking(&self) -> Option<Taking> {
        self.dict().and_then(Dict::taking)
    }

    /// Keeps the next few buckets of about six elements.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        self.dict_mut()
            .map_or(Walked::Over, |dict| dict.walk_cut(buckets))
    }
}
