//! An element as it is read from a packed list.

use crate::base::{parse_i64, write_i64};

/// An element. A text that is the canonical form of an integer of 64 bits is
/// packed as that integer, and reads back as it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    Int(i64),
    Text(&'a [u8]),
}

impl<'a> Item<'a> {
    /// `text` as it is packed.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        match parse_i64(text) {
            Some(number) => Self::Int(number),
            None => Self::Text(text),
        }
    }

    /// Bytes of its text.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Int(number) => {
                let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
                digits + usize::from(number < 0)
            }
            Self::Text(text) => text.len(),
        }
    }

    /// Whether its text is empty.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Appends its text.
    pub fn write_into(self, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => write_i64(out, number),
            Self::Text(text) => out.extend_from_slice(text),
        }
    }

    /// Passes its text on; an integer is written in decimal on the stack.
    #[inline]
    pub fn with_text<R>(self, use_text: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Int(number) => use_text(itoa::Buffer::new().format(number).as_bytes()),
            Self::Text(text) => use_text(text),
        }
    }

    /// Its text, copied: what outlives the packed list.
    pub fn to_vec(self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.len());
        self.write_into(&mut text);
        text
    }

    /// Whether its text is `text`.
    #[inline]
    pub fn eq_bytes(self, text: &[u8]) -> bool {
        match self {
            Self::Int(number) => parse_i64(text) == Some(number),
            Self::Text(own) => own == text,
        }
    }
}

/// A text that items are compared with, read as a number once.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'t> {
    text: &'t [u8],
    number: Option<i64>,
}

impl<'t> Wanted<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            number: parse_i64(text),
        }
    }

    /// Whether an item's text is the wanted one.
    #[inline]
    pub fn is(self, item: Item<'_>) -> bool {
        match item {
            Item::Int(number) => self.number == Some(number),
            Item::Text(text) => self.text == text,
        }
    }
}
