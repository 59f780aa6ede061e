//! Connections between nodes: bytes are late and come in any pieces, a way has room
//! for so many, and of its end one hears late or never.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::base::Random;

/// One side of a connection, as its node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct End {
    connection: u64,
    side: usize,
}

/// What a node hears of one.
#[derive(Debug)]
pub(super) enum Heard {
    Opened,
    Bytes(Bytes),
    Closed(&'static str),
}

/// Bytes on their way to one side.
#[derive(Debug, Default)]
struct Way {
    /// What the sender's system has no room for.
    unsent: VecDeque<Bytes>,
    unsent_bytes: u64,
    /// With the time at which they arrive.
    flight: VecDeque<(u64, Bytes)>,
    flight_bytes: u64,
    /// No more come, and from when on that can be heard.
    ends_at: Option<u64>,
    /// Nothing is read before.
    rests_until: u64,
}

impl Way {
    fn lose(&mut self) {
        self.unsent.clear();
        self.unsent_bytes = 0;
        self.flight.clear();
        self.flight_bytes = 0;
    }

    /// What is on its way is lost from somewhere on.
    fn lose_from_somewhere(&mut self, dice: &mut Random) {
        self.unsent.clear();
        self.unsent_bytes = 0;
        let kept = dice.below(self.flight.len() as u64 + 1);
        self.flight.truncate(kept as usize);
        if let Some((_, last)) = self.flight.back_mut() {
            last.truncate(dice.below(last.len() as u64 + 1) as usize);
        }
        self.flight.retain(|(_, bytes)| !bytes.is_empty());
        self.flight_bytes = self
            .flight
            .iter()
            .map(|(_, bytes)| bytes.len() as u64)
            .sum();
    }
}

/// How fast a connection is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Bytes that the systems between both have room for.
    pub(super) room: u64,
    /// Bytes that are read at once, at most, and how long nothing is read then.
    pub(super) piece: u64,
    pub(super) rest_ms: u64,
}

#[derive(Debug)]
struct Connection {
    /// Who dialled, and whom.
    places: [usize; 2],
    /// When it stands; none when it does.
    opens_at: Option<u64>,
    /// The one who was dialled has heard of it.
    is_accepted: bool,
    /// It carries nothing, and nobody hears of that.
    is_silent: bool,
    pace: Pace,
    /// To each side.
    ways: [Way; 2],
    is_gone: [bool; 2],
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Net {
    next: u64,
    connections: BTreeMap<u64, Connection>,
    /// Nodes that are down.
    pub(super) down: Vec<usize>,
    /// One of so many connections is refused; 0 is none.
    pub(super) refuses: u64,
}

impl Net {
    pub(super) fn dial(
        &mut self,
        (now, dice): (u64, &mut Random),
        places: [usize; 2],
        pace: Pace,
    ) -> End {
        let connection = self.next;
        self.next += 1;
        let made = Connection {
            places,
            opens_at: Some(now + dice.below(40)),
            is_accepted: false,
            is_silent: false,
            pace,
            ways: [Way::default(), Way::default()],
            is_gone: [false; 2],
        };
        self.connections.insert(connection, made);
        End {
            connection,
            side: 0,
        }
    }

    /// Connections to a node that it has not heard of.
    pub(super) fn accept(&mut self, place: usize) -> Vec<End> {
        let mut ends = Vec::new();
        for (number, connection) in &mut self.connections {
            let is_open = connection.opens_at.is_none() && !connection.is_accepted;
            if is_open && connection.places[1] == place {
                connection.is_accepted = true;
                ends.push(End {
                    connection: *number,
                    side: 1,
                });
            }
        }
        ends
    }

    /// Who is at the other side.
    pub(super) fn peer(&self, end: End) -> Option<usize> {
        let connection = self.connections.get(&end.connection)?;
        Some(connection.places[1 - end.side])
    }

    /// Whether who is at the other side has left it.
    pub(super) fn is_left(&self, end: End) -> bool {
        let connection = self.connections.get(&end.connection);
        connection.is_none_or(|connection| connection.is_gone[1 - end.side])
    }

    /// The next that a side hears, if there is something.
    pub(super) fn hear(&mut self, now: u64, dice: &mut Random, end: End) -> Option<Heard> {
        let connection = self.connections.get_mut(&end.connection)?;
        if connection.is_silent {
            return None;
        }
        if let Some(at) = connection.opens_at {
            if at > now {
                return None;
            }
            let is_refused = self.refuses > 0 && dice.below(self.refuses) == 0;
            if is_refused || self.down.contains(&connection.places[1]) {
                self.connections.remove(&end.connection);
                return Some(Heard::Closed("refused"));
            }
            connection.opens_at = None;
            return Some(Heard::Opened);
        }
        let pace = connection.pace;
        let way = &mut connection.ways[end.side];
        if !way.flight.is_empty() && way.rests_until > now {
            return None;
        }
        let most = 1 + dice.below(pace.piece);
        let mut piece = Vec::new();
        while let Some((at, bytes)) = way.flight.front_mut()
            && *at <= now
            && (piece.len() as u64) < most
        {
            let len = (most - piece.len() as u64).min(bytes.len() as u64);
            piece.extend(bytes.split_to(len as usize));
            if bytes.is_empty() {
                way.flight.pop_front();
            }
        }
        if !piece.is_empty() {
            way.flight_bytes -= piece.len() as u64;
            way.rests_until = now + pace.rest_ms;
            return Some(Heard::Bytes(piece.into()));
        }
        if !way.flight.is_empty() {
            return None;
        }
        if way.unsent_bytes == 0 && way.ends_at.is_some_and(|at| at <= now) {
            self.leave(end);
            return Some(Heard::Closed("cut"));
        }
        None
    }

    pub(super) fn send(&mut self, end: End, bytes: Bytes) {
        let Some(connection) = self.connections.get_mut(&end.connection) else {
            return;
        };
        let way = &mut connection.ways[1 - end.side];
        if way.ends_at.is_none() && !connection.is_gone[1 - end.side] {
            way.unsent_bytes += bytes.len() as u64;
            way.unsent.push_back(bytes);
        }
    }

    /// Bytes that a side has sent and its system has not taken.
    pub(super) fn unsent(&self, end: End) -> u64 {
        let connection = self.connections.get(&end.connection);
        connection.map_or(0, |connection| connection.ways[1 - end.side].unsent_bytes)
    }

    /// The systems take what they have room for.
    pub(super) fn flow(&mut self, now: u64, dice: &mut Random) {
        for connection in self.connections.values_mut() {
            let room = connection.pace.room;
            for way in &mut connection.ways {
                while way.flight_bytes < room
                    && let Some(bytes) = way.unsent.front_mut()
                {
                    let len = (room - way.flight_bytes).min(bytes.len() as u64);
                    let part = bytes.split_to(len as usize);
                    if bytes.is_empty() {
                        way.unsent.pop_front();
                    }
                    way.unsent_bytes -= len;
                    way.flight_bytes += len;
                    let last = way.flight.back().map_or(0, |(at, _)| *at);
                    way.flight.push_back((last.max(now + dice.below(10)), part));
                }
            }
        }
    }

    /// A side ends it: what its system has taken may still arrive.
    pub(super) fn hang_up(&mut self, (now, dice): (u64, &mut Random), end: End) {
        let Some(connection) = self.connections.get_mut(&end.connection) else {
            return;
        };
        if connection.opens_at.is_some() {
            self.connections.remove(&end.connection);
            return;
        }
        connection.ways[end.side].lose();
        let way = &mut connection.ways[1 - end.side];
        if dice.below(4) == 0 {
            way.lose_from_somewhere(dice);
        }
        way.unsent.clear();
        way.unsent_bytes = 0;
        way.ends_at.get_or_insert(now + dice.below(30));
        self.leave(end);
    }

    fn leave(&mut self, end: End) {
        if let Some(connection) = self.connections.get_mut(&end.connection) {
            connection.is_gone[end.side] = true;
            if connection.is_gone[1 - end.side] {
                self.connections.remove(&end.connection);
            }
        }
    }

    /// All connections of a node end, and the others hear of it or not.
    pub(super) fn crash(&mut self, (now, dice): (u64, &mut Random), place: usize, is_heard: bool) {
        let mut ends = Vec::new();
        for (number, connection) in &mut self.connections {
            for side in 0..2 {
                if connection.places[side] == place && !connection.is_gone[side] {
                    connection.is_silent |= !is_heard;
                    let connection = *number;
                    ends.push(End { connection, side });
                }
            }
        }
        for end in ends {
            self.hang_up((now, dice), end);
        }
    }

    /// Any one of the connections.
    fn any(&mut self, dice: &mut Random) -> Option<&mut Connection> {
        let count = self.connections.len() as u64;
        let nth = dice.below(count.max(1)) as usize;
        self.connections.values_mut().nth(nth)
    }

    /// Both sides of one lose what is on its way, from somewhere on.
    pub(super) fn cut(&mut self, now: u64, dice: &mut Random) {
        let Some(connection) = self.any(dice) else {
            return;
        };
        for way in &mut connection.ways {
            way.lose_from_somewhere(dice);
            way.ends_at.get_or_insert(now + dice.below(30));
        }
    }

    /// One carries nothing any more.
    pub(super) fn silence(&mut self, dice: &mut Random) {
        if let Some(connection) = self.any(dice) {
            connection.is_silent = true;
        }
    }

    /// Those that carry nothing are cut.
    pub(super) fn heal(&mut self, now: u64) {
        self.refuses = 0;
        for connection in self.connections.values_mut() {
            if std::mem::take(&mut connection.is_silent) {
                for way in &mut connection.ways {
                    way.lose();
                    way.ends_at.get_or_insert(now);
                }
            }
        }
    }
}
