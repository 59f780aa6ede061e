//! What one core knows of every subscription of the node.
//!
//! Invariants: a name is in its map only while somebody, here or elsewhere,
//! listens to it. A subscriber's place says where it stands in its topic's
//! row, so that leaving looks at nobody else's.

use std::collections::HashMap;
use std::hash::Hash;

use crate::base::{Case, HashKey, glob_matches};

use super::few::Few;
use super::name::{Keyed, Name};
use super::news::{KINDS, Kind, News, Step};

/// A map whose keys clients choose.
type Map<Key, Value> = HashMap<Key, Value, Keyed>;

/// See the module. `Who` stands for a subscriber of this core.
#[derive(Debug)]
pub struct Directory<Who> {
    keyed: Keyed,
    /// By kind.
    topics: [Map<Name, Topic<Who>>; KINDS.len()],
    subscribers: Map<Who, Box<Subscriptions>>,
    /// Whether there are other cores to be told.
    has_others: bool,
    /// What they have not been told yet.
    news: Vec<News>,
}

/// Who listens to one name.
#[derive(Debug)]
struct Topic<Who> {
    here: Few<Who>,
    /// How many at each other core that has some.
    elsewhere: Few<(u8, u32)>,
}

/// One subscriber's names, by kind, each with its place in `Topic::here`.
#[derive(Debug)]
struct Subscriptions {
    places: [Map<Name, u32>; KINDS.len()],
}

/// Whom a message reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Subscribers of the channel, and of every pattern that fits.
    pub receivers: u64,
    /// Other cores that have some, one bit each.
    pub cores: u64,
}

impl<Who: Copy + Eq + Hash> Directory<Who> {
    /// A directory in which nobody listens; `has_others` says whether news
    /// is made for other cores.
    #[must_use]
    pub fn new(hash_key: HashKey, has_others: bool) -> Directory<Who> {
        let keyed = Keyed(hash_key);
        Directory {
            keyed,
            topics: KINDS.map(|_| Map::with_hasher(keyed)),
            subscribers: Map::with_hasher(keyed),
            has_others,
            news: Vec::new(),
        }
    }

    /// A subscriber of this core listens to a name; `false` if it did before.
    pub fn join(&mut self, kind: Kind, who: Who, name: &[u8]) -> bool {
        let keyed = self.keyed;
        let subscriptions = self
            .subscribers
            .entry(who)
            .or_insert_with(|| Box::new(Subscriptions::new(keyed)));
        let places = &mut subscriptions.places[kind as usize];
        if places.contains_key(name) {
            return false;
        }
        let topics = &mut self.topics[kind as usize];
        let name = match topics.get_key_value(name) {
            Some((name, _)) => Name::clone(name),
            None => Name::from(name),
        };
        let topic = topics.entry(Name::clone(&name)).or_default();
        places.insert(Name::clone(&name), topic.here.as_slice().len() as u32);
        topic.here.push(who);
        self.tell(kind, Step::Joined, name);
        true
    }

    /// A subscriber of this core listens to a name no longer; `false` if it
    /// did not.
    pub fn leave(&mut self, kind: Kind, who: Who, name: &[u8]) -> bool {
        let Some(subscriptions) = self.subscribers.get_mut(&who) else {
            return false;
        };
        let places = &mut subscriptions.places[kind as usize];
        let Some((name, place)) = places.remove_entry(name) else {
            return false;
        };
        if places.is_empty() {
            *places = Map::with_hasher(self.keyed);
        }
        if subscriptions.are_none() {
            self.subscribers.remove(&who);
        }
        self.vacate(kind, &name, place);
        self.tell(kind, Step::Left, name);
        true
    }

    /// A subscriber of this core ends: it leaves all names of all kinds.
    pub fn leave_all(&mut self, who: Who) {
        let Some(subscriptions) = self.subscribers.remove(&who) else {
            return;
        };
        for (kind, places) in KINDS.into_iter().zip(subscriptions.places) {
            for (name, place) in places {
                self.vacate(kind, &name, place);
                self.tell(kind, Step::Left, name);
            }
        }
    }

    /// Gives up a place in a topic's row; the last of the row moves there.
    fn vacate(&mut self, kind: Kind, name: &Name, place: u32) {
        let topics = &mut self.topics[kind as usize];
        let topic = topics.get_mut(name).expect("a name joined has a topic");
        topic.here.swap_remove(place as usize);
        if let Some(moved) = topic.here.as_slice().get(place as usize) {
            let subscriptions = self.subscribers.get_mut(moved);
            let subscriptions = subscriptions.expect("who listens is a subscriber");
            let moved_place = subscriptions.places[kind as usize].get_mut(name);
            *moved_place.expect("who listens has a place") = place;
        }
        self.forget_if_silent(kind, name);
    }

    /// Forgets a name nobody listens to, and the room of a map of none.
    fn forget_if_silent(&mut self, kind: Kind, name: &Name) {
        let topics = &mut self.topics[kind as usize];
        if topics.get(name).is_some_and(Topic::is_silent) {
            topics.remove(name);
        }
        if topics.is_empty() {
            *topics = Map::with_hasher(self.keyed);
        }
    }

    fn tell(&mut self, kind: Kind, step: Step, name: Name) {
        if self.has_others {
            self.news.push(News { kind, step, name });
        }
    }

    /// Whether something changed that the others have not been told.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What changed here since this was last asked, in order.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// What changed at another core.
    ///
    /// # Panics
    /// When somebody leaves there who had not joined: our bug.
    pub fn hear(&mut self, core: usize, news: &[News]) {
        let core = u8::try_from(core).expect("cores are counted in one word");
        for News { kind, step, name } in news {
            let topics = &mut self.topics[*kind as usize];
            match step {
                Step::Joined => {
                    let topic = topics.entry(Name::clone(name)).or_default();
                    topic.add_elsewhere(core);
                }
                Step::Left => {
                    let topic = topics.get_mut(name);
                    topic.expect("who leaves had joined").drop_elsewhere(core);
                    self.forget_if_silent(*kind, name);
                }
            }
        }
    }

    /// Whether nobody on the node listens to anything.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.topics.iter().all(Map::is_empty)
    }

    /// Whom a message on a channel of this kind reaches.
    #[must_use]
    pub fn reach(&self, kind: Kind, channel: &[u8]) -> Reach {
        let mut reach = Reach::default();
        self.each_topic(kind, channel, |_, topic| {
            reach.receivers += topic.listeners();
            for (core, _) in topic.elsewhere.as_slice() {
                reach.cores |= 1 << core;
            }
        });
        reach
    }

    /// Who receives a message at this core: once for the channel, with no
    /// pattern, and once for every pattern that fits.
    pub fn each_here(
        &self,
        kind: Kind,
        channel: &[u8],
        mut visit: impl FnMut(Option<&[u8]>, &[Who]),
    ) {
        self.each_topic(kind, channel, |pattern, topic| {
            let here = topic.here.as_slice();
            if !here.is_empty() {
                visit(pattern, here);
            }
        });
    }

    fn each_topic(
        &self,
        kind: Kind,
        channel: &[u8],
        mut visit: impl FnMut(Option<&[u8]>, &Topic<Who>),
    ) {
        if let Some(topic) = self.topics[kind as usize].get(channel) {
            visit(None, topic);
        }
        if kind == Kind::ShardChannel {
            return;
        }
        for (pattern, topic) in &self.topics[Kind::Pattern as usize] {
            if glob_matches(pattern, channel, Case::Sensitive) {
                visit(Some(pattern), topic);
            }
        }
    }

    /// How many names of a kind a subscriber of this core listens to.
    #[must_use]
    pub fn count(&self, kind: Kind, who: Who) -> usize {
        let subscriptions = self.subscribers.get(&who);
        subscriptions.map_or(0, |found| found.places[kind as usize].len())
    }

    /// The names of a kind that a subscriber of this core listens to.
    #[must_use]
    pub fn names_of(&self, kind: Kind, who: Who) -> Vec<Name> {
        let subscriptions = self.subscribers.get(&who);
        let places = subscriptions.map(|found| found.places[kind as usize].keys());
        places.into_iter().flatten().map(Name::clone).collect()
    }

    /// Every name of a kind that anybody on the node listens to.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &Name> {
        self.topics[kind as usize].keys()
    }

    /// How many on the node listen to this very name.
    #[must_use]
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> u64 {
        let topic = self.topics[kind as usize].get(name);
        topic.map_or(0, Topic::listeners)
    }
}

impl<Who> Topic<Who> {
    fn listeners(&self) -> u64 {
        let elsewhere = self.elsewhere.as_slice().iter();
        let elsewhere = elsewhere.map(|(_, count)| u64::from(*count));
        self.here.as_slice().len() as u64 + elsewhere.sum::<u64>()
    }

    fn is_silent(&self) -> bool {
        self.here.as_slice().is_empty() && self.elsewhere.as_slice().is_empty()
    }

    fn add_elsewhere(&mut self, core: u8) {
        let mut known = self.elsewhere.as_mut_slice().iter_mut();
        match known.find(|(of, _)| *of == core) {
            Some((_, count)) => *count += 1,
            None => self.elsewhere.push((core, 1)),
        }
    }

    fn drop_elsewhere(&mut self, core: u8) {
        let known = self.elsewhere.as_mut_slice();
        let place = known.iter().position(|(of, _)| *of == core);
        let place = place.expect("who leaves had joined");
        known[place].1 -= 1;
        if known[place].1 == 0 {
            self.elsewhere.swap_remove(place);
        }
    }
}

impl<Who> Default for Topic<Who> {
    fn default() -> Topic<Who> {
        Topic {
            here: Few::none(),
            elsewhere: Few::none(),
        }
    }
}

impl Subscriptions {
    fn new(keyed: Keyed) -> Subscriptions {
        Subscriptions {
            places: KINDS.map(|_| Map::with_hasher(keyed)),
        }
    }

    fn are_none(&self) -> bool {
        self.places.iter().all(Map::is_empty)
    }
}
