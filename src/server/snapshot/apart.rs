//! What one large value held at the cut, as bytes on their way to the writer: apart
//! from its stream, because its record takes long.

use crate::keyspace::Found;
use crate::memory::Taking;
use crate::runtime::funnel::Lane;
use crate::server::save::Manner;
use crate::snapshot::{PIECE_BYTES, Parts, Piece, Pieces};
use crate::value::{CutElement, KeepElements};

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

/// See the module.
pub(super) struct Elements {
    parts: Parts,
    pieces: Pieces<Box<dyn FnMut(Piece) + Send>>,
    to: Outlet,
    has_ended: bool,
}

impl Elements {
    /// Begins the record of a key.
    pub(super) fn begin(
        to: Outlet,
        database: usize,
        manner: &Manner,
        found: &Found<'_>,
    ) -> Elements {
        let outlet = to.clone();
        let hand_on = move |piece: Piece| {
            let weight = piece.bytes.capacity();
            outlet.hand_on(Apart::Piece(piece), weight);
        };
        let mut pieces = Pieces::new(Box::new(hand_on) as Box<dyn FnMut(Piece) + Send>);
        pieces.select(database);
        pieces.set_size(EARLY_BYTES);
        Elements {
            parts: manner.begin(&mut pieces, found),
            pieces,
            to,
            has_ended: false,
        }
    }
}

impl KeepElements for Elements {
    fn keep(&mut self, element: CutElement<'_>) {
        self.parts.put(&mut self.pieces, element);
    }

    fn begin_walk(&mut self) {
        self.pieces.set_size(PIECE_BYTES);
        self.to.hand_on(Apart::Walked, 0);
    }

    fn taking(&self) -> Taking {
        taking(&self.to.lane)
    }

    fn end(mut self: Box<Self>) {
        self.pieces.flush();
        self.to.hand_on(Apart::Ended, 0);
        self.has_ended = true;
    }
}

impl Drop for Elements {
    fn drop(&mut self) {
        if !self.has_ended {
            self.to.hand_on(Apart::Lost, 0);
        }
    }
}
