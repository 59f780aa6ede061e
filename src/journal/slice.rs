//! What one loop turn of one core adds to the stream.

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
}

/// A slice that is being written.
#[derive(Debug, Default)]
pub struct Open {
    bytes: BytesMut,
    databases: Option<(usize, usize)>,
}

impl Open {
    /// Whether nothing was added since the last seal.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.databases.is_none()
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
