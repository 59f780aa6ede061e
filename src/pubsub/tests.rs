//! The directory against a naive model, and what it promises.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::news::KINDS;
use super::{Directory, Kind, News, Reach, Step};
use crate::base::{Case, HashKey, glob_matches};

const KEY: HashKey = HashKey([3, 4]);

/// The directory of a core that is one of several.
fn directory() -> Directory<u32> {
    Directory::new(KEY, true)
}

/// Who reads a message at this core: pattern (or none) and subscriber.
fn read_here(directory: &Directory<u32>, kind: Kind, channel: &str) -> Vec<(String, u32)> {
    let mut read = Vec::new();
    directory.each_here(kind, channel.as_bytes(), |pattern, here| {
        let pattern = String::from_utf8_lossy(pattern.unwrap_or_default());
        read.extend(here.iter().map(|who| (pattern.to_string(), *who)));
    });
    read
}

fn steps(news: &[News]) -> String {
    let told = news.iter().map(|News { step, name, .. }| {
        let mark = match step {
            Step::Joined => '+',
            Step::Left => '-',
        };
        format!("{mark}{}", String::from_utf8_lossy(name))
    });
    told.collect::<Vec<String>>().join(" ")
}

#[test]
fn joining_twice_counts_once_and_is_told_once() {
    let mut directory = directory();
    assert!(directory.join(Kind::Channel, 1, b"c"));
    assert!(!directory.join(Kind::Channel, 1, b"c"));
    assert!(directory.join(Kind::Pattern, 1, b"c"));
    assert_eq!(directory.listeners(Kind::Channel, b"c"), 1);
    assert_eq!(directory.reach(Kind::Channel, b"c").receivers, 2);
    assert_eq!(steps(&directory.take_news()), "+c +c");
    assert!(directory.leave(Kind::Channel, 1, b"c"));
    assert!(!directory.leave(Kind::Channel, 1, b"c"));
    assert_eq!(steps(&directory.take_news()), "-c");
    assert!(!directory.has_news());
}

#[test]
fn a_core_alone_makes_no_news() {
    let mut directory = Directory::new(KEY, false);
    directory.join(Kind::Channel, 1, b"c");
    directory.leave_all(1);
    assert!(!directory.has_news());
}

#[test]
fn who_stays_is_found_after_others_left_from_anywhere_in_the_row() {
    let mut directory = directory();
    for who in 0..5 {
        directory.join(Kind::ShardChannel, who, b"s");
    }
    for leaves in [0, 4, 2] {
        assert!(directory.leave(Kind::ShardChannel, leaves, b"s"));
    }
    let mut left = read_here(&directory, Kind::ShardChannel, "s");
    left.sort();
    assert_eq!(left, [(String::new(), 1), (String::new(), 3)]);
    directory.leave_all(1);
    assert!(directory.leave(Kind::ShardChannel, 3, b"s"));
    assert!(directory.is_silent());
}

#[test]
fn the_channel_comes_before_the_patterns_and_shards_have_none() {
    let mut directory = directory();
    directory.join(Kind::Pattern, 1, b"n*");
    directory.join(Kind::Channel, 2, b"news");
    directory.join(Kind::Pattern, 1, b"x*");
    let read = read_here(&directory, Kind::Channel, "news");
    assert_eq!(read, [(String::new(), 2), ("n*".to_owned(), 1)]);
    assert_eq!(read_here(&directory, Kind::ShardChannel, "news"), []);
    assert_eq!(
        directory.reach(Kind::ShardChannel, b"news"),
        Reach::default()
    );
}

#[test]
fn other_cores_are_counted_and_written_to() {
    let (mut here, mut there) = (directory(), directory());
    there.join(Kind::Channel, 1, b"c");
    there.join(Kind::Channel, 2, b"c");
    there.join(Kind::Pattern, 2, b"?");
    here.join(Kind::Channel, 1, b"c");
    here.hear(5, &there.take_news());
    let reach = here.reach(Kind::Channel, b"c");
    assert_eq!((reach.receivers, reach.cores), (4, 1 << 5));
    assert_eq!(read_here(&here, Kind::Channel, "c").len(), 1);
    there.leave_all(2);
    here.hear(5, &there.take_news());
    assert_eq!(here.reach(Kind::Channel, b"c").receivers, 2);
    assert_eq!(here.names(Kind::Pattern).len(), 0);
}

#[test]
fn a_name_is_held_once_for_all_cores() {
    let (mut here, mut there) = (directory(), directory());
    there.join(Kind::Channel, 1, b"c");
    here.hear(1, &there.take_news());
    here.join(Kind::Channel, 7, b"c");
    let name = |directory: &Directory<u32>| {
        let name = directory.names(Kind::Channel).next();
        name.expect("somebody listens").as_ptr()
    };
    assert_eq!(name(&here), name(&there));
    assert_eq!(here.names_of(Kind::Channel, 7)[0].as_ptr(), name(&there));
}

#[test]
#[should_panic(expected = "who leaves had joined")]
fn nobody_leaves_elsewhere_who_had_not_joined() {
    let mut there = directory();
    there.join(Kind::Channel, 1, b"c");
    there.take_news();
    there.leave(Kind::Channel, 1, b"c");
    directory().hear(1, &there.take_news());
}

const CORES: usize = 3;
const NAMES: [&str; 5] = ["a", "ab", "a*", "?", "*"];

/// What may happen to the directories of a node.
#[derive(Clone, Debug)]
enum Event {
    Join(usize, Kind, u32, usize),
    Leave(usize, Kind, u32, usize),
    End(usize, u32),
    /// The oldest letter from one core to another arrives.
    Arrive(usize, usize),
}

fn event() -> impl Strategy<Value = Event> {
    let kind = || prop::sample::select(KINDS.to_vec());
    let names = 0..NAMES.len();
    prop_oneof![
        4 => (0..CORES, kind(), 0..4u32, names.clone())
            .prop_map(|(core, kind, who, name)| Event::Join(core, kind, who, name)),
        3 => (0..CORES, kind(), 0..4u32, names)
            .prop_map(|(core, kind, who, name)| Event::Leave(core, kind, who, name)),
        1 => (0..CORES, 0..4u32).prop_map(|(core, who)| Event::End(core, who)),
        3 => (0..CORES, 0..CORES).prop_map(|(from, to)| Event::Arrive(from, to)),
    ]
}

/// Every subscription as core, kind, subscriber and name.
type Model = BTreeSet<(usize, usize, u32, &'static str)>;

/// A node whose letters are under way.
struct Stage {
    directories: Vec<Directory<u32>>,
    mail: BTreeMap<(usize, usize), VecDeque<Vec<News>>>,
    model: Model,
}

impl Stage {
    fn new() -> Stage {
        Stage {
            directories: (0..CORES).map(|_| directory()).collect(),
            mail: BTreeMap::new(),
            model: Model::new(),
        }
    }

    fn play(&mut self, event: &Event) {
        match *event {
            Event::Join(core, kind, who, name) => {
                let is_new = self.directories[core].join(kind, who, NAMES[name].as_bytes());
                let subscription = (core, kind as usize, who, NAMES[name]);
                assert_eq!(is_new, self.model.insert(subscription));
                self.post(core);
            }
            Event::Leave(core, kind, who, name) => {
                let was_there = self.directories[core].leave(kind, who, NAMES[name].as_bytes());
                let subscription = (core, kind as usize, who, NAMES[name]);
                assert_eq!(was_there, self.model.remove(&subscription));
                self.post(core);
            }
            Event::End(core, who) => {
                self.directories[core].leave_all(who);
                self.model.retain(|&(at, _, of, _)| (at, of) != (core, who));
                self.post(core);
            }
            Event::Arrive(from, to) => self.arrive(from, to),
        }
    }

    fn post(&mut self, from: usize) {
        let news = self.directories[from].take_news();
        for to in (0..CORES).filter(|&to| to != from) {
            let mail = self.mail.entry((from, to)).or_default();
            mail.push_back(news.clone());
        }
    }

    fn arrive(&mut self, from: usize, to: usize) {
        let letters = self.mail.get_mut(&(from, to));
        if let Some(news) = letters.and_then(VecDeque::pop_front) {
            self.directories[to].hear(from, &news);
        }
    }

    /// What a core says of its own subscribers is true at every moment.
    fn check_own(&self, core: usize) {
        let directory = &self.directories[core];
        for who in 0..4 {
            for kind in KINDS {
                let own = self.model.iter().filter(|subscription| {
                    (subscription.0, subscription.1, subscription.2) == (core, kind as usize, who)
                });
                let own: BTreeSet<&[u8]> = own.map(|&(.., name)| name.as_bytes()).collect();
                let names = directory.names_of(kind, who);
                assert_eq!(directory.count(kind, who), own.len());
                assert_eq!(
                    names.iter().map(|name| &**name).collect::<BTreeSet<_>>(),
                    own
                );
            }
        }
        for kind in [Kind::Channel, Kind::ShardChannel] {
            for channel in NAMES {
                let mut read = read_here(directory, kind, channel);
                read.sort();
                let own = |&&(at, ..): &&(usize, usize, u32, &'static str)| at == core;
                let mut wanted = readers(self.model.iter().filter(own), kind, channel);
                wanted.sort();
                assert_eq!(read, wanted);
            }
        }
    }

    /// With no letter under way every core says the same of the whole node.
    fn check_all(&self, core: usize) {
        let directory = &self.directories[core];
        for kind in KINDS {
            let of_kind = || self.model.iter().filter(|one| one.1 == kind as usize);
            let names: BTreeSet<&[u8]> = of_kind().map(|one| one.3.as_bytes()).collect();
            let found: BTreeSet<&[u8]> = directory.names(kind).map(|name| &**name).collect();
            assert_eq!(found, names);
            for name in NAMES {
                let listeners = of_kind().filter(|one| one.3 == name).count();
                assert_eq!(directory.listeners(kind, name.as_bytes()), listeners as u64);
            }
        }
        for kind in [Kind::Channel, Kind::ShardChannel] {
            for channel in NAMES {
                let receivers = readers(self.model.iter(), kind, channel).len() as u64;
                let others = self.model.iter().filter(|one| one.0 != core);
                let cores = others
                    .filter(|&one| !readers([one].into_iter(), kind, channel).is_empty())
                    .fold(0, |cores, one| cores | 1 << one.0);
                let reach = directory.reach(kind, channel.as_bytes());
                assert_eq!(reach, Reach { receivers, cores });
            }
        }
        assert_eq!(directory.is_silent(), self.model.is_empty());
    }
}

/// Who of these reads a message: pattern (or none) and subscriber.
fn readers<'m>(
    model: impl Iterator<Item = &'m (usize, usize, u32, &'static str)>,
    kind: Kind,
    channel: &str,
) -> Vec<(String, u32)> {
    let reads = |&&(_, of, _, name): &&(usize, usize, u32, &'static str)| {
        let fits = || glob_matches(name.as_bytes(), channel.as_bytes(), Case::Sensitive);
        of == kind as usize && name == channel
            || kind == Kind::Channel && of == Kind::Pattern as usize && fits()
    };
    let told = |&(_, of, who, name): &(usize, usize, u32, &'static str)| {
        let is_pattern = of == Kind::Pattern as usize;
        (if is_pattern { name } else { "" }.to_owned(), who)
    };
    model.filter(reads).map(told).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_core_knows_what_a_list_of_all_subscriptions_says(
        events in prop::collection::vec(event(), 1..120)
    ) {
        let mut stage = Stage::new();
        for event in &events {
            stage.play(event);
            for core in 0..CORES {
                stage.check_own(core);
            }
        }
        for (from, to) in (0..CORES * CORES).map(|pair| (pair / CORES, pair % CORES)) {
            while stage.mail.get(&(from, to)).is_some_and(|mail| !mail.is_empty()) {
                stage.arrive(from, to);
            }
        }
        for core in 0..CORES {
            stage.check_own(core);
            stage.check_all(core);
        }
    }
}
