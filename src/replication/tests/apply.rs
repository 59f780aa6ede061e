//! Streams dealt to cores that hear of each other late: every key is changed in the
//! stream's order, what has several keys meets all of them in the same state as one core
//! would, and nobody waits for ever.

use std::collections::{BTreeMap, VecDeque};

use crate::base::Random;
use crate::replication::{Deal, Progress, Share, Step, Task};

use super::seeds::seeds;

const DATABASES: u64 = 3;

/// A unit: its keys, and what it finds there when one core runs everything.
#[derive(Clone, Debug)]
struct Unit {
    database: usize,
    keys: Vec<usize>,
    found: Vec<usize>,
    bytes: Vec<u8>,
}

/// Keys are numbers, and live on the core of that number modulo the cores. A value is
/// how often it was changed.
#[derive(Default)]
struct Data(BTreeMap<(usize, usize), usize>);

impl Data {
    fn run(&mut self, database: usize, keys: &[usize]) -> Vec<usize> {
        let change = |key: &usize| {
            let value = self.0.entry((database, *key)).or_default();
            *value += 1;
            *value - 1
        };
        keys.iter().map(change).collect()
    }
}

fn units(dice: &mut Random, cores: usize) -> Vec<Unit> {
    let mut data = Data::default();
    let mut database = 0;
    let count = 1 + dice.below(40);
    let is_often_joint = dice.below(3) == 0;
    let unit = |number| {
        if dice.below(4) == 0 {
            database = dice.below(DATABASES) as usize;
        }
        let is_joint = dice.below(if is_often_joint { 2 } else { 8 }) == 0;
        let len = if is_joint { 1 + dice.below(4) } else { 1 };
        let mut keys: Vec<usize> = (0..len).map(|_| dice.below(12) as usize).collect();
        if dice.below(20) == 0 {
            // Of all cores.
            keys = (0..cores).collect();
        }
        Unit {
            database,
            found: data.run(database, &keys),
            keys,
            bytes: format!("<{number}>").into_bytes(),
        }
    };
    (0..count).map(unit).collect()
}

#[derive(Debug)]
enum Mail {
    Steps(Vec<Step>),
    Met(u64),
    Parted(u64),
    Applied(u64),
}

/// Cores, and the control core as the last.
struct Node {
    units: Vec<Unit>,
    shares: Vec<Share>,
    /// Selected at each core.
    databases: Vec<usize>,
    data: Data,
    mail: BTreeMap<(usize, usize), VecDeque<Mail>>,
    progress: Progress,
    /// Whether each unit has run, and the offset up to which all are said to have.
    ran: Vec<bool>,
    applied: u64,
}

impl Node {
    fn post(&mut self, from: usize, to: usize, mail: Mail) {
        self.mail.entry((from, to)).or_default().push_back(mail);
    }

    /// One core does one thing; `false` if it has nothing to do.
    fn work(&mut self, core: usize) -> bool {
        let control = self.shares.len();
        let Some(task) = self.shares[core].next_task() else {
            return false;
        };
        match task {
            Task::Run(bytes) => self.run(core, &bytes),
            Task::Meet { number, at } => self.post(core, at, Mail::Met(number)),
            Task::Part { number, others } => {
                for other in (0..control).filter(|other| others >> other & 1 == 1) {
                    self.post(core, other, Mail::Parted(number));
                }
            }
            Task::Applied(end) => self.post(core, control, Mail::Applied(end)),
        }
        true
    }

    fn run(&mut self, core: usize, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).expect("it is text");
        for part in text.split_inclusive(['>', '\n']) {
            if let Some(number) = part.strip_prefix('<') {
                let number: usize = number.trim_end_matches('>').parse().expect("a unit");
                let unit = self.units[number].clone();
                assert_eq!(self.databases[core], unit.database, "unit {number}");
                assert!(!self.ran[number], "unit {number} runs once");
                self.ran[number] = true;
                let found = self.data.run(unit.database, &unit.keys);
                assert_eq!(found, unit.found, "unit {number}");
            } else if let Ok(index) = part.trim().parse() {
                // The last word of SELECT.
                self.databases[core] = index;
            }
        }
    }

    /// One letter arrives, if there is one between these.
    fn deliver(&mut self, from: usize, to: usize) -> bool {
        let line = self.mail.get_mut(&(from, to));
        let Some(mail) = line.and_then(VecDeque::pop_front) else {
            return false;
        };
        match mail {
            Mail::Steps(steps) => self.shares[to].on_steps(steps),
            Mail::Met(number) => self.shares[to].on_met(number),
            Mail::Parted(number) => self.shares[to].on_parted(number),
            Mail::Applied(end) => {
                let applied = self.progress.on_applied(from, end);
                self.note(applied);
            }
        }
        true
    }

    fn note(&mut self, applied: Option<u64>) {
        let Some(end) = applied else { return };
        assert!(end > self.applied, "it comes forward");
        self.applied = end;
        assert!(self.ran[..end as usize].iter().all(|ran| *ran), "all ran");
    }
}

fn cores_of(unit: &Unit, cores: usize) -> u64 {
    let keys = unit.keys.iter();
    keys.fold(0, |mask, key| mask | 1 << (key % cores))
}

fn play(seed: u64) {
    let mut dice = Random::new(seed);
    let cores = 1 + dice.below(6) as usize;
    let units = units(&mut dice, cores);
    let mut node = Node {
        ran: vec![false; units.len()],
        units: units.clone(),
        shares: (0..cores).map(|_| Share::default()).collect(),
        databases: vec![0; cores],
        data: Data::default(),
        mail: BTreeMap::new(),
        progress: Progress::default(),
        applied: 0,
    };
    let mut deal = Deal::new(cores);
    deal.begin(0);
    let mut coming = units.iter().enumerate().peekable();
    let mut quiet = 0;
    while quiet < 2000 {
        quiet += 1;
        let (one, other) = (dice.below(cores as u64 + 1), dice.below(cores as u64 + 1));
        let (one, other) = (one as usize, other as usize);
        let did = match dice.below(3) {
            0 if coming.peek().is_some() => {
                let mut end = 0;
                for (number, unit) in coming.by_ref().take(1 + dice.below(8) as usize) {
                    let first = unit.database;
                    deal.select(first);
                    deal.unit(cores_of(unit, cores), first, &unit.bytes);
                    end = number as u64 + 1;
                }
                let mut mask = 0;
                for (core, steps) in deal.deal(end) {
                    mask |= 1 << core;
                    node.post(cores, core, Mail::Steps(steps));
                }
                let applied = node.progress.on_given(end, mask);
                node.note(applied);
                true
            }
            0 | 1 => node.deliver(one, other),
            _ => one < cores && node.work(one),
        };
        if did {
            quiet = 0;
        }
    }
    assert_eq!(node.applied, units.len() as u64, "everything has run");
    assert!(node.shares.iter().all(Share::is_empty));
}

#[test]
fn cores_apply_a_stream_as_one_would() {
    for seed in seeds(3000) {
        play(seed);
    }
}

#[test]
fn cores_that_take_no_part_go_on() {
    let mut deal = Deal::new(4);
    deal.begin(0);
    deal.unit(0b0011, 0, b"joint");
    deal.unit(0b0100, 0, b"third");
    deal.unit(0b0001, 0, b"first");
    let dealt = deal.deal(9);
    let end = Step::End(9);
    assert_eq!(dealt.len(), 3, "the fourth has nothing to do: {dealt:?}");
    let (number, bytes) = (0, b"joint".to_vec());
    let (lead, run) = (
        Step::Lead {
            number,
            others: 0b10,
            bytes,
        },
        Step::Run(b"first".to_vec()),
    );
    assert_eq!(dealt[0], (0, vec![lead, run, end.clone()]));
    let meet = Step::Meet { number, at: 0 };
    assert_eq!(dealt[1], (1, vec![meet, end.clone()]));
    assert_eq!(dealt[2], (2, vec![Step::Run(b"third".to_vec()), end]));
}

#[test]
fn units_of_the_same_cores_meet_once() {
    let mut deal = Deal::new(3);
    deal.begin(0);
    for bytes in [b"a", b"b"] {
        deal.unit(0b011, 0, bytes);
        deal.unit(0b100, 0, b"-");
    }
    deal.unit(0b111, 0, b"c");
    let dealt = deal.deal(5);
    let meetings = |steps: &[Step]| {
        let is_meeting = |step: &&Step| !matches!(step, Step::Run(_) | Step::End(_));
        steps.iter().filter(is_meeting).count()
    };
    let counts: Vec<usize> = dealt.iter().map(|(_, steps)| meetings(steps)).collect();
    assert_eq!(counts, [1, 1, 1], "{dealt:?}");
    assert_eq!(dealt[2].1[0], Step::Run(b"--".to_vec()));
}
