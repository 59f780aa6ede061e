//! Who observes the keys of one shard: requests that wait for them, and
//! clients that watch them.
//!
//! With nobody observing, a change of a key costs one look at a counter.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::keyspace::Key;

use super::wait::{Awaited, Wait};
use super::watch::Watch;

/// Who observes.
#[derive(Clone, Debug)]
pub enum Observer {
    Wait(Arc<Wait>),
    Watch(Arc<Watch>),
}

/// Those who wait for one thing, by ticket.
type Line = BTreeMap<u64, Arc<Wait>>;

impl Observer {
    fn database(&self) -> usize {
        match self {
            Observer::Wait(wait) => wait.database,
            Observer::Watch(watch) => watch.database,
        }
    }

    /// The keys it observes; one may be named twice.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let (wait, watch) = match self {
            Observer::Wait(wait) => (Some(wait.keys()), None),
            Observer::Watch(watch) => (None, Some(watch.keys.iter().map(|key| &**key))),
        };
        wait.into_iter()
            .flatten()
            .chain(watch.into_iter().flatten())
    }
}

/// The observers of one key.
#[derive(Debug)]
struct Room {
    key: Box<[u8]>,
    slot: u16,
    hash: u64,
    watches: Vec<Arc<Watch>>,
    /// By what they wait for, and by ticket: first come is first.
    lines: [Line; Awaited::ALL.len()],
    /// It stands in `Observers::ready`.
    is_ready: bool,
}

impl Room {
    fn new(key: &Key<'_>) -> Room {
        Room {
            key: key.bytes.into(),
            slot: key.slot,
            hash: key.hash,
            watches: Vec::new(),
            lines: Default::default(),
            is_ready: false,
        }
    }

    fn is_empty(&self) -> bool {
        self.watches.is_empty() && self.lines.iter().all(Line::is_empty)
    }

    fn key(&self) -> Key<'_> {
        Key {
            bytes: &self.key,
            slot: self.slot,
            hash: self.hash,
        }
    }

    /// Ends the watches; the key, if somebody waits who was not told yet.
    fn touch(&mut self, database: usize) -> Option<Ready> {
        self.watches.clear();
        self.call(database)
    }

    /// The key, if somebody waits who was not told yet.
    fn call(&mut self, database: usize) -> Option<Ready> {
        if self.is_ready || self.lines.iter().all(Line::is_empty) {
            return None;
        }
        self.is_ready = true;
        Some(Ready {
            database,
            bytes: self.key.clone(),
            hash: self.hash,
            slot: self.slot,
        })
    }
}

/// Rooms by their key's hash; keys of one hash share a list.
type Rooms = HashMap<u64, Vec<Room>, BuildHasherDefault<Hashed>>;

/// See the module.
#[derive(Debug, Default)]
pub struct Observers {
    /// By database; only as many as were ever needed.
    databases: Vec<Rooms>,
    /// Rooms in all of them.
    rooms: usize,
    next_ticket: u64,
    /// Keys with waits that were touched, in that order.
    ready: VecDeque<Ready>,
}

impl Observers {
    /// Whether nobody observes any key of this shard.
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rooms == 0
    }

    /// Whether somebody who waits for a key may have something now.
    #[inline]
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next ticket to be given here; a wait over several shards takes the
    /// latest of theirs.
    #[must_use]
    pub fn next_ticket(&self) -> u64 {
        self.next_ticket
    }

    /// A key has changed, or is another's now, or is gone.
    #[cold]
    pub fn touch(&mut self, database: usize, key: &Key<'_>) {
        let Some(room) = self.find(database, key) else {
            return;
        };
        let ready = room.touch(database);
        self.ready.extend(ready);
        self.drop_if_empty(database, key);
    }

    /// A whole database may have changed: touches each key of which `is_there`
    /// says that it exists before or after.
    pub fn touch_all(&mut self, database: usize, mut is_there: impl FnMut(&Key<'_>) -> bool) {
        let Some(rooms) = self.databases.get_mut(database) else {
            return;
        };
        for room in rooms.values_mut().flatten() {
            if is_there(&room.key()) {
                self.ready.extend(room.touch(database));
            }
        }
        self.sweep(database);
    }

    /// Has each key of a database looked at of which `is_there` says so.
    pub fn look_at_all(&mut self, database: usize, mut is_there: impl FnMut(&Key<'_>) -> bool) {
        let rooms = self.databases.get_mut(database);
        let rooms = rooms.into_iter().flat_map(HashMap::values_mut).flatten();
        for room in rooms {
            if is_there(&room.key()) {
                self.ready.extend(room.call(database));
            }
        }
    }

    /// The next key that was touched while somebody waited for it.
    pub fn next_ready(&mut self) -> Option<Ready> {
        let ready = self.ready.pop_front()?;
        if let Some(room) = self.find(ready.database, &ready.key()) {
            room.is_ready = false;
        }
        Some(ready)
    }

    /// The first who waits for one of these things at a key and is behind
    /// `after`, with its ticket.
    #[must_use]
    pub fn waiting(
        &mut self,
        database: usize,
        key: &Key<'_>,
        what: &[Awaited],
        after: Option<u64>,
    ) -> Option<(u64, Arc<Wait>)> {
        let room = self.find(database, key)?;
        let from = after.map_or(0, |ticket| ticket + 1);
        let firsts = what
            .iter()
            .filter_map(|what| room.lines[*what as usize].range(from..).next());
        let (ticket, wait) = firsts.min_by_key(|(ticket, _)| **ticket)?;
        Some((*ticket, Arc::clone(wait)))
    }

    /// Has a key looked at once more for those who wait.
    pub fn look_again(&mut self, database: usize, key: &Key<'_>) {
        let room = self.find(database, key);
        let ready = room.and_then(|room| room.call(database));
        self.ready.extend(ready);
    }

    /// How many keys are waited for, are watched, and are waited for by those
    /// who must be told when they vanish.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for room in self.databases.iter().flat_map(HashMap::values).flatten() {
            census.watched += u64::from(!room.watches.is_empty());
            let waits = room.lines.iter().any(|line| !line.is_empty());
            census.awaited += u64::from(waits);
            let groups = &room.lines[Awaited::StreamGroup as usize];
            census.awaited_or_gone += u64::from(!groups.is_empty());
        }
        census
    }

    /// Stands a wait in line for a key.
    pub fn wait(&mut self, key: &Key<'_>, ticket: u64, wait: &Arc<Wait>) {
        self.next_ticket = self.next_ticket.max(ticket + 1);
        let room = self.room(wait.database, key);
        room.lines[wait.awaited as usize].insert(ticket, Arc::clone(wait));
    }

    /// Watches a key.
    pub fn watch(&mut self, key: &Key<'_>, watch: &Arc<Watch>) {
        let room = self.room(watch.database, key);
        room.watches.push(Arc::clone(watch));
    }

    /// Whether a watch still stands at a key: nobody has touched it.
    #[must_use]
    pub fn is_watched(&mut self, key: &Key<'_>, watch: &Arc<Watch>) -> bool {
        let room = self.find(watch.database, key);
        room.is_some_and(|room| room.watches.iter().any(|other| Arc::ptr_eq(other, watch)))
    }

    /// Takes an observer from a key's room.
    pub fn forget(&mut self, key: &Key<'_>, observer: &Observer) {
        let database = observer.database();
        let Some(room) = self.find(database, key) else {
            return;
        };
        match observer {
            Observer::Wait(wait) => {
                room.lines[wait.awaited as usize].retain(|_, other| !Arc::ptr_eq(other, wait));
            }
            Observer::Watch(watch) => room.watches.retain(|other| !Arc::ptr_eq(other, watch)),
        }
        self.drop_if_empty(database, key);
    }

    fn find(&mut self, database: usize, key: &Key<'_>) -> Option<&mut Room> {
        let rooms = self.databases.get_mut(database)?.get_mut(&key.hash)?;
        rooms.iter_mut().find(|room| *room.key == *key.bytes)
    }

    /// The key's room, made if there is none.
    fn room(&mut self, database: usize, key: &Key<'_>) -> &mut Room {
        if self.databases.len() <= database {
            self.databases.resize_with(database + 1, Rooms::default);
        }
        let rooms = self.databases[database].entry(key.hash).or_default();
        let index = match rooms.iter().position(|room| *room.key == *key.bytes) {
            Some(index) => index,
            None => {
                rooms.push(Room::new(key));
                self.rooms += 1;
                rooms.len() - 1
            }
        };
        &mut rooms[index]
    }

    fn drop_if_empty(&mut self, database: usize, key: &Key<'_>) {
        let Some(by_hash) = self.databases.get_mut(database) else {
            return;
        };
        if let Some(rooms) = by_hash.get_mut(&key.hash) {
            let before = rooms.len();
            rooms.retain(|room| *room.key != *key.bytes || !room.is_empty());
            self.rooms -= before - rooms.len();
            if rooms.is_empty() {
                by_hash.remove(&key.hash);
            }
        }
    }

    fn sweep(&mut self, database: usize) {
        let mut gone = 0;
        self.databases[database].retain(|_, rooms| {
            let before = rooms.len();
            rooms.retain(|room| !room.is_empty());
            gone += before - rooms.len();
            !rooms.is_empty()
        });
        self.rooms -= gone;
    }
}

/// Keys that are observed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Census {
    pub watched: u64,
    pub awaited: u64,
    pub awaited_or_gone: u64,
}

/// A key to be looked at for those who wait.
#[derive(Debug)]
pub struct Ready {
    pub database: usize,
    bytes: Box<[u8]>,
    hash: u64,
    slot: u16,
}

impl Ready {
    /// The key.
    #[must_use]
    pub fn key(&self) -> Key<'_> {
        Key {
            bytes: &self.bytes,
            slot: self.slot,
            hash: self.hash,
        }
    }
}

/// The key's hash is keyed already: it is its own hash here.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes of keys are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
