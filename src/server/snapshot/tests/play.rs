//! A shard, and everything that can happen to its keys.

use crate::base::{HashKey, Random};
use crate::keyspace::{
    Clock, Discarded, Evictor, ExpireCursor, Keyspace, Lifetime, Overdue, Owned, Policy, Touch,
};
use crate::memory::INLINE_MAX;
use crate::value::hash::{Fate, Hash};
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::{
    Acknowledgement, Claim, Deliveries, Direction, Group, Id, Keep, Precision, Stream, WantedId,
};
use crate::value::{Compound, Rules, text};

pub(super) const DATABASES: usize = 3;

/// Thresholds that are soon passed, so that every form of a value occurs.
const RULES: Rules = Rules {
    list_max_listpack_size: 3,
    stream_node_max_entries: 3,
    set_max_intset_entries: 6,
    set_max_listpack_entries: 6,
    hash_max_listpack_entries: 6,
    zset_max_listpack_entries: 6,
    ..Rules::DEFAULT
};

/// See the module.
pub(super) struct Play {
    pub(super) keyspace: Box<Keyspace>,
    pub(super) discarded: Vec<Discarded>,
    pub(super) dice: Random,
    clock: Clock,
    /// How many names there are.
    names: u64,
    prefix: &'static str,
    cursors: [ExpireCursor; DATABASES],
    evictor: Evictor,
}

impl Play {
    /// A shard whose keys' names begin like this.
    pub(super) fn new(seed: u64, prefix: &'static str) -> Play {
        let mut dice = Random::new(seed);
        let names = 10 + dice.below(200);
        Play {
            keyspace: Keyspace::new(DATABASES, HashKey([dice.next(), dice.next()])),
            discarded: Vec::new(),
            dice,
            clock: Clock {
                now: 1_000_000,
                touch: Touch::Lru,
                overdue: Overdue::Removed,
            },
            names,
            prefix,
            cursors: Default::default(),
            evictor: Evictor::default(),
        }
    }

    /// Half of the names share a slot, whose table grows and shrinks.
    fn name(&mut self) -> Vec<u8> {
        if self.dice.below(8) == 0 {
            return self.giant();
        }
        let number = self.dice.below(self.names);
        let shared = if number.is_multiple_of(2) {
            "{t}"
        } else {
            "key:"
        };
        format!("{}{shared}{number}", self.prefix).into_bytes()
    }

    /// One of few names, whose values become large.
    fn giant(&mut self) -> Vec<u8> {
        format!("{}giant:{}", self.prefix, self.dice.below(6)).into_bytes()
    }

    fn database(&mut self) -> usize {
        // Most happens in one.
        (self.dice.below(6) as usize).saturating_sub(3)
    }

    fn text(&mut self) -> Vec<u8> {
        let len = match self.dice.below(60) {
            0..5 => self.dice.below(3 * INLINE_MAX as u64),
            5 => self.dice.below(100_000),
            6..12 => return self.dice.below(1 << 40).to_string().into_bytes(),
            _ => self.dice.below(60),
        };
        let first = self.dice.next();
        (0..len).map(|at| (first ^ (at / 7)) as u8).collect()
    }

    fn lifetime(&mut self) -> Lifetime {
        match self.dice.below(3) {
            0 => Lifetime::Keep,
            1 => Lifetime::Forever,
            _ => Lifetime::Until(self.clock.now + self.dice.below(3_000)),
        }
    }

    /// Something happens.
    pub(super) fn act(&mut self) {
        match self.dice.below(100) {
            0..22 => self.set(),
            22..30 => self.append(),
            30..52 => {
                let (name, times) = (self.name(), 1 + self.dice.below(12));
                self.change_compound(&name, times, 40);
            }
            52..56 => {
                let (name, times) = (self.giant(), 1 + self.dice.below(300));
                self.change_compound(&name, times, 2_000);
            }
            56..62 => self.set_deadline(),
            62..72 => self.remove(),
            72..78 => self.relocate(),
            78..82 => self.read(),
            82..87 => self.pass_time(),
            87..90 => self.evict(),
            90 => self.crowd(),
            91 => self.disperse(),
            92..97 => self.free(),
            97..99 => self.swap(),
            _ => self.clear(),
        }
    }

    /// The giants become large.
    pub(super) fn feed_giants(&mut self) {
        for _ in 0..12 {
            let name = self.giant();
            self.change_compound(&name, 600, 2_000);
        }
    }

    /// A giant changes a little.
    pub(super) fn touch_giant(&mut self) {
        let (name, times) = (self.giant(), 1 + self.dice.below(4));
        self.change_compound(&name, times, 2_000);
    }

    fn set(&mut self) {
        let (name, text, lifetime) = (self.name(), self.text(), self.lifetime());
        let key = self.keyspace.key(&name);
        let index = self.database();
        let number = self.dice.below(1 << 40) as i64;
        let way = self.dice.below(3);
        let database = self.keyspace.db_mut(index);
        match way {
            0 => database.set(key, &text, lifetime, &self.clock),
            1 if number % 2 == 0 => database.set_raw(key, text, lifetime, &self.clock),
            1 => database.set_owned(key, text, lifetime, &self.clock),
            _ => database.set_int(key, number, lifetime, &self.clock),
        }
    }

    fn append(&mut self) {
        let (name, tail) = (self.name(), self.text());
        let key = self.keyspace.key(&name);
        let index = self.database();
        let clock = self.clock;
        let database = self.keyspace.db_mut(index);
        let found = database.find(key, &clock);
        let len = match found {
            Some(found) if found.compound().is_some() => return,
            Some(found) => found.text().map_or(0, |text| text.len()),
            None => 0,
        };
        if self.dice.below(2) == 0 {
            database.edit(key, &clock, tail.len(), 0..0, |text| text.extend(&tail));
        } else {
            let offset = self.dice.below(len as u64 + 10) as usize;
            let changes = offset..offset + tail.len();
            database.edit(key, &clock, len, changes, |text| {
                text::overwrite(text, offset, &tail);
            });
        }
    }

    /// Changes elements, so many times, which have so many names.
    fn change_compound(&mut self, name: &[u8], times: u64, names: u64) {
        let key = self.keyspace.key(name);
        let index = self.database();
        let kind = self.dice.below(5);
        let clock = self.clock;
        let new = || -> Compound {
            match kind {
                0 => List::default().into(),
                1 => Hash::default().into(),
                2 => Set::default().into(),
                3 => SortedSet::default().into(),
                _ => Stream::default().into(),
            }
        };
        let database = self.keyspace.db_mut(index);
        database.sweep_fields(key, &clock, 4);
        let is_new = self.dice.below(3) > 0;
        let compound = if is_new {
            database.compound_or_new(key, &clock, new)
        } else {
            match database.compound_mut(key, &clock) {
                Some(found) => found,
                None => return,
            }
        };
        let Ok(compound) = compound else {
            return self.remove();
        };
        // Large values shall stay so for a while.
        let removes_one_in = if names > 40 {
            3 + self.dice.below(9)
        } else {
            3
        };
        for _ in 0..times {
            let removes = self.dice.below(removes_one_in) == 0;
            change(compound, &mut self.dice, clock.now, names, removes);
        }
        let database = self.keyspace.db_mut(index);
        if !database.prune(key) {
            database.note_fields(key);
        }
    }

    fn set_deadline(&mut self) {
        let name = self.name();
        let key = self.keyspace.key(&name);
        let index = self.database();
        let is_set = self.dice.below(3) > 0;
        let deadline = is_set.then(|| self.clock.now + self.dice.below(3_000));
        let database = self.keyspace.db_mut(index);
        database.set_deadline(key, deadline, &self.clock);
    }

    fn remove(&mut self) {
        let name = self.name();
        let key = self.keyspace.key(&name);
        let index = self.database();
        self.keyspace.db_mut(index).remove(key, &self.clock);
    }

    /// RENAME, MOVE, COPY.
    fn relocate(&mut self) {
        let (from, to) = (self.name(), self.name());
        let (source, target) = (self.database(), self.database());
        let (from, to) = (self.keyspace.key(&from), self.keyspace.key(&to));
        let is_copy = self.dice.below(3) == 0;
        let database = self.keyspace.db_mut(source);
        let value = if is_copy {
            database.copy_of(from, &self.clock)
        } else {
            database.take(from, &self.clock)
        };
        if let Some(value) = value {
            self.keyspace.db_mut(target).put(to, value, &self.clock);
        }
    }

    /// RENAME to another shard: the first half.
    pub(super) fn take(&mut self) -> Option<Owned> {
        let name = self.name();
        let key = self.keyspace.key(&name);
        let index = self.database();
        self.keyspace.db_mut(index).take(key, &self.clock)
    }

    /// The second half.
    pub(super) fn put(&mut self, value: Owned) {
        let name = self.name();
        let key = self.keyspace.key(&name);
        let index = self.database();
        self.keyspace.db_mut(index).put(key, value, &self.clock);
    }

    fn read(&mut self) {
        let name = self.name();
        let key = self.keyspace.key(&name);
        let index = self.database();
        let way = self.dice.below(3);
        let database = self.keyspace.db_mut(index);
        match way {
            0 => drop(
                database
                    .find(key, &self.clock)
                    .map(|found| found.type_name()),
            ),
            1 => assert!(database.has(key, &self.clock) || !database.has(key, &self.clock)),
            _ => drop(
                database
                    .random(&mut self.dice, &self.clock)
                    .map(|it| it.access()),
            ),
        }
    }

    fn pass_time(&mut self) {
        self.clock.now += self.dice.below(600);
        let index = self.database();
        let buckets = 1 + self.dice.below(40) as usize;
        let database = self.keyspace.db_mut(index);
        let cursor = &mut self.cursors[index];
        database.expire_step(cursor, buckets, &self.clock, |_| {});
        while database.expire_fields_step(&self.clock, 4).is_some() {}
    }

    fn evict(&mut self) {
        let policy = Policy::ALL[1 + self.dice.below(7) as usize];
        let keyspace = &self.keyspace;
        let dice = &mut self.dice;
        let picked = self.evictor.pick(policy, keyspace, &self.clock, 3, dice);
        if let Some((index, name)) = picked {
            let key = self.keyspace.key(&name);
            self.keyspace.db_mut(index).remove(key, &self.clock);
        }
    }

    /// Many keys come to one slot.
    fn crowd(&mut self) {
        let index = self.database();
        let from = self.dice.below(500);
        for number in from..from + self.dice.below(200) {
            let name = format!("{}{{t}}c{number}", self.prefix).into_bytes();
            let key = self.keyspace.key(&name);
            let database = self.keyspace.db_mut(index);
            database.set(key, &name, Lifetime::Forever, &self.clock);
        }
    }

    /// They go.
    fn disperse(&mut self) {
        let index = self.database();
        let from = self.dice.below(500);
        for number in from..from + self.dice.below(300) {
            let name = format!("{}{{t}}c{number}", self.prefix).into_bytes();
            let key = self.keyspace.key(&name);
            self.keyspace.db_mut(index).remove(key, &self.clock);
        }
    }

    fn free(&mut self) {
        self.keyspace.free_step(20);
        self.free_discarded(4);
    }

    /// Frees something of what was discarded, if there is room for what is kept of
    /// it.
    pub(super) fn free_discarded(&mut self, buckets: usize) {
        let mut discarded = self.discarded.iter();
        let at = discarded.position(Discarded::is_cut).unwrap_or(0);
        if let Some(discarded) = self.discarded.get_mut(at)
            && discarded.may_be_freed()
            && !discarded.free_step(buckets)
        {
            drop(self.discarded.remove(at));
        }
    }

    fn swap(&mut self) {
        let (one, other) = (self.database(), self.database());
        self.keyspace.swap(one, other);
    }

    fn clear(&mut self) {
        let index = self.database();
        let discarded = self.keyspace.db_mut(index).clear();
        if self.dice.below(4) == 0 {
            drop(discarded);
        } else {
            self.discarded.push(discarded);
        }
    }
}

/// Changes a compound a little.
fn change(compound: &mut Compound, dice: &mut Random, now: u64, names: u64, removes: bool) {
    let name = format!("f{}", dice.below(names)).into_bytes();
    match compound {
        Compound::List(list) => change_list(list, dice, &name, names, removes),
        Compound::Hash(hash) if removes => drop(hash.remove(&name, now)),
        Compound::Hash(hash) => {
            let fate = match dice.below(4) {
                0 => Fate::Until(now + 1 + dice.below(2_000)),
                1 => Fate::Keep,
                _ => Fate::Clear,
            };
            hash.set(&name, &dice.next().to_le_bytes(), fate, now, &RULES);
        }
        Compound::Set(set) if removes => drop(set.remove(&name)),
        Compound::Set(set) if dice.below(2) == 0 => {
            set.insert(dice.below(names + 10).to_string().as_bytes(), &RULES);
        }
        Compound::Set(set) => drop(set.insert(&name, &RULES)),
        Compound::SortedSet(set) if removes => {
            // Of many, most are freed later.
            let most = if dice.below(40) == 0 { 1_000 } else { 4 };
            let start = dice.below(set.len() as u64 + 1) as usize;
            let end = set.len().min(start + dice.below(most) as usize);
            set.remove_ranks(start..end);
            set.remove(&name);
        }
        Compound::SortedSet(set) => {
            set.insert(&name, dice.below(1_000) as f64, &RULES);
        }
        Compound::Stream(stream) => change_stream(stream, dice, &name, now, removes),
    }
}

fn change_list(list: &mut List, dice: &mut Random, name: &[u8], names: u64, removes: bool) {
    let end = if dice.below(2) == 0 {
        End::Front
    } else {
        End::Back
    };
    let at = dice.below(list.len() as u64 + 1) as usize;
    // What takes much off is rare where values are to stay large.
    let takes_much = dice.below(names) == 0;
    match dice.below(12) {
        0 if takes_much => drop(list.remove(at, dice.below(3_000) as usize, &RULES)),
        1 if takes_much => drop(list.remove_equal(name, end, usize::MAX, &RULES)),
        2 if removes => drop(list.remove_equal(name, end, 1, &RULES)),
        3 | 4 if removes => {
            let outermost = list.len().saturating_sub(1) * usize::from(end == End::Back);
            drop(list.remove(outermost, 1, &RULES));
        }
        _ if removes => drop(list.remove(at, 1 + dice.below(9) as usize, &RULES)),
        5 | 6 => list.insert(at, name, &RULES),
        7 | 8 => drop(list.set(at, name, &RULES)),
        9 if dice.below(20) == 0 => list.push(end, [&[b'l'; 9_000][..]].into_iter(), &RULES),
        _ => list.push(end, [name].into_iter(), &RULES),
    }
}

fn change_stream(stream: &mut Stream, dice: &mut Random, name: &[u8], now: u64, removes: bool) {
    if dice.below(3) == 0 {
        return change_group(stream, dice, now, removes);
    }
    let entries = stream.entries_mut();
    let newest = entries.newest();
    let any = entries
        .range(Id::MIN, Id::MAX, Direction::Forward)
        .nth(dice.below(40) as usize);
    let any = any.map(|entry| entry.id);
    match (dice.below(20), newest) {
        (0..4, Some(id)) if removes => drop(entries.delete([id].into_iter())),
        (4..10, _) if removes => drop(entries.delete(any.into_iter())),
        (10, _) if removes => {
            let keep = Keep::Newest(entries.len().saturating_sub(dice.below(300)));
            let precision = match dice.below(2) {
                0 => Precision::Exact,
                _ => Precision::Nodes { limit: None },
            };
            drop(entries.trim(keep, precision));
        }
        (11, _) => entries.set_history(newest.unwrap_or_default(), None, None),
        _ => {
            if let Ok(id) = entries.choose_id(WantedId::Now(now)) {
                entries.add(id, [name, b"v"].into_iter(), &RULES);
            }
        }
    }
}

fn change_group(stream: &mut Stream, dice: &mut Random, now: u64, removes: bool) {
    let name = format!("g{}", dice.below(3)).into_bytes();
    let consumer = format!("c{}", dice.below(4)).into_bytes();
    if removes && dice.below(60) == 0 {
        return drop(stream.remove_group(&name));
    }
    if stream.group(&name).is_none() {
        stream.add_group(&name, Group::new(Id::MIN, None));
    }
    let (entries, group) = stream.group_mut(&name).expect("it is there");
    let nth = dice.below(40) as usize;
    let any = group.pending(Id::MIN, Id::MAX).nth(nth).map(|(id, _)| id);
    if removes && dice.below(20) == 0 {
        group.remove_consumer(&consumer);
        return;
    }
    let (own, _) = group.see_consumer(&consumer, now);
    let expected = Acknowledgement::Expected;
    match (dice.below(6), any) {
        (0, Some(id)) => drop(group.acknowledge(id)),
        (1, Some(id)) => {
            let claim = Claim {
                consumer: own,
                idle_min_ms: 0,
                delivered_at: now,
                deliveries: Deliveries::OneMore,
                force: false,
            };
            let _claimed = group.claim(entries, id, &claim, now);
        }
        (2, Some(id)) => drop(group.deliver_again(entries, own, id, 3, now, |_, _| {})),
        (3, _) => group.last_id = any.unwrap_or(Id::MIN),
        _ => drop(group.deliver(entries, own, 1 + nth, expected, now, |_| {})),
    }
}
