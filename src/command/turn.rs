//! What one command may see and change while it has the data.
//!
//! A handler asks the turn for keys and databases and never knows whether the
//! keyspace is its own core's or lent by others.

use std::sync::Arc;

use crate::base::{HashKey, Random};
use crate::config::{Encodings, EventClass, Live};
use crate::keyspace::{
    Clock, Database, Discarded, Found, Key, Keyspace, Lifetime, NotCompound, View,
};
use crate::resp::{Args, Refusal};
use crate::shard::Shard;
use crate::value::{Compound, Rules, Typed};

use super::after::{After, take_notes, with_notes};
use super::database::Onward;
use super::effect::Recorded;
use super::event::Event;
use super::route::Placement;
use super::waiting::{Side, Waiting};

/// Shards lent to a coordinator, by core; `None` where not lent.
pub type Lent = Vec<Option<Box<Shard>>>;

/// The data a turn has.
pub enum Data<'a> {
    /// One shard, which holds every key of the request.
    Home(&'a mut Shard),
    /// Several, by core.
    Lent(&'a mut Lent),
}

impl Data<'_> {
    /// All of them, in the order of their cores.
    pub fn shards(&mut self) -> impl Iterator<Item = &mut Shard> {
        let (home, lent) = match self {
            Data::Home(shard) => (Some(&mut **shard), None),
            Data::Lent(lent) => (None, Some(lent.iter_mut().flatten())),
        };
        home.into_iter()
            .chain(lent.into_iter().flatten().map(|lent| &mut **lent))
    }
}

/// A key hashed before the turn began, so that it is not hashed twice.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// The word it stands at.
    pub index: usize,
    pub slot: u16,
    pub hash: u64,
}

impl First {
    /// As a key without its bytes: enough to prefetch by.
    #[must_use]
    pub fn bare(self) -> Key<'static> {
        Key {
            bytes: b"",
            slot: self.slot,
            hash: self.hash,
        }
    }
}

/// What a turn counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub hits: u64,
    pub misses: u64,
    /// Changes made; a command that made none has no effects.
    pub changes: u64,
}

impl Tally {
    /// Counts a hit or a miss.
    #[inline]
    fn look(&mut self, is_hit: bool) {
        self.hits += u64::from(is_hit);
        self.misses += u64::from(!is_hit);
    }
}

/// See the module.
pub struct Turn<'a> {
    pub(super) data: Data<'a>,
    pub(super) placement: Placement,
    first: Option<First>,
    /// The selected database.
    pub database: usize,
    pub clock: Clock,
    pub random: &'a mut Random,
    pub live: &'a Arc<Live>,
    pub tally: Tally,
    /// A giant last word, owned; its place among the words is empty then. Only
    /// SET of three words is given one.
    pub giant: Option<Vec<u8>>,
    /// Cleared databases, to be freed a little at a time after the turn.
    pub discarded: Vec<Discarded>,
    /// Whether and as whom the request may wait for its keys.
    pub waiting: Waiting,
    /// Whether a walk over the keys may go on at another core.
    pub onward: Onward,
    /// What the turn leaves at its keys.
    pub side: Option<Side>,
    /// A key was touched for which somebody waits.
    pub has_ready: bool,
    /// What happened, as far as anybody may listen, in this order.
    pub(super) events: Vec<Event>,
    /// What is recorded, in this order.
    pub(super) recorded: Recorded,
    /// Another database than the selected one was asked for.
    is_far: bool,
}

impl<'a> Turn<'a> {
    /// A turn on `data` in the selected database.
    pub fn new(
        data: Data<'a>,
        placement: Placement,
        first: Option<First>,
        database: usize,
        clock: Clock,
        random: &'a mut Random,
        live: &'a Arc<Live>,
    ) -> Turn<'a> {
        let recorded_by = match &data {
            Data::Home(shard) => shard.recorded_by,
            // A cut changes it for all at once.
            Data::Lent(lent) => lent
                .iter()
                .flatten()
                .next()
                .map_or(0, |shard| shard.recorded_by),
        };
        Turn {
            data,
            placement,
            first,
            database,
            clock,
            random,
            live,
            tally: Tally::default(),
            giant: None,
            discarded: Vec::new(),
            waiting: Waiting::Never,
            onward: Onward::Never,
            side: None,
            has_ready: false,
            events: Vec::new(),
            recorded: Recorded::by(recorded_by),
            is_far: false,
        }
    }

    /// Ends the turn.
    #[inline]
    #[must_use]
    pub fn end(self) -> After {
        // Not through `&mut self`: the turn would be copied to have an address.
        let (events, recorded) = if self.live.events.is_empty() && self.recorded.by == 0 {
            (self.events, self.recorded)
        } else {
            let near = (!self.is_far).then_some(self.database);
            with_notes(self.data, near, self.live, self.events, self.recorded)
        };
        After {
            tally: self.tally,
            discarded: self.discarded,
            side: self.side,
            has_ready: self.has_ready,
            events,
            recorded,
        }
    }

    /// Unix milliseconds, the same for the whole turn.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.clock.now
    }

    /// Word `index` as a key, hashed at most once.
    #[must_use]
    pub fn key<'k>(&self, args: Args<'k>, index: usize) -> Key<'k> {
        let bytes = args.get(index);
        match self.first {
            Some(first) if first.index == index => Key {
                bytes,
                slot: first.slot,
                hash: first.hash,
            },
            _ => self.key_of(bytes),
        }
    }

    /// Any bytes as a key.
    #[must_use]
    pub fn key_of<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.any_keyspace().key(bytes)
    }

    /// One of its keyspaces, for what is the same in all.
    fn any_keyspace(&self) -> &Keyspace {
        match &self.data {
            Data::Home(shard) => &shard.keyspace,
            Data::Lent(lent) => {
                let first = lent.iter().flatten().next();
                &first.expect("a loan holds at least one shard").keyspace
            }
        }
    }

    /// The selected database where `key` lives.
    pub fn db(&mut self, key: &Key<'_>) -> &mut Database {
        self.db_at(self.database, key)
    }

    /// Database `index` where `key` lives.
    pub fn db_at(&mut self, index: usize, key: &Key<'_>) -> &mut Database {
        self.is_far |= index != self.database;
        pick(&mut self.data, self.placement, index, key)
    }

    /// Every keyspace the turn has, in the order of their cores.
    pub fn keyspaces(&mut self) -> impl Iterator<Item = &mut Keyspace> {
        self.shards().map(|shard| &mut shard.keyspace)
    }

    /// The keyspace of a core, if the turn has it.
    pub fn keyspace_of(&mut self, core: usize) -> Option<&mut Keyspace> {
        match &mut self.data {
            Data::Home(shard) => (shard.core == core).then_some(&mut shard.keyspace),
            Data::Lent(lent) => lent[core].as_mut().map(|shard| &mut shard.keyspace),
        }
    }

    /// Every shard the turn has, in the order of their cores.
    pub fn shards(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.data.shards()
    }

    /// What goes because its time has come are changes apart, and no unit.
    pub fn leaves_apart(&mut self) {
        self.recorded.is_apart = true;
    }

    /// A key of the selected database picked at random, of all shards.
    pub fn random_key(&mut self) -> Option<Box<[u8]>> {
        let (index, clock) = (self.database, self.clock);
        let sizes = self
            .data
            .shards()
            .map(|shard| shard.keyspace.db(index).len());
        let mut left = sizes.sum::<usize>() as u64;
        if left > 0 {
            left = self.random.below(left);
        }
        for shard in self.data.shards() {
            let database = shard.keyspace.db_mut(index);
            let len = database.len() as u64;
            if left < len {
                // One whose keys have all expired has none to give.
                let found = database.random(self.random, &clock);
                if let Some(found) = found {
                    return Some(found.key().into());
                }
                left = 0;
            } else {
                left -= len;
            }
        }
        None
    }

    /// How many databases there are.
    pub fn databases(&mut self) -> usize {
        self.keyspaces()
            .next()
            .map_or(0, |keyspace| keyspace.databases())
    }

    /// The live entry of a key that a command reads: counts a hit or a miss.
    pub fn read(&mut self, key: &Key<'_>) -> Option<Found<'_>> {
        if self.live.events.has(EventClass::Miss) {
            self.tell_miss(key);
        }
        self.read_unheard(key)
    }

    /// As `read`; a miss is no event.
    #[inline]
    pub fn read_unheard(&mut self, key: &Key<'_>) -> Option<Found<'_>> {
        let database = pick(&mut self.data, self.placement, self.database, key);
        let found = database.find(*key, &self.clock);
        self.tally.look(found.is_some());
        found
    }

    /// The live entry of a key that a command writes or only looks at.
    pub fn find(&mut self, key: &Key<'_>) -> Option<Found<'_>> {
        let clock = self.clock;
        self.db(key).find(*key, &clock)
    }

    /// An entry for a look at several together, after `read` or `find` of each:
    /// counts nothing, marks nothing, expires nothing.
    #[must_use]
    pub fn peek(&self, key: &Key<'_>) -> Option<Found<'_>> {
        let shard = match &self.data {
            Data::Home(shard) => &**shard,
            Data::Lent(lent) => lent[self.placement.core_of(key.slot)]
                .as_deref()
                .expect("the route named every core of the request's keys"),
        };
        shard
            .keyspace
            .db(self.database)
            .peek(*key, self.clock.due())
    }

    /// As `read`; another type than a string is refused.
    #[inline]
    pub fn read_text(&mut self, key: &Key<'_>) -> Result<Option<View<'_>>, Refusal> {
        text(self.read(key))
    }

    /// As `find`; another type than a string is refused.
    #[inline]
    pub fn find_text(&mut self, key: &Key<'_>) -> Result<Option<View<'_>>, Refusal> {
        text(self.find(key))
    }

    /// As `read`; another type than `T` is refused.
    #[inline]
    pub fn read_as<T: Typed>(&mut self, key: &Key<'_>) -> Result<Option<&T>, Refusal> {
        of_type(self.read(key))
    }

    /// As `read_as`, with the core's random numbers.
    pub fn read_with_random<T: Typed>(
        &mut self,
        key: &Key<'_>,
    ) -> Result<Option<(&T, &mut Random)>, Refusal> {
        if self.live.events.has(EventClass::Miss) {
            self.tell_miss(key);
        }
        let database = pick(&mut self.data, self.placement, self.database, key);
        let found = database.find(*key, &self.clock);
        self.tally.look(found.is_some());
        Ok(of_type(found)?.map(|value| (value, &mut *self.random)))
    }

    /// As `find`; another type than `T` is refused.
    #[inline]
    pub fn find_as<T: Typed>(&mut self, key: &Key<'_>) -> Result<Option<&T>, Refusal> {
        of_type(self.find(key))
    }

    /// As `peek`; another type than `T` is refused.
    pub fn peek_as<T: Typed>(&self, key: &Key<'_>) -> Result<Option<&T>, Refusal> {
        of_type(self.peek(key))
    }

    /// The value of a key, to be changed. Whoever may have taken its last
    /// element calls `prune`.
    #[inline]
    pub fn edit_as<T: Typed>(&mut self, key: &Key<'_>) -> Result<Option<&mut T>, Refusal> {
        Ok(self.edit_with_random(key)?.map(|(value, _)| value))
    }

    /// As `edit_as`, with the core's random numbers.
    #[inline]
    pub fn edit_with_random<T: Typed>(
        &mut self,
        key: &Key<'_>,
    ) -> Result<Option<(&mut T, &mut Random)>, Refusal> {
        let database = pick(&mut self.data, self.placement, self.database, key);
        match database.compound_mut(*key, &self.clock) {
            Some(Ok(compound)) => {
                let value = T::of_mut(compound).ok_or(Refusal::WrongType)?;
                Ok(Some((value, self.random)))
            }
            Some(Err(NotCompound)) => Err(Refusal::WrongType),
            None => Ok(None),
        }
    }

    /// The value of a key, to be changed; an empty one appears where there is
    /// none. Whoever adds no element to it calls `prune`.
    #[inline]
    pub fn edit_or_new<T: Typed>(&mut self, key: &Key<'_>) -> Result<&mut T, Refusal> {
        let database = pick(&mut self.data, self.placement, self.database, key);
        let compound = database.compound_or_new(*key, &self.clock, || T::default().into());
        compound.ok().and_then(T::of_mut).ok_or(Refusal::WrongType)
    }

    /// Removes the key if its value has no elements left: the end of a change
    /// that was told.
    pub fn prune(&mut self, key: &Key<'_>) -> bool {
        let is_gone = self.db(key).prune(*key);
        if is_gone {
            self.notify(key, EventClass::Generic, "del");
        }
        is_gone
    }

    /// Puts a result of many elements behind a key, whatever is there, without
    /// a deadline, and tells so; one without elements removes the key. `false`
    /// when nothing was there and nothing came.
    pub fn store(
        &mut self,
        key: &Key<'_>,
        value: impl Into<Compound>,
        class: EventClass,
        event: &'static str,
    ) -> bool {
        let value = value.into();
        let clock = self.clock;
        if value.is_empty() {
            return self.delete(key);
        }
        self.db(key)
            .set_compound(*key, value, Lifetime::Forever, &clock);
        self.touch(key, class, event);
        true
    }

    /// Removes a key and tells so; `false` when it is not there.
    pub fn delete(&mut self, key: &Key<'_>) -> bool {
        let clock = self.clock;
        let is_gone = self.db(key).remove(*key, &clock);
        if is_gone {
            self.touch(key, EventClass::Generic, "del");
        }
        is_gone
    }

    /// Frees what was cut out of a key's value, in steps if it is large.
    pub fn bury(&mut self, key: &Key<'_>, cut: impl Into<Compound>) {
        self.db(key).bury(cut.into());
    }

    /// When values change their encoding, as it is set now.
    #[must_use]
    pub fn rules(&self) -> Rules {
        rules(&self.live.encodings, self.any_keyspace().hash_key())
    }

    /// Says that a key has changed, and by what: whoever watches it, waits for
    /// it or listens to the event is told.
    #[inline]
    pub fn touch(&mut self, key: &Key<'_>, class: EventClass, event: &'static str) {
        self.touch_at(self.database, key, class, event);
    }

    /// The same for a key of database `index`.
    #[inline]
    pub fn touch_at(
        &mut self,
        index: usize,
        key: &Key<'_>,
        class: EventClass,
        event: &'static str,
    ) {
        self.tell_observers(index, key);
        if self.live.events.has(class) {
            self.note(index, key, class, event);
        }
    }

    /// The same for a change that is no event.
    pub fn touch_silently(&mut self, key: &Key<'_>) {
        self.tell_observers(self.database, key);
    }

    #[inline]
    fn tell_observers(&mut self, index: usize, key: &Key<'_>) {
        let shard = shard_of(&mut self.data, self.placement, key);
        if !shard.observers.is_idle() {
            shard.observers.touch(index, key);
            self.has_ready |= shard.observers.has_ready();
        }
    }

    /// Says what happened to a key, which whoever watches it need not know.
    #[inline]
    pub fn notify(&mut self, key: &Key<'_>, class: EventClass, event: &'static str) {
        if self.live.events.has(class) {
            self.note(self.database, key, class, event);
        }
    }

    /// Says that a key is looked for, if it is not there.
    #[cold]
    fn tell_miss(&mut self, key: &Key<'_>) {
        let clock = self.clock;
        if !self.db(key).has(*key, &clock) {
            self.note(self.database, key, EventClass::Miss, "keymiss");
        }
    }

    #[cold]
    fn note(&mut self, database: usize, key: &Key<'_>, class: EventClass, name: &'static str) {
        self.take_notes();
        self.events.push(Event {
            database,
            class,
            name,
            key: key.bytes.into(),
        });
    }

    /// Takes up what happened beneath the command until now.
    pub(super) fn take_notes(&mut self) {
        let told = (&mut self.events, &mut self.recorded);
        take_notes(&mut self.data, None, self.live, told);
    }

    /// Looks whether somebody waits for what was touched beside `touch`.
    pub fn look_for_ready(&mut self) {
        let is_ready = self.shards().any(|shard| shard.observers.has_ready());
        self.has_ready |= is_ready;
    }

    /// Says that `count` changes were made.
    pub fn changed(&mut self, count: u64) {
        self.tally.changes += count;
    }

    /// The owner of slots, for SCAN.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }
}

/// The thresholds as values take them.
pub fn rules(encodings: &Encodings, hash_key: HashKey) -> Rules {
    Rules {
        hash_key,
        list_max_listpack_size: encodings.list_max_listpack_size,
        set_max_intset_entries: encodings.set_max_intset_entries,
        set_max_listpack_entries: encodings.set_max_listpack_entries,
        set_max_listpack_value: encodings.set_max_listpack_value,
        hash_max_listpack_entries: encodings.hash_max_listpack_entries,
        hash_max_listpack_value: encodings.hash_max_listpack_value,
        zset_max_listpack_entries: encodings.zset_max_listpack_entries,
        zset_max_listpack_value: encodings.zset_max_listpack_value,
        stream_node_max_bytes: encodings.stream_node_max_bytes,
        stream_node_max_entries: encodings.stream_node_max_entries,
    }
}

/// A found string, or the refusal of another type.
#[inline]
fn text(found: Option<Found<'_>>) -> Result<Option<View<'_>>, Refusal> {
    found
        .map(|found| found.text().ok_or(Refusal::WrongType))
        .transpose()
}

/// A found value of type `T`, or the refusal of another type.
#[inline]
fn of_type<T: Typed>(found: Option<Found<'_>>) -> Result<Option<&T>, Refusal> {
    found
        .map(|found| found.as_type().ok_or(Refusal::WrongType))
        .transpose()
}

/// A database where a key lives; apart from `Turn`, so that its other fields
/// stay free.
fn pick<'d>(
    data: &'d mut Data<'_>,
    placement: Placement,
    index: usize,
    key: &Key<'_>,
) -> &'d mut Database {
    shard_of(data, placement, key).keyspace.db_mut(index)
}

/// The shard where a key lives.
#[inline]
pub(super) fn shard_of<'d>(
    data: &'d mut Data<'_>,
    placement: Placement,
    key: &Key<'_>,
) -> &'d mut Shard {
    match data {
        Data::Home(shard) => shard,
        Data::Lent(lent) => lent[placement.core_of(key.slot)]
            .as_mut()
            .expect("the route named every core of the request's keys"),
    }
}
