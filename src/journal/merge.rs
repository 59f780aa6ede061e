//! Slices of all cores as one stream: in the order of their tickets, each at
//! its offset.

use std::collections::VecDeque;

use bytes::Bytes;

use super::slice::{Slice, select};

/// See the module.
#[derive(Debug)]
pub struct Merge {
    /// The ticket that comes next.
    ticket: u64,
    /// Where its bytes will stand.
    offset: u64,
    /// From `ticket` on; `None` for those that are on their way.
    waiting: VecDeque<Option<Slice>>,
    /// The database that the stream is in; none if it is to be said.
    database: Option<usize>,
}

/// A slice in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub ticket: u64,
    /// Bytes of the stream before it.
    pub offset: u64,
    /// What comes before `bytes`: SELECT, where the database changes.
    pub select: Option<Vec<u8>>,
    pub bytes: Bytes,
    /// See `Slice::cut`.
    pub cut: Option<u64>,
}

impl Merged {
    /// How many bytes of the stream it is.
    #[must_use]
    pub fn len(&self) -> u64 {
        let select = self.select.as_ref().map_or(0, Vec::len);
        (select + self.bytes.len()) as u64
    }

    /// Whether it is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Merge {
    /// Begins with a ticket, whose bytes are to stand at an offset.
    #[must_use]
    pub fn new(ticket: u64, offset: u64) -> Merge {
        Merge {
            ticket,
            offset,
            waiting: VecDeque::new(),
            database: None,
        }
    }

    /// The offset behind everything that came out.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The ticket that comes out next.
    #[must_use]
    pub fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Says the database again before the next effect.
    pub fn forget_database(&mut self) {
        self.database = None;
    }

    /// Takes a slice, in any order; one of before the beginning is dropped.
    ///
    /// # Panics
    /// When its ticket came before.
    pub fn put(&mut self, ticket: u64, slice: Slice) {
        let Some(index) = ticket.checked_sub(self.ticket) else {
            return;
        };
        let index = index as usize;
        if self.waiting.len() <= index {
            self.waiting.resize_with(index + 1, || None);
        }
        let place = &mut self.waiting[index];
        assert!(place.is_none(), "ticket {ticket} was given out twice");
        *place = Some(slice);
    }

    /// What has come and not come out, with its tickets: for whoever goes on
    /// where this one ends.
    pub fn into_rest(self) -> impl Iterator<Item = (u64, Slice)> {
        let numbered = (self.ticket..).zip(self.waiting);
        numbered.filter_map(|(ticket, slice)| Some((ticket, slice?)))
    }
}

impl Iterator for Merge {
    type Item = Merged;

    /// The next slice, if it has come.
    fn next(&mut self) -> Option<Merged> {
        let slice = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        let mut said = None;
        if let Some((first, last)) = slice.databases {
            if self.database != Some(first) {
                said = Some(select(first));
            }
            self.database = Some(last);
        }
        let merged = Merged {
            ticket: self.ticket,
            offset: self.offset,
            select: said,
            bytes: slice.bytes,
            cut: slice.cut,
        };
        self.ticket += 1;
        self.offset += merged.len();
        Some(merged)
    }
}
