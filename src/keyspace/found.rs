//! An entry as a reader sees it.

use super::clock;
use super::stored::{Content, Entry};
use crate::value::{Compound, Typed};

/// The longest text stock Redis stores in one block with its object.
const EMBSTR_MAX: usize = 44;

/// Bytes of table per entry: 64 / (7 × 0.85), rounded up.
const TABLE_BYTES: usize = 11;

/// A string: both are texts to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View<'a> {
    Int(i64),
    Text(&'a [u8]),
}

impl View<'_> {
    /// Bytes of the text.
    pub fn len(&self) -> usize {
        match self {
            Self::Int(_) => self.with_text(<[u8]>::len),
            Self::Text(text) => text.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Passes the text on; an integer is written in decimal on the stack.
    #[inline]
    pub fn with_text<R>(&self, use_text: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(number) => use_text(itoa::Buffer::new().format(*number).as_bytes()),
            Self::Text(text) => use_text(text),
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.with_text(<[u8]>::to_vec)
    }
}

/// A live entry. Borrows the database, so the entry stays what it is.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    entry: &'a Entry,
}

impl<'a> Found<'a> {
    #[inline]
    pub(super) fn new(entry: &'a Entry) -> Self {
        Self { entry }
    }

    #[inline]
    pub fn key(&self) -> &'a [u8] {
        self.entry.key()
    }

    /// The value, if it is a string.
    #[inline]
    pub fn text(&self) -> Option<View<'a>> {
        match self.entry.content() {
            Content::Int(number) => Some(View::Int(number)),
            Content::Text(text) => Some(View::Text(text)),
            Content::Compound(_) => None,
        }
    }

    /// The value, if it is no string.
    #[inline]
    pub fn compound(&self) -> Option<&'a Compound> {
        match self.entry.content() {
            Content::Compound(compound) => Some(compound),
            Content::Int(_) | Content::Text(_) => None,
        }
    }

    /// The value, if it is of type `T`.
    #[inline]
    pub fn as_type<T: Typed>(&self) -> Option<&'a T> {
        self.compound().and_then(T::of)
    }

    /// What TYPE answers.
    pub fn type_name(&self) -> &'static str {
        self.compound().map_or("string", Compound::type_name)
    }

    /// Unix milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        self.entry.deadline()
    }

    /// The 24 bits of access mark: see `Touch`.
    #[inline]
    pub fn access(&self) -> u32 {
        self.entry.access()
    }

    /// Milliseconds since the last read, if reads are marked by LRU.
    pub fn idle_ms(&self, now: u64) -> u64 {
        clock::idle_ms(self.access(), now)
    }

    /// The logarithmic counter as of now, if reads are marked by LFU.
    pub fn frequency(&self, now: u64, decay_minutes: u32) -> u8 {
        clock::decayed(self.access(), now, decay_minutes)
    }

    /// What OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.entry.content() {
            Content::Int(_) => "int",
            Content::Text(text) if self.entry.is_modified() || text.len() > EMBSTR_MAX => "raw",
            Content::Text(_) => "embstr",
            Content::Compound(compound) => compound.encoding(),
        }
    }

    /// MEMORY USAGE: the allocations of key and value as the allocator sets
    /// them aside, and the entry's share of the table.
    pub fn bytes(&self) -> usize {
        let elements = self.compound().map_or(0, Compound::allocated_bytes);
        self.entry.allocated_bytes() + TABLE_BYTES + elements
    }
}
