//! What an entry holds beside its key: as it is read, and as it comes in.

use super::long_text::LongText;

/// A value as it is read.
#[derive(PartialEq, Eq, Debug)]
pub enum Content<'a, C> {
    /// A text that is a canonical decimal of 64 bits.
    Int(i64),
    Text(&'a [u8]),
    /// Something of many elements.
    Compound(&'a C),
}

impl<C> Clone for Content<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Content<'_, C> {}

/// A value on its way in.
#[derive(Debug)]
pub enum NewValue<'v, C> {
    Int(i64),
    Text(&'v [u8]),
    /// Moves in without a copy when it is longer than `INLINE_MAX`.
    Owned(LongText),
    Compound(C),
}

/// Everything of an entry but its key and value.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Unix milliseconds.
    pub deadline: Option<u64>,
    /// 24 bits: when (LRU) or how often (LFU) it was asked for.
    pub access: u32,
    /// Whether it was edited in place, which OBJECT ENCODING calls raw.
    pub is_modified: bool,
}

impl Marks {
    /// Of an element without a deadline.
    pub(super) const NONE: Self = Self {
        deadline: None,
        access: 0,
        is_modified: false,
    };
}
