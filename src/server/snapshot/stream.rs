//! What one database of one shard held at the cut, as bytes of a file on their
//! way to the writer.

use std::sync::Arc;

use crate::keyspace::{Found, Keep};
use crate::memory::Taking;
use crate::runtime::funnel::{Lane, Room};
use crate::server::save::Manner;
use crate::snapshot::{Dialect, Piece, Pieces, Sizes};
use crate::value::KeepElements;

use super::apart::{Elements, Outlet, Whole};
use super::raw::Raw;

/// What the writer gets. The messages of a stream come in order.
pub(in crate::server) enum Message {
    /// The cut was made. It comes before everything else.
    Cut(Box<AtCut>),
    /// A part of a stream.
    Piece { stream: usize, piece: Piece },
    /// A stream is whole: it had so many keys, and so many more that are kept apart.
    Ended {
        stream: usize,
        keys: u64,
        apart: u64,
    },
    /// A stream has gone that was not whole.
    Lost { stream: usize },
    /// Something of a record that is kept apart.
    Apart { record: RecordId, what: Apart },
}

/// A record that is kept apart: the stream it is of, and its number there.
pub(in crate::server) type RecordId = (usize, u64);

/// What comes of a record that is kept apart, in order.
pub(in crate::server) enum Apart {
    Piece(Piece),
    /// Something with a string that the writer is to compress.
    Raw(Raw),
    /// The same, whose turn has not come, and its number.
    Aside(u32, Raw),
    /// It is the turn of what came aside with this number.
    Recall(u32),
    /// The rest is one string, which the writer is to compress.
    Text,
    /// Most comes now: its core walks it. The number is its database's.
    Walked(usize),
    /// It is whole.
    Ended,
    /// It has gone and was not whole.
    Lost,
}

/// What the data was at the cut.
pub(in crate::server) struct AtCut {
    /// Of each database.
    pub(in crate::server) sizes: Vec<Sizes>,
    pub(in crate::server) dialect: Dialect,
    /// The texts of the libraries.
    pub(in crate::server) functions: Vec<Vec<u8>>,
    pub(in crate::server) used_memory: u64,
    /// How many streams there are.
    pub(in crate::server) streams: usize,
}

/// See the module.
pub(in crate::server) struct Stream {
    number: usize,
    lane: Lane<Message>,
    manner: Arc<Manner>,
    database: usize,
    pieces: Pieces<Box<dyn FnMut(Piece) + Send>>,
    keys: u64,
    /// Keys that are kept apart.
    apart: u64,
    has_ended: bool,
}

impl Stream {
    /// The stream of a database, whose pieces go on over the lane of its core.
    pub(in crate::server) fn new(
        number: usize,
        database: usize,
        lane: Lane<Message>,
        manner: Arc<Manner>,
    ) -> Stream {
        let to = lane.clone();
        let hand_on = move |piece: Piece| {
            let weight = piece.bytes.capacity();
            let stream = number;
            to.hand_on(Message::Piece { stream, piece }, weight);
        };
        let mut pieces = Pieces::new(Box::new(hand_on) as Box<dyn FnMut(Piece) + Send>);
        pieces.select(database);
        Stream {
            number,
            lane,
            manner,
            database,
            pieces,
            keys: 0,
            apart: 0,
            has_ended: false,
        }
    }
}

impl Stream {
    /// Where one more record goes that is kept apart.
    fn outlet(&mut self) -> Outlet {
        let record = (self.number, self.apart);
        self.apart += 1;
        let lane = self.lane.clone();
        Outlet { record, lane }
    }
}

/// What the room of a lane says to a walk.
pub(super) fn taking(lane: &Lane<Message>) -> Taking {
    match lane.room() {
        Room::Free => Taking::Now,
        Room::Full => Taking::Later,
        Room::Overfull => Taking::MuchLater,
        Room::Closed => Taking::NoMore,
    }
}

impl Keep for Stream {
    fn keep(&mut self, found: &Found<'_>) {
        if self.manner.is_long(found) {
            let mut whole = Whole::begin(self.outlet(), self.database, self.manner.long);
            self.manner.write_to(&mut whole, found);
            return whole.end();
        }
        self.keys += 1;
        self.manner.write(&mut self.pieces, found);
    }

    fn large(&self) -> usize {
        self.manner.large
    }

    fn is_paged(&self, bytes: usize) -> bool {
        self.manner.is_paged(bytes)
    }

    fn keep_apart(&mut self, found: &Found<'_>) -> Box<dyn KeepElements> {
        let to = self.outlet();
        Box::new(Elements::begin(to, self.database, &self.manner, found))
    }

    fn taking(&self) -> Taking {
        taking(&self.lane)
    }

    fn end(mut self) {
        self.pieces.flush();
        let ended = Message::Ended {
            stream: self.number,
            keys: self.keys,
            apart: self.apart,
        };
        self.lane.hand_on(ended, 0);
        self.has_ended = true;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.has_ended {
            let stream = self.number;
            self.lane.hand_on(Message::Lost { stream }, 0);
        }
    }
}
