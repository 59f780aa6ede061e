//! What one large value held at the cut, as bytes on their way to the writer: apart
//! from its stream, because its record takes long: to be kept, or to be compressed.

use crate::keyspace::Found;
use crate::memory::Taking;
use crate::runtime::funnel::Lane;
use crate::server::save::{COMPRESSED_MAX, Manner};
use crate::snapshot::{PIECE_BYTES, Parts, Piece, Pieces, Sink, write_length, write_plain};
use crate::value::{CutElement, KeepElements};

use super::raw::Raw;
use super::stream::{Apart, Message, RecordId, taking};

/// Bytes of a piece before the walk: many values may have been touched, and each
/// holds one that is not full.
const EARLY_BYTES: usize = 4 << 10;

/// How something of the record goes on.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) record: RecordId,
    pub(super) lane: Lane<Message>,
}

impl Outlet {
    fn hand_on(&self, what: Apart, weight: usize) {
        let record = self.record;
        self.lane.hand_on(Message::Apart { record, what }, weight);
    }
}

/// A record on its way. The writer compresses its long strings: that takes twenty times
/// as long as copying them.
pub(super) struct Whole {
    pieces: Pieces<Box<dyn FnMut(Piece) + Send>>,
    to: Outlet,
    database: usize,
    /// A string of more bytes is long.
    long: usize,
    has_ended: bool,
}

impl Whole {
    /// Begins a record.
    pub(super) fn begin(to: Outlet, database: usize, long: usize) -> Whole {
        let outlet = to.clone();
        let hand_on = move |piece: Piece| {
            let weight = piece.bytes.capacity();
            outlet.hand_on(Apart::Piece(piece), weight);
        };
        let mut pieces = Pieces::new(Box::new(hand_on) as Box<dyn FnMut(Piece) + Send>);
        pieces.select(database);
        Whole {
            pieces,
            to,
            database,
            long,
            has_ended: false,
        }
    }

    pub(super) fn end(mut self) {
        self.pieces.flush();
        self.to.hand_on(Apart::Ended, 0);
        self.has_ended = true;
    }
}

impl Sink for Whole {
    fn put(&mut self, bytes: &[u8]) {
        self.pieces.put(bytes);
    }

    fn put_compressible(&mut self, text: &[u8]) {
        if text.len() <= self.long {
            self.pieces.put_compressible(text);
        } else if text.len() <= COMPRESSED_MAX {
            self.pieces.hand_on();
            let raw = Raw::of(text.to_vec());
            let weight = raw.weight();
            self.to.hand_on(Apart::Raw(raw), weight);
        } else {
            write_plain(&mut self.pieces, text);
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.has_ended {
            self.to.hand_on(Apart::Lost, 0);
        }
    }
}

/// One that is kept some elements at a time.
pub(super) struct Elements {
    parts: Parts,
    whole: Whole,
    /// It is a text that the writer compresses when it is whole.
    is_gathered: bool,
}

impl Elements {
    /// Begins the record of a key.
    pub(super) fn begin(
        to: Outlet,
        database: usize,
        manner: &Manner,
        found: &Found<'_>,
    ) -> Elements {
        let mut whole = Whole::begin(to, database, manner.long);
        whole.pieces.set_size(EARLY_BYTES);
        let parts = manner.begin(&mut whole, found);
        let text_len = found.text().map(|text| text.len());
        let is_gathered = text_len.is_some_and(|len| manner.is_compressed(len));
        if is_gathered {
            whole.pieces.hand_on();
            whole.to.hand_on(Apart::Text, 0);
        } else if let Some(len) = text_len {
            write_length(&mut whole, len as u64);
        }
        Elements {
            parts,
            whole,
            is_gathered,
        }
    }
}

impl KeepElements for Elements {
    fn keep(&mut self, element: CutElement<'_>) {
        self.parts.put(&mut self.whole, element);
    }

    fn aside(&mut self, number: u32, element: CutElement<'_>) {
        let mut raw = Raw::default();
        self.parts.put(&mut raw, element);
        let weight = raw.weight();
        self.whole.to.hand_on(Apart::Aside(number, raw), weight);
    }

    fn recall(&mut self, number: u32) {
        self.whole.pieces.hand_on();
        self.whole.to.hand_on(Apart::Recall(number), 0);
    }

    fn begin_walk(&mut self) {
        self.whole.pieces.set_size(PIECE_BYTES);
        if !self.is_gathered {
            let walked = Apart::Walked(self.whole.database);
            self.whole.to.hand_on(walked, 0);
        }
    }

    fn taking(&self) -> Taking {
        taking(&self.whole.to.lane)
    }

    fn end(self: Box<Self>) {
        let Elements {
            mut parts,
            mut whole,
            ..
        } = *self;
        parts.end(&mut whole);
        whole.end();
    }
}
