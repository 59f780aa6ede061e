//! Values on their way between keys, databases or shards, and how long a
//! value is to live.

use super::stored::{Content, Entry};
use crate::memory::LongText;
use crate::value::Compound;

/// How long a value that is being set lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lifetime {
    /// As long as the value it replaces.
    Keep,
    Forever,
    /// Until this moment, in Unix milliseconds.
    Until(u64),
}

/// A value by itself.
#[derive(Clone, Debug)]
pub enum OwnedContent {
    Int(i64),
    Text(LongText),
    Compound(Compound),
}

/// A value taken out of the table, with everything that travels with it.
#[derive(Clone, Debug)]
pub struct Owned {
    pub content: OwnedContent,
    /// Whether it was edited in place, which OBJECT ENCODING calls raw.
    pub raw: bool,
    /// Unix milliseconds.
    pub deadline: Option<u64>,
    /// The 24 bits of access mark: see `Touch`.
    pub access: u32,
}

impl Owned {
    pub(super) fn copy(entry: &Entry) -> Self {
        let content = match entry.content() {
            Content::Int(number) => OwnedContent::Int(number),
            Content::Text(text) => OwnedContent::Text(text.to_vec().into()),
            Content::Compound(compound) => OwnedContent::Compound(compound.clone()),
        };
        Self::with(entry, content)
    }

    fn with(entry: &Entry, content: OwnedContent) -> Self {
        Self {
            content,
            raw: entry.is_modified(),
            deadline: entry.deadline(),
            access: entry.access(),
        }
    }

    /// A long text or a compound moves, the others are copied.
    pub(super) fn take(entry: Entry) -> Self {
        let shell = Self::with(&entry, OwnedContent::Int(0));
        let content = match entry.into_compound() {
            Ok(compound) => OwnedContent::Compound(compound),
            Err(entry) => match entry.into_long_text() {
                Ok(text) => OwnedContent::Text(text),
                Err(entry) => return Self::copy(&entry),
            },
        };
        Self { content, ..shell }
    }
}
