//! What happens between clients and their cores: bytes arrive in pieces, sends
//! end when they like, and connections end at any moment.

use std::fs::File;
use std::os::fd::OwnedFd;

use crate::base::Random;
use crate::runtime::core::{End, Token};

use super::super::intake::token_of;
use super::client::{Client, Line};
use super::exchange::Waits;
use super::ring::ImaginedRing;
use super::world::World;

/// Bytes that arrive at once at most.
const PIECE_MAX: usize = 16 * 1024;

/// How much happens at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carry {
    /// A piece of any size.
    Some,
    /// All there is.
    All,
}

impl World {
    /// A client comes to a core, to do so many things.
    pub(super) fn connect(&mut self, core: usize, acts: u64) -> usize {
        let number = self.clients.len() as u64 + 1;
        let nothing = File::open("/dev/null").expect("it is always there");
        let work = &mut self.node.cores[core];
        work.welcome(OwnedFd::from(nothing), true, number);
        let sessions = work.work.local.roster.iter();
        let found = sessions
            .map(|(id, session)| (id, session.client.id))
            .find(|(_, of)| *of == number);
        let (id, _) = found.expect("it was welcomed");
        let dice = Random::new(self.dice.next());
        let client = Client::new(number, core, id, acts, dice);
        self.clients.push(client);
        self.clients.len() - 1
    }

    /// Something happens on a client's line; whether there was anything.
    pub(super) fn carry(&mut self, at: usize, how: Carry) -> Result<bool, String> {
        let client = &mut self.clients[at];
        if client.line == Line::Over {
            return Ok(false);
        }
        let core = &mut self.node.cores[client.core];
        let token = token_of(client.id);
        let Some(connection) = core.work.connection(client.id) else {
            return self.end(at).map(|()| true);
        };
        if connection.is_hung_up {
            let has_more = core.ring.is_receiving(token) || core.ring.is_sending(token);
            core.ring.end_receive(token, End::Broken);
            core.ring.end_send(token, false);
            return Ok(has_more);
        }
        let has_read = match client.line {
            Line::Broken => break_send(&mut core.ring, token),
            Line::Open | Line::Ending | Line::Over => self.read(at)?,
        };
        Ok(self.write(at, how) || has_read)
    }

    /// A send of a client's session ends, and it reads what was sent.
    fn read(&mut self, at: usize) -> Result<bool, String> {
        let client = &mut self.clients[at];
        let ring = &mut self.node.cores[client.core].ring;
        let bytes = ring.end_send(token_of(client.id), true);
        let exchange = client.exchange.as_ref();
        let counts = self.is_fair && exchange.is_some_and(|found| found.waits == Waits::No);
        let requests = exchange.map_or(1, |exchange| exchange.requests.len() as u64);
        let took = (self.round - client.began).div_ceil(requests);
        let has_ended = client
            .read(&bytes, &mut self.ledger, self.round)
            .map_err(|why| format!("{why}; {}", client.report()))?;
        if has_ended && counts {
            self.ledger.longest = self.ledger.longest.max(took);
        }
        Ok(!bytes.is_empty())
    }

    /// What a client has written gets on its way, and what ends, ends.
    fn write(&mut self, at: usize, how: Carry) -> bool {
        let client = &mut self.clients[at];
        let token = token_of(client.id);
        let ring = &mut self.node.cores[client.core].ring;
        if ring.is_stopping(token) {
            ring.end_receive(token, End::Rearm);
            return true;
        }
        if !ring.is_receiving(token) {
            return false;
        }
        if client.wire.is_empty() {
            match client.line {
                Line::Ending => ring.end_receive(token, End::Closed),
                Line::Broken => ring.end_receive(token, End::Broken),
                Line::Open | Line::Over => return false,
            }
            return true;
        }
        let mut len = client.wire.len().min(PIECE_MAX);
        if how == Carry::Some && self.dice.below(3) == 0 {
            len = 1 + self.dice.below(len as u64) as usize;
        }
        ring.arrive(token, client.wire.drain(..len).collect());
        true
    }

    /// A client goes: politely, or in the midst of what it says.
    pub(super) fn close(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if client.line != Line::Open {
            return;
        }
        let waits = client.exchange.as_ref().map(|exchange| &exchange.waits);
        if matches!(waits, None | Some(Waits::No)) && self.dice.below(2) == 0 {
            client.line = Line::Ending;
            return;
        }
        self.break_line(at);
    }

    /// A client's line breaks, at any byte.
    pub(super) fn break_line(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.line = Line::Broken;
        client.lose(&mut self.ledger);
        let len = self.dice.below(client.wire.len() as u64 + 1) as usize;
        client.wire.truncate(len);
    }

    /// The node has let a client go.
    fn end(&mut self, at: usize) -> Result<(), String> {
        let client = &mut self.clients[at];
        let is_right = match client.line {
            Line::Open => false,
            Line::Ending => client.exchange.is_none(),
            Line::Broken | Line::Over => true,
        };
        if !is_right {
            return Err(format!("let go unanswered: {}", client.report()));
        }
        client.line = Line::Over;
        Ok(())
    }
}

fn break_send(ring: &mut ImaginedRing, token: Token) -> bool {
    let was_sending = ring.is_sending(token);
    ring.end_send(token, false);
    was_sending
}
