//! A client: what it has sent, what it was told, and what it is about.

use crate::base::Random;
use crate::resp::{Value, parse_reply};
use crate::session::SessionId;

use super::exchange::Exchange;
use super::ledger::Ledger;

/// Where a client stands with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Open,
    /// It sends no more but reads.
    Ending,
    /// It is gone, and the node does not know.
    Broken,
    /// The node has let it go.
    Over,
}

/// See the module.
pub(super) struct Client {
    /// The number the node knows it by.
    pub(super) number: u64,
    pub(super) core: usize,
    pub(super) id: SessionId,
    pub(super) line: Line,
    /// On its way to the node.
    pub(super) wire: Vec<u8>,
    inbox: Vec<u8>,
    pub(super) exchange: Option<Exchange>,
    replies: Vec<Value>,
    /// In which round its exchange began.
    pub(super) began: u64,
    pub(super) acts_left: u64,
    dice: Random,
    exchanges: u64,
}

impl Client {
    pub(super) fn new(number: u64, core: usize, id: SessionId, acts: u64, dice: Random) -> Client {
        Client {
            number,
            core,
            id,
            line: Line::Open,
            wire: Vec::new(),
            inbox: Vec::new(),
            exchange: None,
            replies: Vec::new(),
            began: 0,
            acts_left: acts,
            dice,
            exchanges: 0,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.line == Line::Open && self.exchange.is_none()
    }

    pub(super) fn dice(&mut self) -> &mut Random {
        &mut self.dice
    }

    /// Sends the requests of an exchange.
    pub(super) fn begin(&mut self, exchange: Exchange, round: u64) {
        self.exchanges += 1;
        let tag = format!("{}:{}", self.number, self.exchanges);
        let exchange = match self.dice.below(2) {
            0 => exchange.framed(&tag),
            _ => exchange,
        };
        for request in &exchange.requests {
            let head = format!("*{}\r\n", request.len());
            self.wire.extend_from_slice(head.as_bytes());
            for word in request {
                let word = format!("${}\r\n{word}\r\n", word.len());
                self.wire.extend_from_slice(word.as_bytes());
            }
        }
        self.began = round;
        self.exchange = Some(exchange);
    }

    /// Reads what the node sent; whether its exchange ended by that.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        ledger: &mut Ledger,
        round: u64,
    ) -> Result<bool, String> {
        self.inbox.extend_from_slice(bytes);
        let mut has_ended = false;
        while let Some((reply, used)) = parse_reply(&self.inbox) {
            self.inbox.drain(..used);
            ledger.hear(self.number, &reply);
            self.replies.push(reply);
            let Some(exchange) = &self.exchange else {
                return Err(format!("a reply to nothing: {:?}", self.replies));
            };
            if self.replies.len() < exchange.requests.len() {
                continue;
            }
            has_ended = true;
            let exchange = self.exchange.take().expect("looked at a moment ago");
            let replies = std::mem::take(&mut self.replies);
            let requests = format!("{:?}", exchange.requests);
            match exchange.end(ledger, &mut self.dice, &replies) {
                Ok(Some(next)) if self.line == Line::Open => self.begin(next, round),
                Ok(Some(next)) => next.lose(ledger),
                Ok(None) => {}
                Err(why) => return Err(format!("{why}, of {requests}: {replies:?}")),
            }
        }
        Ok(has_ended)
    }

    /// Its exchange will have no end.
    pub(super) fn lose(&mut self, ledger: &mut Ledger) {
        if let Some(exchange) = self.exchange.take() {
            exchange.lose(ledger);
        }
        self.replies.clear();
    }

    /// What it is about, for a report.
    pub(super) fn report(&self) -> String {
        let requests = self.exchange.as_ref().map(|exchange| &exchange.requests);
        format!(
            "client {} of core {}, {:?}, since round {}: {:?}, answered: {:?}",
            self.number, self.core, self.line, self.began, requests, self.replies
        )
    }
}
