//! The elements that texts, ziplists and listpacks alike hold: what readers of all encodings
//! of a type pass on to one place that builds the value.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::value::listpack::Item;

use super::string::{Malformed, read_length, read_string};

/// One element; to clients both are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element<'a> {
    Int(i64),
    Text(Cow<'a, [u8]>),
}

impl Element<'_> {
    /// Passes the text on; an integer is written in decimal on the stack.
    pub fn with_text<R>(&self, use_text: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(number) => use_text(itoa::Buffer::new().format(*number).as_bytes()),
            Self::Text(text) => use_text(text),
        }
    }
}

impl<'a> From<Item<'a>> for Element<'a> {
    fn from(item: Item<'a>) -> Self {
        match item {
            Item::Int(number) => Self::Int(number),
            Item::Text(text) => Self::Text(Cow::Borrowed(text)),
        }
    }
}

/// Bytes of an element, so few that most have more.
const ELEMENT_BYTES: usize = 8;

/// How many elements to make room for, of a value that says how many it has: no more than the bytes
/// behind it are likely to hold. What lies about it gets little memory.
pub fn room(count: u64, bytes: &[u8]) -> usize {
    let likely = bytes.len() / ELEMENT_BYTES;
    usize::try_from(count).map_or(likely, |count| count.min(likely))
}

/// Strings of the RDB format that follow each other.
pub struct Strings<'a, 'b> {
    bytes: &'b mut &'a [u8],
    left: u64,
}

impl<'a, 'b> Strings<'a, 'b> {
    /// `each` for one of the number at the front of `bytes`.
    pub fn counted(bytes: &'b mut &'a [u8], each: u64) -> Result<Self, Malformed> {
        let count = read_length(bytes)?;
        let left = count.checked_mul(each).ok_or(Malformed)?;
        Ok(Self { bytes, left })
    }

    /// How many of them to make room for.
    pub fn room(&self) -> usize {
        room(self.left, self.bytes)
    }
}

impl<'a> Iterator for Strings<'a, '_> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let text = read_string(self.bytes);
        if text.is_err() {
            self.left = 0;
        }
        Some(text.map(Element::Text))
    }
}

/// Elements two by two: fields with values, members with scores.
pub struct Pairs<I>(pub I);

impl<'a, I: Iterator<Item = Result<Element<'a>, Malformed>>> Iterator for Pairs<I> {
    type Item = Result<(Element<'a>, Element<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = match (self.0.next()?, self.0.next()) {
            (Ok(first), Some(Ok(second))) => Ok((first, second)),
            (Err(fault), _) | (Ok(_), Some(Err(fault))) => Err(fault),
            (Ok(_), None) => Err(Malformed),
        };
        Some(pair)
    }
}
