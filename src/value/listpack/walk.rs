//! Places in a packed list, and walks over it from both ends.

use super::coding::{after, before, read};
use super::item::{Item, Wanted};
use super::pack::{HEADER_BYTES, Listpack};

/// Where an element stands; good until the list is changed before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(super) u32);

impl Position {
    #[inline]
    pub(super) fn new(at: usize) -> Self {
        Self(at as u32)
    }

    #[inline]
    pub(super) fn at(self) -> usize {
        self.0 as usize
    }
}

impl Listpack {
    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<Position> {
        self.position(HEADER_BYTES)
    }

    /// The last element.
    #[inline]
    pub fn last(&self) -> Option<Position> {
        let has_any = self.entries_end() > HEADER_BYTES;
        has_any.then(|| Position::new(before(self.bytes(), self.entries_end())))
    }

    /// The element after another.
    #[inline]
    pub fn next(&self, position: Position) -> Option<Position> {
        self.position(after(self.bytes(), position.at()))
    }

    /// The element before another.
    #[inline]
    pub fn prev(&self, position: Position) -> Option<Position> {
        let has_any = position.at() > HEADER_BYTES;
        has_any.then(|| Position::new(before(self.bytes(), position.at())))
    }

    /// An element by its index, from 0 on, or from -1 on backwards. Walks from
    /// the nearer end.
    pub fn seek(&self, index: i64) -> Option<Position> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index <= len / 2 {
            let mut position = self.first()?;
            for _ in 0..index {
                position = self.next(position)?;
            }
            Some(position)
        } else {
            let mut position = self.last()?;
            for _ in index + 1..len {
                position = self.prev(position)?;
            }
            Some(position)
        }
    }

    /// The element at a position.
    #[inline]
    pub fn get(&self, position: Position) -> Item<'_> {
        read(self.bytes(), position.at()).0
    }

    /// The first element with this text; between compared elements, `skip` are
    /// passed over: 1 finds a field among fields and values.
    pub fn find(&self, text: &[u8], skip: usize) -> Option<Position> {
        self.find_from(self.first()?, text, skip)
    }

    /// As `find`, beginning at a position.
    pub fn find_from(&self, position: Position, text: &[u8], skip: usize) -> Option<Position> {
        let wanted = Wanted::new(text);
        let bytes = self.bytes();
        let end = self.entries_end();
        let mut at = position.at();
        while at < end {
            let (item, next) = read(bytes, at);
            if wanted.is(item) {
                return Some(Position::new(at));
            }
            at = next;
            for _ in 0..skip {
                if at < end {
                    at = after(bytes, at);
                }
            }
        }
        None
    }

    /// Every element, from either end.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            bytes: self.bytes(),
            start: HEADER_BYTES,
            end: self.entries_end(),
        }
    }

    /// The elements from a position on.
    pub fn iter_from(&self, position: Position) -> Iter<'_> {
        Iter {
            start: position.at(),
            ..self.iter()
        }
    }

    /// The elements up to a position and with it.
    pub fn iter_through(&self, position: Position) -> Iter<'_> {
        Iter {
            end: after(self.bytes(), position.at()),
            ..self.iter()
        }
    }

    fn position(&self, at: usize) -> Option<Position> {
        (at < self.entries_end()).then(|| Position::new(at))
    }
}

/// See [`Listpack::iter`].
#[derive(Clone, Debug, Default)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.start >= self.end {
            return None;
        }
        let (item, next) = read(self.bytes, self.start);
        self.start = next;
        Some(item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.start >= self.end {
            return None;
        }
        self.end = before(self.bytes, self.end);
        Some(read(self.bytes, self.end).0)
    }
}
