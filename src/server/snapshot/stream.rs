//! What one database of one shard held at the cut, as bytes of a file on their
//! way to the writer.

use std::sync::Arc;

use crate::keyspace::{Found, Keep};
use crate::memory::Taking;
use crate::runtime::funnel::{Lane, Room};
use crate::server::save::Manner;
use crate::snapshot::{Dialect, Piece, Pieces, Sizes};

/// What the writer gets. The messages of a stream come in order.
pub(in crate::server) enum Message {
    /// The cut was made. It comes before everything else.
    Cut(Box<AtCut>),
    /// A part of a stream.
    Piece { stream: usize, piece: Piece },
    /// A stream is whole, and had so many keys.
    Ended { stream: usize, keys: u64 },
    /// A stream has gone that was not whole.
    Lost { stream: usize },
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
    pieces: Pieces<Box<dyn FnMut(Piece) + Send>>,
    keys: u64,
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
            pieces,
            keys: 0,
            has_ended: false,
        }
    }
}

impl Keep for Stream {
    fn keep(&mut self, found: &Found<'_>) {
        self.keys += 1;
        self.manner.write(&mut self.pieces, found);
    }

    fn taking(&self) -> Taking {
        match self.lane.room() {
            Room::Free => Taking::Now,
            Room::Full => Taking::Later,
            Room::Overfull => Taking::MuchLater,
            Room::Closed => Taking::NoMore,
        }
    }

    fn end(mut self) {
        self.pieces.flush();
        let (stream, keys) = (self.number, self.keys);
        self.lane.hand_on(Message::Ended { stream, keys }, 0);
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
