//! A node around a follower: loads files and applies units, sometimes late, and
//! knows what data it has.

use std::collections::VecDeque;

use crate::base::Random;
use crate::replication::Unsorted;
use crate::replication::{Action, Address, Follower, Introduction, Stage};

use super::super::story::{Applied, requests};

/// What the node wants of the network.
#[derive(Debug)]
pub(super) enum Want {
    Connect,
    HangUp,
    Send(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) follower: Follower,
    pub(super) applied: Applied,
    /// The offset of `applied`, if it is of a history.
    pub(super) offset: Option<u64>,
    file: Vec<u8>,
    loading_until: Option<u64>,
    /// Portions, when each has run, and the offset behind it.
    portions: VecDeque<(Vec<u8>, u64, u64)>,
    is_open: bool,
    is_draining: bool,
    pub(super) failed_loads: u64,
    pub(super) abandoned: u64,
}

impl Node {
    pub(super) fn new() -> Node {
        let mut follower = Follower::new(None);
        let introduction = Introduction {
            port: 7000,
            password: b"secret".to_vec(),
            ..Introduction::default()
        };
        follower.on_settings(introduction, 2000);
        Node {
            follower,
            applied: Applied::default(),
            offset: None,
            file: Vec::new(),
            loading_until: None,
            portions: VecDeque::new(),
            is_open: false,
            is_draining: false,
            failed_loads: 0,
            abandoned: 0,
        }
    }

    pub(super) fn follow(&mut self, now: u64) {
        let primary = Address {
            host: "primary".to_owned(),
            port: 1,
        };
        self.follower.follow(now, primary);
    }

    /// Lets what is due happen; what is to be done with the network.
    pub(super) fn step(&mut self, now: u64, dice: &mut Random) -> Vec<Want> {
        if self.loading_until.is_some_and(|until| until <= now) {
            self.loading_until = None;
            self.end_load(now, dice);
        }
        while let Some((_, at, _)) = self.portions.front() {
            if *at > now {
                break;
            }
            let (bytes, _, end) = self.portions.pop_front().expect("it is there");
            self.run(&bytes, end);
            self.follower.on_applied(now, end);
        }
        if self.is_draining && self.portions.is_empty() {
            self.is_draining = false;
            self.is_open = false;
            let database = self.applied.database as usize;
            self.follower.on_drained(now);
            if let Some(standing) = self.follower.standing() {
                assert_eq!(standing.database, database, "what is selected is known");
            }
        }
        if self.follower.deadline().is_some_and(|at| at <= now) {
            self.follower.on_time(now);
        }
        let mut wants = Vec::new();
        while let Some(action) = self.follower.next_action() {
            self.act(action, now, dice, &mut wants);
        }
        wants
    }

    fn act(&mut self, action: Action, now: u64, dice: &mut Random, wants: &mut Vec<Want>) {
        match action {
            Action::Connect(_) => wants.push(Want::Connect),
            Action::HangUp => wants.push(Want::HangUp),
            Action::Send(bytes) => wants.push(Want::Send(bytes)),
            Action::Receive { .. } => self.file.clear(),
            Action::Piece(piece) => self.file.extend(piece),
            Action::Load => self.loading_until = Some(now + dice.below(300)),
            Action::Abandon => {
                self.abandoned += 1;
                self.loading_until = None;
            }
            Action::Open { database } => {
                assert!(!self.is_open, "it is opened once");
                self.is_open = true;
                self.applied.database = database as u64;
            }
            Action::Apply { bytes, end } => {
                assert!(
                    self.is_open && !self.is_draining,
                    "units come between the two"
                );
                let last = self.portions.back().map(|(_, at, _)| *at);
                let at = last.unwrap_or(now).max(now + dice.below(60));
                self.portions.push_back((bytes, at, end));
            }
            Action::Drain => self.is_draining = true,
            Action::Released | Action::HandedOver(_) => {
                panic!("it has a primary all the time, which leads")
            }
            Action::Log(..) => {}
        }
    }

    /// The file becomes the data; sometimes what was here has gone and the file
    /// is not right.
    fn end_load(&mut self, now: u64, dice: &mut Random) {
        if dice.below(10) == 0 {
            self.failed_loads += 1;
            if dice.below(2) == 0 {
                self.applied = Applied::default();
                self.offset = None;
                self.follower.on_forsaken();
            }
            return self.follower.on_loaded(now, Err(()), &mut Unsorted);
        }
        self.applied = Applied::of_file(&self.file);
        let database = self.applied.database as usize;
        self.follower.on_loaded(now, Ok(database), &mut Unsorted);
        let history = self.follower.history().expect("it has one now");
        self.offset = Some(history.offset);
    }

    /// Runs whole units.
    fn run(&mut self, bytes: &[u8], end: u64) {
        let before = self.offset.expect("units are of a history");
        assert_eq!(
            before + bytes.len() as u64,
            end,
            "no byte twice, none left out"
        );
        let found = requests(bytes);
        assert_eq!(found.last().map(|(_, end)| *end), Some(bytes.len()));
        for (words, _) in found {
            self.applied.apply(&words);
        }
        assert!(!self.applied.is_in_multi, "a transaction runs whole");
        self.offset = Some(end);
    }

    /// Whether it has nothing under way and streams.
    pub(super) fn is_settled(&self) -> bool {
        self.follower.stage() == Stage::Streaming && self.portions.is_empty()
    }
}
