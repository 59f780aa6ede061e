//! What one large value held at the cut, as bytes on their way to the writer: apart
//! from its stream, because its record takes long: to be kept, or to be compressed.

use crate::keyspace::Found;
use crate::memory::Taking;
use crate::runtime::funnel::Lane;
use crate::server::save::Manner;
use crate::snapshot::{PIECE_BYTES, Parts, Piece, Pieces, Sink, write_plain};
use crate::value::{CutElement, KeepElements};

use super::stream::{Apart, Message, RecordId, taking};

/// Longer strings are not compressed at all: it would hold the writer up for half a
/// second.
const COMPRESSED_MAX: usize = 32 << 20;

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
            self.to.hand_on(Apart::Text(text.to_vec()), text.len());
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
        Elements { parts, whole }
    }
}

impl KeepElements for Elements {
    fn keep(&mut self, element: CutElement<'_>) {
        self.parts.put(&mut self.whole, element);
    }

    fn begin_walk(&mut self) {
        self.whole.pieces.set_size(PIECE_BYTES);
        self.whole.to.hand_on(Apart::Walked, 0);
    }

    fn taking(&self) -> Taking {
        taking(&self.whole.to.lane)
    }

    fn end(self: Box<Self>) {
        self.whole.end();
    }
}
