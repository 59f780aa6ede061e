//! What one loop turn of one core adds to the stream.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::effects::{Effects, put_request};

/// Memory is taken in pieces of this size, and slices are cut off them.
const PIECE_BYTES: usize = 64 * 1024;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Whole units, ready to be sent or written. Nobody changes it any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    pub bytes: Bytes,
    /// The databases that its first effect runs in and its last; none for a
    /// slice without effects.
    pub databases: Option<(usize, usize)>,
    /// A moment that somebody marked: all shards were in one hand.
    pub cut: Option<u64>,
    pub standing: Standing,
}

impl Slice {
    /// Bytes of what it holds, by which lanes count.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let parts = match &self.standing {
            Standing::Parts(parts) => parts.iter().map(|(_, effects)| effects.bytes()).sum(),
            Standing::Behind(_) => 0,
        };
        (self.bytes.len() + parts) as u64
    }
}

/// How a slice stands to what several cores did of which each recorded its own part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stands behind everything of that kind before this one; before none if it need
    /// not.
    Behind(UnitId),
    /// It has no units, but parts of some, in the order in which they were run.
    Parts(Arc<Vec<(Part, Effects)>>),
}

impl Default for Standing {
    fn default() -> Standing {
        Standing::Behind(NONE)
    }
}

/// A unit of several cores: its stamp, and its number among those with the same.
pub type UnitId = (u64, u32);

/// None is before it.
const NONE: UnitId = (0, 0);

/// What one core did of a unit of several cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub unit: UnitId,
    /// How many parts the unit has.
    pub parts: u8,
    /// The unit stands behind those before it that were begun up to this stamp.
    pub until: u64,
}

/// Where a unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// See `Standing::Behind`.
    Behind(UnitId),
    /// It is a part.
    Part(Part),
}

impl Position {
    /// Where its core's order puts it.
    pub const FREE: Position = Position::Behind(NONE);
}

/// A slice that is being written.
#[derive(Debug, Default)]
pub struct Open {
    bytes: BytesMut,
    databases: Option<(usize, usize)>,
    /// See `Standing::Behind`.
    behind: UnitId,
    parts: Vec<(Part, Effects)>,
}

impl Open {
    /// Whether nothing was added since the last seal.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.databases.is_none() && self.parts.is_empty()
    }

    /// Whether what stands there can be added to what there is.
    #[inline]
    #[must_use]
    pub fn takes(&self, position: Position) -> bool {
        match position {
            Position::Behind(unit) => {
                self.parts.is_empty() && (self.databases.is_none() || self.behind == unit)
            }
            Position::Part(_) => self.databases.is_none(),
        }
    }

    /// What is added from now on stands behind this, as `Standing::Behind` has it; it
    /// was asked whether it takes that.
    #[inline]
    pub fn stand_behind(&mut self, unit: UnitId) {
        self.behind = unit;
    }

    /// Adds a part of a unit, which may be of nothing.
    pub fn add_part(&mut self, part: Part, effects: Effects) {
        debug_assert!(self.takes(Position::Part(part)));
        self.parts.push((part, effects));
    }

    /// Adds a request as a unit of its own.
    pub fn add_request<'w>(
        &mut self,
        database: usize,
        words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
    ) {
        let bytes = words.clone().map(<[u8]>::len).sum::<usize>();
        self.make_room(bytes + 32 * (words.len() + 2));
        self.select(database);
        put_request(&mut self.bytes, words);
    }

    /// Adds effects as one unit: between MULTI and EXEC, if there are several.
    pub fn add_unit(&mut self, effects: &Effects) {
        let is_several = effects.len() > 1;
        for (index, effect) in effects.iter().enumerate() {
            self.make_room(effect.bytes.len() + 128);
            self.select(effect.database);
            if index == 0 && is_several {
                self.bytes.extend_from_slice(MULTI);
            }
            self.bytes.extend_from_slice(effect.bytes);
        }
        if is_several {
            self.bytes.extend_from_slice(EXEC);
        }
    }

    /// Ends the slice.
    #[must_use]
    pub fn seal(&mut self) -> Slice {
        Slice {
            bytes: self.bytes.split().freeze(),
            databases: self.databases.take(),
            cut: None,
            standing: match self.parts.is_empty() {
                true => Standing::Behind(self.behind),
                false => Standing::Parts(Arc::new(std::mem::take(&mut self.parts))),
            },
        }
    }

    fn make_room(&mut self, bytes: usize) {
        if self.bytes.capacity() - self.bytes.len() < bytes {
            self.bytes.reserve(bytes.max(PIECE_BYTES));
        }
    }

    /// The first effect's database is for the merge to say.
    fn select(&mut self, database: usize) {
        let first = match self.databases {
            None => database,
            Some((first, last)) => {
                if last != database {
                    self.bytes.extend_from_slice(&select(database));
                }
                first
            }
        };
        self.databases = Some((first, database));
    }
}

/// SELECT as a request.
#[must_use]
pub fn select(database: usize) -> Vec<u8> {
    let mut digits = itoa::Buffer::new();
    let words = [b"SELECT", digits.format(database).as_bytes()];
    let mut bytes = Vec::new();
    put_request(&mut bytes, words.into_iter());
    bytes
}
