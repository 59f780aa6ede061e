//! A value in the RDB format: which kind it is written as, written, and read from every kind.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::value::hash::Hash;
use crate::value::list::List;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::Stream;
use crate::value::{Compound, Rules};

use super::kind::Kind;
use super::sink::Sink;
use super::string::{Compression, Malformed, read_length, read_string, write_string};
use super::{hash, list, set, sorted_set, stream};

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Text(&'a [u8]),
    List(&'a List),
    Set(&'a Set),
    SortedSet(&'a SortedSet),
    Hash(&'a Hash),
    Stream(&'a Stream),
}

/// A value that was read; a text is borrowed where it stands there as it is.
#[derive(Debug)]
pub enum Restored<'a> {
    Text(Cow<'a, [u8]>),
    /// Has elements.
    Compound(Compound),
}

impl Restored<'_> {
    /// Whether it has no elements: such a value has no key.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Compound(compound) => compound.is_empty(),
        }
    }
}

impl<'a> From<&'a Compound> for Value<'a> {
    fn from(compound: &'a Compound) -> Self {
        match compound {
            Compound::List(list) => Self::List(list),
            Compound::Set(set) => Self::Set(set),
            Compound::SortedSet(set) => Self::SortedSet(set),
            Compound::Hash(hash) => Self::Hash(hash),
            Compound::Stream(stream) => Self::Stream(stream),
        }
    }
}

impl Value<'_> {
    /// What [`write_value`] writes this one as.
    pub fn kind(self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::List(_) => Kind::ListListpacks,
            Self::Set(set) => set::kind_of(set),
            Self::SortedSet(set) => sorted_set::kind_of(set),
            Self::Hash(hash) => hash::kind_of(hash),
            Self::Stream(_) => Kind::Stream2,
        }
    }
}

/// Appends a value, without its kind.
pub fn write_value(out: &mut impl Sink, value: Value<'_>, compression: Compression) {
    match value {
        Value::Text(text) => write_string(out, text, compression),
        Value::List(list) => list::write_list(out, list, compression),
        Value::Set(set) => set::write_set(out, set, compression),
        Value::SortedSet(set) => sorted_set::write_sorted_set(out, set, compression),
        Value::Hash(hash) => hash::write_hash(out, hash, compression),
        Value::Stream(stream) => stream::write_stream(out, stream, compression),
    }
}

/// What is wrong with a value, as far as the log tells more than its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueFault {
    /// A stream's node is none, or not behind the one before it.
    Node,
    /// A stream's group has two consumers of one name.
    Consumer,
    /// A stream's entry is pending at two consumers.
    Pending,
    Other,
}

impl From<Malformed> for ValueFault {
    fn from(_: Malformed) -> ValueFault {
        ValueFault::Other
    }
}

/// Takes a value of a kind off the front of `bytes`. All of it is judged before it is answered.
/// It may have no elements, which is no value for a key.
pub fn read_value<'a>(
    kind: Kind,
    bytes: &mut &'a [u8],
    rules: &Rules,
) -> Result<Restored<'a>, Malformed> {
    judge_value(kind, bytes, rules).or(Err(Malformed))
}

/// The same, and what is wrong with it.
pub(super) fn judge_value<'a>(
    kind: Kind,
    bytes: &mut &'a [u8],
    rules: &Rules,
) -> Result<Restored<'a>, ValueFault> {
    let compound: Compound = match kind {
        Kind::Text => return Ok(Restored::Text(read_string(bytes)?)),
        Kind::ListTexts => list::read_texts(bytes, rules)?.into(),
        Kind::ListZiplist => list::read_ziplists(bytes, 1, rules)?.into(),
        Kind::ListZiplists => {
            let count = read_length(bytes)?;
            list::read_ziplists(bytes, count, rules)?.into()
        }
        Kind::ListListpacks => list::read_nodes(bytes, rules)?.into(),
        Kind::SetTexts => set::read_texts(bytes, rules)?.into(),
        Kind::SetIntset => set::read_intset(bytes, rules)?.into(),
        Kind::SetListpack => set::read_listpack(bytes, rules)?.into(),
        Kind::SortedSetTexts => sorted_set::read_texts(bytes, rules)?.into(),
        Kind::SortedSetDoubles => sorted_set::read_doubles(bytes, rules)?.into(),
        Kind::SortedSetZiplist => sorted_set::read_ziplist(bytes, rules)?.into(),
        Kind::SortedSetListpack => sorted_set::read_listpack(bytes, rules)?.into(),
        Kind::HashTexts => hash::read_texts(bytes, rules)?.into(),
        Kind::HashZipmap => hash::read_zipmap(bytes, rules)?.into(),
        Kind::HashZiplist => hash::read_ziplist(bytes, rules)?.into(),
        Kind::HashListpack => hash::read_listpack(bytes, rules)?.into(),
        Kind::HashDeadlines => hash::read_deadlines(bytes, rules)?.into(),
        Kind::HashListpackDeadlines => hash::read_listpack_deadlines(bytes, rules)?.into(),
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 => stream::read_stream(bytes, kind)?.into(),
    };
    Ok(Restored::Compound(compound))
}

/// Which check a value of this kind fails with this fault, in stock's words for the log.
pub(super) fn failed_check(kind: Kind, fault: ValueFault) -> &'static str {
    match kind {
        Kind::ListZiplist | Kind::ListZiplists => "List ziplist integrity check failed",
        Kind::ListListpacks => "List listpack integrity check failed",
        Kind::SetIntset => "Intset integrity check failed",
        Kind::SetListpack => "Set listpack integrity check failed",
        Kind::SortedSetZiplist => "Zset ziplist integrity check failed",
        Kind::SortedSetListpack => "Zset listpack integrity check failed",
        Kind::HashZipmap => "Zipmap integrity check failed",
        Kind::HashZiplist => "Hash ziplist integrity check failed",
        Kind::HashListpack | Kind::HashListpackDeadlines => "Hash listpack integrity check failed",
        Kind::Stream1 | Kind::Stream2 | Kind::Stream3 => match fault {
            ValueFault::Node => "Stream listpack integrity check failed",
            ValueFault::Consumer => "Duplicate stream consumer detected, integrity check failed",
            ValueFault::Pending => {
                "Stream consumer PEL entry already has a consumer assigned, integrity check failed"
            }
            ValueFault::Other => "Stream integrity check failed",
        },
        Kind::Text
        | Kind::ListTexts
        | Kind::SetTexts
        | Kind::SortedSetTexts
        | Kind::SortedSetDoubles
        | Kind::HashTexts
        | Kind::HashDeadlines => "its integrity check failed",
    }
}
