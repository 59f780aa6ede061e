//! Time, the network between the two, and what is looked at after every step.

use std::collections::{BTreeMap, VecDeque};

use crate::base::Random;
use crate::replication::Unsorted;
use crate::replication::{ReplicationId, Stage};

use super::super::story::Applied;
use super::node::{Node, Want};
use super::primary::{Decided, Primary, Telling};

/// Virtual milliseconds in which everything may go wrong.
const TROUBLE_MS: u64 = 8_000;

/// And in which all must be well afterwards.
const HEALING_MS: u64 = 20_000;

/// What happened in all worlds.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) full: u64,
    pub(super) partial: u64,
    pub(super) renamed: u64,
    pub(super) cut_while_receiving: u64,
    pub(super) failed_loads: u64,
    pub(super) transactions: u64,
}

/// One direction: bytes and when they arrive.
type Pipe = VecDeque<(u64, Vec<u8>)>;

/// A connection, or an attempt at one.
#[derive(Debug)]
struct Connection {
    /// When it stands; none when it stands.
    opens_at: Option<u64>,
    /// When either side hears that it is no more.
    cut_at: Option<u64>,
    /// It carries nothing, and nobody hears of that.
    is_silent: bool,
    to_primary: Pipe,
    to_replica: Pipe,
}

pub(super) struct World {
    seed: u64,
    dice: Random,
    now: u64,
    primary: Primary,
    node: Node,
    connection: Option<Connection>,
    /// Every history there was.
    stories: BTreeMap<String, Telling>,
    /// The highest offset the node has had, by name.
    highest: BTreeMap<String, u64>,
    /// The data at some offset of a history, as far as it was told last.
    told: Option<(String, u64, Applied)>,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut dice = Random::new(seed);
        let mut primary = Primary::new(&mut dice);
        for _ in 0..dice.below(50) {
            primary.write(&mut dice);
        }
        World {
            seed,
            now: 0,
            primary,
            node: Node::new(),
            connection: None,
            stories: BTreeMap::new(),
            highest: BTreeMap::new(),
            told: None,
            dice,
        }
    }

    pub(super) fn play(mut self, seen: &mut Seen) {
        self.node.follow(0);
        while self.now < TROUBLE_MS {
            self.trouble(seen);
            self.step();
        }
        let end = self.now + HEALING_MS;
        if let Some(connection) = &mut self.connection {
            connection.is_silent = false;
        }
        while !self.is_healed() {
            assert!(
                self.now < end,
                "seed {}: {:?}",
                self.seed,
                self.node.follower
            );
            self.step();
        }
        for decided in &self.primary.decided {
            match decided {
                Decided::Full { .. } => seen.full += 1,
                Decided::Partial { .. } => seen.partial += 1,
            }
        }
        seen.failed_loads += self.node.failed_loads;
    }

    fn is_healed(&self) -> bool {
        self.node.is_settled() && self.node.offset == Some(self.primary.telling.end())
    }

    /// What may go wrong, and what the primary writes.
    fn trouble(&mut self, seen: &mut Seen) {
        let dice = &mut self.dice;
        if dice.below(12) == 0 && self.primary.write(dice) {
            seen.transactions += 1;
        }
        match dice.below(3000) {
            0..20 => self.primary.say("PING"),
            20..60 => self.primary.say("REPLCONF GETACK *"),
            60..63 => {
                seen.renamed += 1;
                self.remember();
                self.primary.rename(&mut self.dice);
                self.cut();
            }
            63..64 => {
                self.remember();
                self.primary.restart(&mut self.dice);
                self.cut();
            }
            64..86 => {
                let stage = self.node.follower.stage();
                seen.cut_while_receiving += u64::from(stage == Stage::Receiving);
                self.cut();
            }
            86..89 => {
                if let Some(connection) = &mut self.connection {
                    connection.is_silent = true;
                }
            }
            _ => {}
        }
    }

    /// Both sides hear of it, and what is on its way is lost from somewhere on.
    fn cut(&mut self) {
        self.primary.disconnect();
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.to_primary.clear();
        let kept = self.dice.below(connection.to_replica.len() as u64 + 1);
        connection.to_replica.truncate(kept as usize);
        if let Some((_, last)) = connection.to_replica.back_mut() {
            let len = self.dice.below(last.len() as u64 + 1);
            last.truncate(len as usize);
        }
        connection.cut_at = Some(self.now + self.dice.below(30));
    }

    /// A millisecond or a few.
    fn step(&mut self) {
        self.now += 1 + self.dice.below(4);
        self.carry();
        let wants = self.node.step(self.now, &mut self.dice);
        for want in wants {
            self.grant(want);
        }
        self.speak();
        self.look();
    }

    /// What has arrived is heard.
    fn carry(&mut self) {
        let now = self.now;
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.is_silent {
            return;
        }
        if connection.opens_at.is_some_and(|at| at <= now) {
            connection.opens_at = None;
            if self.dice.below(6) == 0 {
                self.connection = None;
                return self.node.follower.on_closed(now, "refused");
            }
            self.primary.connect();
            self.node.follower.on_connected(now);
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        while self.node.follower.wants_bytes()
            && let Some((at, _)) = connection.to_replica.front()
            && *at <= now
        {
            let (_, bytes) = connection.to_replica.pop_front().expect("it is there");
            self.node.follower.on_bytes(now, &bytes, &mut Unsorted);
        }
        let mut out = Vec::new();
        while let Some((at, _)) = connection.to_primary.front()
            && *at <= now
        {
            let (_, bytes) = connection.to_primary.pop_front().expect("it is there");
            let asked = self.primary.hear(&bytes, (now, &mut self.dice), &mut out);
            if let Some((id, from)) = asked {
                // It asks from where its data ends, or for everything.
                let history = self.node.follower.history();
                let expected = match (history, self.node.offset) {
                    (Some(history), Some(offset)) => (history.id.to_string(), offset as i64 + 1),
                    _ => ("?".to_owned(), -1),
                };
                assert_eq!((id, from), expected, "seed {}", self.seed);
            }
        }
        if !out.is_empty() {
            connection
                .to_replica
                .push_back((now + self.dice.below(10), out));
        }
        let is_over = connection.cut_at.is_some_and(|at| at <= now);
        if is_over && connection.to_replica.is_empty() {
            self.connection = None;
            self.node.follower.on_closed(now, "cut");
        }
    }

    fn grant(&mut self, want: Want) {
        match want {
            Want::Connect => {
                self.connection = Some(Connection {
                    opens_at: Some(self.now + self.dice.below(40)),
                    cut_at: None,
                    is_silent: false,
                    to_primary: Pipe::new(),
                    to_replica: Pipe::new(),
                });
            }
            Want::HangUp => {
                self.connection = None;
                self.primary.disconnect();
            }
            Want::Send(bytes) => {
                let at = self.now + self.dice.below(10);
                if let Some(connection) = &mut self.connection
                    && connection.cut_at.is_none()
                {
                    let last = connection.to_primary.back().map_or(0, |(at, _)| *at);
                    for piece in pieces(&bytes, &mut self.dice) {
                        connection.to_primary.push_back((at.max(last), piece));
                    }
                }
            }
        }
    }

    /// The primary sends.
    fn speak(&mut self) {
        let mut out = Vec::new();
        self.primary.send(self.now, &mut self.dice, &mut out);
        let Some(connection) = &mut self.connection else {
            return;
        };
        if connection.cut_at.is_some() || out.is_empty() {
            return;
        }
        let at = self.now + self.dice.below(10);
        let last = connection.to_replica.back().map_or(0, |(at, _)| *at);
        for piece in pieces(&out, &mut self.dice) {
            connection.to_replica.push_back((at.max(last), piece));
        }
    }

    /// Keeps a history that ends.
    fn remember(&mut self) {
        let name = self.primary.id.to_string();
        self.stories.insert(name, self.primary.telling.clone());
    }

    /// The promises.
    fn look(&mut self) {
        let (Some(history), Some(offset)) = (self.node.follower.history(), self.node.offset) else {
            return;
        };
        let seed = self.seed;
        if history.id == ReplicationId::NONE {
            return;
        }
        let name = history.id.to_string();
        let story = if name == self.primary.id.as_str() {
            &self.primary.telling
        } else {
            let story = self.stories.get(&name);
            story.unwrap_or_else(|| panic!("seed {seed}: nobody ever had {name}"))
        };
        let told = match self.told.take() {
            Some((of, from, mut told)) if of == name && from <= offset => {
                told.apply_all(story.between(from, offset));
                told
            }
            _ => story.at(offset),
        };
        assert_eq!(self.node.applied.data, told.data, "seed {seed} at {offset}");
        self.told = Some((name.clone(), offset, told));
        let highest = self.highest.entry(name).or_insert(0);
        assert!(
            *highest <= offset,
            "seed {seed}: from {highest} back to {offset}"
        );
        *highest = offset;
    }
}

/// The same bytes in pieces.
fn pieces(bytes: &[u8], dice: &mut Random) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + 1 + dice.below(120) as usize).min(bytes.len());
        pieces.push(bytes[at..end].to_vec());
        at = end;
    }
    pieces
}
