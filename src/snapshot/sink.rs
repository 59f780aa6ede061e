//! Where written bytes go: into one buffer, or on as pieces of a bounded size.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::mem;

use super::string::write_compressed;

/// Takes bytes in order, in any cuts.
pub trait Sink: Sized {
    fn put(&mut self, bytes: &[u8]);
    /// Takes a string that is to be compressed if that makes it shorter.
    fn put_compressible(&mut self, text: &[u8]) {
        write_compressed(self, text);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Bytes of a piece: what a core serialises before it hands something on.
pub const PIECE_BYTES: usize = 64 << 10;

/// A part of what one core writes. Pieces of several cores may follow each other in any order in
/// which each core's own stay as they were, but a record that goes on is not parted.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub database: usize,
    pub bytes: Vec<u8>,
    /// The record it ends in goes on in this core's next piece.
    pub goes_on: bool,
    /// Records that end in it.
    pub records: u64,
}

/// Cuts records into pieces, and hands each on as soon as it is full. `hand_on` may take as long as
/// it needs: that is how a slow reader slows the writer.
#[derive(Debug)]
pub struct Pieces<F: FnMut(Piece)> {
    database: usize,
    bytes: Vec<u8>,
    records: u64,
    /// The record begins in a piece that was handed on.
    is_begun: bool,
    /// Of each piece, at most.
    size: usize,
    hand_on: F,
}

impl<F: FnMut(Piece)> Pieces<F> {
    pub fn new(hand_on: F) -> Self {
        Self {
            database: 0,
            bytes: Vec::new(),
            records: 0,
            is_begun: false,
            size: PIECE_BYTES,
            hand_on,
        }
    }

    /// Pieces have at most so many bytes from now on, which is not zero.
    pub fn set_size(&mut self, size: usize) {
        self.size = size;
    }

    /// Records of this database follow.
    pub fn select(&mut self, database: usize) {
        if self.database != database {
            self.flush();
            self.database = database;
        }
    }

    /// A record is whole: the place where a piece should end. The end of one whose beginning was
    /// handed on follows at once, since whoever makes one file of many waits for it.
    pub fn end_record(&mut self) {
        self.records = self.records.saturating_add(1);
        if self.is_begun || self.bytes.len() >= PIECE_BYTES / 2 {
            self.flush();
        }
    }

    /// Hands on what there is of a record that goes on.
    pub fn hand_on(&mut self) {
        if !self.bytes.is_empty() {
            self.cut(true);
        }
    }

    /// Hands the rest on; the last record is whole.
    pub fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.cut(false);
        }
    }

    fn cut(&mut self, goes_on: bool) {
        self.is_begun = goes_on;
        let piece = Piece {
            database: self.database,
            bytes: mem::take(&mut self.bytes),
            goes_on,
            records: mem::take(&mut self.records),
        };
        (self.hand_on)(piece);
    }
}

impl<F: FnMut(Piece)> Sink for Pieces<F> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let len = self.bytes.len().saturating_add(bytes.len());
        if len <= self.size.min(self.bytes.capacity()) {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.put_parted(bytes);
        }
    }
}

impl<F: FnMut(Piece)> Pieces<F> {
    #[cold]
    fn put_parted(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.bytes.capacity() == 0 && self.size == PIECE_BYTES {
                self.bytes.reserve_exact(PIECE_BYTES);
            }
            if self.bytes.len() >= self.size {
                self.cut(true);
                continue;
            }
            let room = self.size.saturating_sub(self.bytes.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.bytes.extend_from_slice(now);
            bytes = later;
        }
    }
}
