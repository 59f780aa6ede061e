//! Cuts of large values: the elements of one as they were at a moment, handed over
//! some at a time while the value changes. See `memory`'s `Dict`.
//!
//! A hash, a set and a sorted set can be cut when they are no packed lists. A
//! sorted set is not cut while members are still to be freed that are none any more.
//! Its members come highest first, except those that change meanwhile. A list that is
//! no packed list and a stream are cut into their nodes, which come in their order:
//! see `row_cut`.

use std::convert::Infallible;

use super::compound::Compound;
use super::hash::{self, Hash};
use super::list::Part;
use super::listpack::{Item, Listpack};
use super::set::Set;
use super::sorted_set::SortedSet;
use super::stream::Id;
use crate::memory::{Dict, Field, Keep, Kept, Taking, Walked, ranked_score};

/// An element of a value that was cut.
#[derive(Clone, Copy, Debug)]
pub enum CutElement<'a> {
    /// With its value and its deadline, in Unix milliseconds.
    Field(&'a [u8], Item<'a>, Option<u64>),
    Member(&'a [u8]),
    Scored(&'a [u8], f64),
    /// A node of a list.
    Part(Part<'a>),
    /// A node of a stream.
    Node(Id, &'a Listpack),
    /// What follows is another list: what a group has pending, or a consumer of it.
    Mark,
    /// Pending in a group: when it was given, and how often.
    Pending(Id, u64, u64),
    /// Pending at a consumer.
    PendingOf(Id),
    /// A part of a text.
    Page(&'a [u8]),
}

/// Takes the elements of one value as they were at a cut: each once, in no order, or
/// those of a row in their order.
pub trait KeepElements: Send {
    fn keep(&mut self, element: CutElement<'_>);
    /// Takes an element of a row before its turn.
    fn aside(&mut self, number: u32, element: CutElement<'_>);
    /// It is the turn of the element that was taken under this number.
    fn recall(&mut self, number: u32);
    /// The walk begins: most comes now.
    fn begin_walk(&mut self);
    /// Whether the walk goes on. Who changes the value does not ask.
    fn taking(&self) -> Taking;
    /// Those were all.
    fn end(self: Box<Self>);
}

/// Makes elements of the entries of a hash or a set.
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

/// Makes elements of the entries of a sorted set.
struct Scored {
    /// The walk has passed what is from here on.
    last: Option<(f64, Box<[u8]>)>,
    to: Box<dyn KeepElements>,
}

impl Keep<Infallible> for Scored {
    fn keep(&mut self, entry: &mut Field) -> Kept {
        let (score, member) = (ranked_score(entry), entry.key());
        let last = self.last.as_ref();
        if last.is_none_or(|(last, name)| (score, member) < (*last, name)) {
            self.to.keep(CutElement::Scored(member, score));
        }
        Kept::Whole
    }

    fn keep_scored(&mut self, score: f64, member: &[u8]) {
        self.to.keep(CutElement::Scored(member, score));
    }

    fn begin_walk(&mut self) {
        self.to.begin_walk();
    }

    fn has_passed(&mut self, score: f64, member: &[u8]) {
        self.last = Some((score, member.into()));
    }

    fn taking(&self) -> Taking {
        self.to.taking()
    }

    fn end(self: Box<Self>) {
        self.to.end();
    }
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

    /// Whether it can be cut and has more than so many bytes, by an estimate.
    pub fn can_be_cut(&self, bytes: usize) -> bool {
        match self {
            Self::List(list) => list.can_be_cut() && list.allocated_bytes() > bytes,
            Self::Stream(stream) => stream.can_be_cut() && stream.allocated_bytes() > bytes,
            Self::Hash(_) | Self::Set(_) | Self::SortedSet(_) => {
                let is_large = |dict: &Dict| dict.allocated_bytes() > bytes;
                self.dict().is_some_and(is_large)
            }
        }
    }

    /// Makes a cut now, if it can be cut: its elements go to `to`. One before is given
    /// up.
    pub fn begin_cut(&mut self, to: Box<dyn KeepElements>) {
        match self {
            Self::Hash(hash) => {
                if let Some(fields) = hash.dict_mut() {
                    fields.begin_cut(Box::new(Elements { of: field, to }));
                }
            }
            Self::Set(set) => {
                if let Some(members) = set.dict_mut() {
                    members.begin_cut(Box::new(Elements { of: member, to }));
                }
            }
            Self::SortedSet(set) => {
                if let Some(members) = set.ranked_mut() {
                    members.begin_cut(Box::new(Scored { last: None, to }));
                }
            }
            Self::List(list) => list.begin_cut(to),
            Self::Stream(stream) => stream.begin_cut(to),
        }
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        match self {
            Self::List(list) => list.is_cut(),
            Self::Stream(stream) => stream.is_cut(),
            Self::Hash(_) | Self::Set(_) | Self::SortedSet(_) => {
                self.dict().is_some_and(Dict::is_cut)
            }
        }
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub fn taking(&self) -> Option<Taking> {
        match self {
            Self::List(list) => list.taking(),
            Self::Stream(stream) => stream.taking(),
            Self::Hash(_) | Self::Set(_) | Self::SortedSet(_) => self.dict().and_then(Dict::taking),
        }
    }

    /// Keeps the next few buckets of about six elements, or nodes of some kilobytes.
    pub fn walk_cut(&mut self, buckets: usize) -> Walked {
        let walked = match self {
            Self::Hash(hash) => hash.dict_mut().map(|fields| fields.walk_cut(buckets)),
            Self::Set(set) => set.dict_mut().map(|members| members.walk_cut(buckets)),
            Self::SortedSet(set) => set.ranked_mut().map(|members| members.walk_cut(buckets)),
            Self::List(list) => Some(list.walk_cut(buckets)),
            Self::Stream(stream) => Some(stream.walk_cut(buckets)),
        };
        walked.unwrap_or(Walked::Over)
    }
}
