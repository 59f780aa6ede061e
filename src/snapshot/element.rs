//! The elements that texts, ziplists and listpacks alike hold: what readers of all encodings
//! of a type pass on to one place that builds the value.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use crate::value::listpack::Item;

use super::string::Malformed;

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
