//! Units of a stream, dealt to the cores that apply them.
//!
//! What one core can apply goes to that core, in the order of the stream. A unit for
//! several cores goes to one of them, and the others get a place in their order at
//! which they meet it: none goes on before it has run. Meetings are numbered, and
//! stand in every core's order by their numbers, so the first one that is not over
//! never waits for another.

use crate::replication::greeting::request;

/// What a core has to do, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run these units, all of whose keys are this core's.
    Run(Vec<u8>),
    /// Wait until that core has run the units of this meeting.
    Meet { number: u64, at: usize },
    /// Run these units when all of `others`, one bit each, wait for it.
    Lead {
        number: u64,
        others: u64,
        bytes: Vec<u8>,
    },
    /// What this core has of the stream up to this offset has run.
    End(u64),
}

/// See the module.
#[derive(Debug)]
pub struct Deal {
    hands: Vec<Hand>,
    /// Selected in the stream by now.
    database: usize,
    /// Units for several cores that are put together, as nothing came between that any of
    /// the cores would have to do first.
    joint: Option<Joint>,
    meetings: u64,
}

/// What one core gets.
#[derive(Debug, Default)]
struct Hand {
    steps: Vec<Step>,
    /// Of the `Run` that comes next.
    bytes: Vec<u8>,
    /// How long that was the last time.
    usual: usize,
    /// Selected there, behind all this.
    database: usize,
}

#[derive(Debug)]
struct Joint {
    cores: u64,
    bytes: Vec<u8>,
    /// Selected for its first unit, and behind its last.
    first: usize,
    last: usize,
}

impl Deal {
    /// For so many cores.
    #[must_use]
    pub fn new(cores: usize) -> Deal {
        let mut hands = Vec::new();
        hands.resize_with(cores, Hand::default);
        Deal {
            hands,
            database: 0,
            joint: None,
            meetings: 0,
        }
    }

    /// A stream begins, with this database selected in it and at every core.
    pub fn begin(&mut self, database: usize) {
        self.database = database;
        self.joint = None;
        for hand in &mut self.hands {
            *hand = Hand {
                database,
                ..Hand::default()
            };
        }
    }

    /// Selected in the stream.
    #[must_use]
    pub fn database(&self) -> usize {
        self.database
    }

    /// The stream selects a database.
    pub fn select(&mut self, database: usize) {
        self.database = database;
    }

    /// A unit comes that these cores, one bit each, have the keys of. It begins in
    /// database `first`, and ends in the one that is selected by now.
    pub fn unit(&mut self, cores: u64, first: usize, bytes: &[u8]) {
        let last = self.database;
        if cores.count_ones() > 1 {
            return self.meet(cores, first, bytes);
        }
        if self.joint.as_ref().is_some_and(|it| it.cores & cores != 0) {
            self.end_joint();
        }
        let hand = &mut self.hands[cores.trailing_zeros() as usize];
        if hand.bytes.capacity() == 0 {
            hand.bytes.reserve(hand.usual + hand.usual / 8);
        }
        select(&mut hand.bytes, &mut hand.database, first);
        hand.bytes.extend_from_slice(bytes);
        hand.database = last;
    }

    fn meet(&mut self, cores: u64, first: usize, bytes: &[u8]) {
        let fits = |joint: &Joint| {
            let both = joint.cores | cores;
            both == joint.cores || both == cores
        };
        if !self.joint.as_ref().is_some_and(fits) {
            self.end_joint();
        }
        let joint = self.joint.get_or_insert_with(|| Joint {
            cores,
            bytes: Vec::new(),
            first,
            last: first,
        });
        joint.cores |= cores;
        select(&mut joint.bytes, &mut joint.last, first);
        joint.bytes.extend_from_slice(bytes);
        joint.last = self.database;
    }

    /// The units for several cores get their place.
    fn end_joint(&mut self) {
        let Some(joint) = self.joint.take() else {
            return;
        };
        let number = self.meetings;
        self.meetings += 1;
        // Each in turn, so that no core leads them all.
        let leader = nth_bit(joint.cores, number);
        let others = joint.cores & !(1 << leader);
        for (core, hand) in self.hands.iter_mut().enumerate() {
            if others >> core & 1 == 1 {
                hand.end_run();
                let at = leader;
                hand.steps.push(Step::Meet { number, at });
            }
        }
        let hand = &mut self.hands[leader];
        hand.end_run();
        let mut bytes = Vec::new();
        select(&mut bytes, &mut hand.database, joint.first);
        bytes.extend(joint.bytes);
        hand.database = joint.last;
        hand.steps.push(Step::Lead {
            number,
            others,
            bytes,
        });
    }

    /// Everything up to this offset has come: what each core gets of it. Cores that are
    /// not named have nothing to do.
    pub fn deal(&mut self, end: u64) -> Vec<(usize, Vec<Step>)> {
        self.end_joint();
        let mut dealt = Vec::new();
        for (core, hand) in self.hands.iter_mut().enumerate() {
            hand.end_run();
            if !hand.steps.is_empty() {
                hand.steps.push(Step::End(end));
                dealt.push((core, std::mem::take(&mut hand.steps)));
            }
        }
        dealt
    }
}

impl Hand {
    fn end_run(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            self.usual = bytes.len();
            self.steps.push(Step::Run(bytes));
        }
    }
}

/// Selects a database where another is selected.
fn select(bytes: &mut Vec<u8>, selected: &mut usize, wanted: usize) {
    if *selected != wanted {
        *selected = wanted;
        request(bytes, &[b"SELECT", wanted.to_string().as_bytes()]);
    }
}

/// The place of one of the bits that are set, in turn.
fn nth_bit(mut bits: u64, number: u64) -> usize {
    for _ in 0..number % u64::from(bits.count_ones()) {
        bits &= bits - 1;
    }
    bits.trailing_zeros() as usize
}
