//! The sessions of one core, by place and by id.
//!
//! A place is reused after its session ends; the generation tells the two
//! apart, so mail for a session that is gone finds nobody.

use std::sync::Arc;

use crate::resp::{Decoder, Version};
use crate::shard::Wait;

use super::away::Away;
use super::client::{Client, Origin};
use super::inbox::Inbox;
use super::outbox::{Gap, Outbox};
use super::transaction::Transaction;
use super::watches::Watches;

/// A session's place on its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    pub index: u32,
    /// Taken modulo 2²⁴.
    pub generation: u32,
}

impl SessionId {
    /// The client of a script's commands, on every core.
    pub const SCRIPT: SessionId = SessionId {
        index: u32::MAX,
        generation: 0,
    };

    /// As one number, for those who only hand it back.
    #[must_use]
    pub fn packed(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// What `packed` wrote.
    #[must_use]
    pub fn unpacked(number: u64) -> SessionId {
        SessionId {
            index: number as u32,
            generation: (number >> 32) as u32,
        }
    }
}

/// Where a session stands with its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Takes the next request.
    Open,
    /// Its last request is under way and must end before the next begins.
    Waiting,
    /// Takes no more requests; goes when its replies are out or its peer is.
    Closing,
}

/// One client with its bytes.
#[derive(Debug)]
pub struct Session {
    pub client: Client,
    pub stage: Stage,
    /// Received bytes that are not a whole request yet, or wait for the stage.
    pub inbox: Inbox,
    /// Received bytes that are being served, beside the inbox.
    pub in_hand: usize,
    pub decoder: Decoder,
    /// How many of its requests are decoded before the first of them runs: few of one
    /// whose requests make it wait, since the rest is decoded again.
    pub ahead: u8,
    pub outbox: Outbox,
    /// Things under way that the stage waits for; it opens after the last.
    pub awaiting: u32,
    /// Requests of which parts are under way at several cores, and those for
    /// its own core that stand behind them.
    pub scattered: Away,
    /// Transactions and scripts of it that run at another core while it goes on.
    pub afar: Away,
    /// The request that waits for its keys.
    pub blocked: Option<Blocked>,
    /// It waits for replicas or the disk, at the control core.
    pub waits: bool,
    /// It is in SHUTDOWN.
    pub awaits_end: bool,
    /// What was written before its request is in the stream for replicas.
    pub knows_offset: bool,
    /// Between MULTI and EXEC.
    pub transaction: Option<Box<Transaction>>,
    /// EXEC runs what was put off.
    pub is_in_exec: bool,
    pub watches: Watches,
    /// What it takes, and its size class, as they were counted last.
    pub weight: Option<(u64, usize)>,
    /// Hung up: only its socket is still with the kernel.
    pub is_gone: bool,
}

impl Session {
    /// Takes no further request until something that was begun is done.
    pub fn await_one(&mut self) {
        self.stage = Stage::Waiting;
        self.awaiting += 1;
    }

    /// The same, with a place for the reply.
    pub fn await_reply(&mut self) -> Gap {
        self.await_one();
        self.outbox.leave_gap()
    }

    /// Memory it takes, in bytes: `tot-mem` of CLIENT LIST.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let transaction = self.transaction.as_deref();
        size_of::<Session>()
            + self.inbox.capacity()
            + self.outbox.footprint()
            + transaction.map_or(0, Transaction::memory_bytes)
            + self.watches.memory_bytes()
            + self.client.subscribed.memory_bytes()
    }

    fn new(client: Client) -> Session {
        Session {
            client,
            stage: Stage::Open,
            inbox: Inbox::default(),
            in_hand: 0,
            decoder: Decoder::new(),
            ahead: 1,
            outbox: Outbox::default(),
            awaiting: 0,
            scattered: Away::default(),
            afar: Away::default(),
            blocked: None,
            waits: false,
            awaits_end: false,
            knows_offset: false,
            transaction: None,
            is_in_exec: false,
            watches: Watches::default(),
            weight: None,
            is_gone: false,
        }
    }
}

/// A request without a reply yet.
#[derive(Debug)]
pub struct Blocked {
    pub wait: Arc<Wait>,
    /// Where its reply goes.
    pub gap: Gap,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Roster {
    places: Vec<Place>,
    free: Vec<u32>,
    len: usize,
    /// Whom a script's commands take for their client.
    script: Option<Box<Session>>,
}

#[derive(Debug, Default)]
struct Place {
    generation: u32,
    session: Option<Box<Session>>,
}

const GENERATION_MASK: u32 = 0xff_ffff;

impl Roster {
    /// Gives a client a place.
    pub fn admit(&mut self, client: Client) -> SessionId {
        let session = Box::new(Session::new(client));
        self.len += 1;
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.places.push(Place::default());
                self.places.len() as u32 - 1
            }
        };
        let place = &mut self.places[index as usize];
        debug_assert!(place.session.is_none());
        place.session = Some(session);
        SessionId {
            index,
            generation: place.generation,
        }
    }

    /// Makes the client of a script's commands what the script is now.
    pub fn begin_script(&mut self, database: usize, version: Version) {
        let session = self.script.get_or_insert_with(|| {
            let nowhere = Origin {
                address: "lua".into(),
                local: "".into(),
                is_loopback: true,
                is_unix: false,
                fd: -1,
            };
            Box::new(Session::new(Client::new(0, nowhere, true, 0)))
        });
        session.client.database = database;
        session.client.version = version;
    }

    /// Ends a session; its place may be given to another.
    pub fn dismiss(&mut self, id: SessionId) -> Option<Box<Session>> {
        let place = self.places.get_mut(id.index as usize)?;
        if place.generation != id.generation {
            return None;
        }
        let session = place.session.take()?;
        place.generation = (place.generation + 1) & GENERATION_MASK;
        self.free.push(id.index);
        self.len -= 1;
        Some(session)
    }

    /// The session, unless it is gone.
    #[must_use]
    pub fn find(&mut self, id: SessionId) -> Option<&mut Session> {
        let Some(place) = self.places.get_mut(id.index as usize) else {
            let is_script = id == SessionId::SCRIPT;
            return self.script.as_deref_mut().filter(|_| is_script);
        };
        if place.generation == id.generation {
            place.session.as_deref_mut()
        } else {
            None
        }
    }

    /// All sessions, by place.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let session = place.session.as_deref()?;
            Some((place_id(index, place.generation), session))
        })
    }

    /// All sessions, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut Session)> {
        self.places
            .iter_mut()
            .enumerate()
            .filter_map(|(index, place)| {
                let id = place_id(index, place.generation);
                Some((id, place.session.as_deref_mut()?))
            })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

fn place_id(index: usize, generation: u32) -> SessionId {
    SessionId {
        index: index as u32,
        generation,
    }
}
