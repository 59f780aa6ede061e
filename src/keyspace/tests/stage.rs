//! What the tests play on: a keyspace with a clock they move.

use crate::base::HashKey;
use crate::keyspace::{Clock, Database, Keyspace, Lifetime, Overdue, Touch};

/// Miri runs some hundred times slower.
pub const fn scaled(full: usize, under_miri: usize) -> usize {
    if cfg!(miri) { under_miri } else { full }
}

const HASH_KEY: HashKey = HashKey([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);

pub fn at(now: u64) -> Clock {
    Clock {
        now,
        touch: Touch::Lru,
        overdue: Overdue::Removed,
    }
}

/// One database with its keys hashed.
pub struct Stage {
    pub keyspace: Box<Keyspace>,
    pub clock: Clock,
}

impl Stage {
    pub fn new() -> Self {
        Self {
            keyspace: Keyspace::new(2, HASH_KEY),
            clock: at(1_000),
        }
    }

    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.set_for(name, value, Lifetime::Forever);
    }

    pub fn set_for(&mut self, name: &[u8], value: &[u8], lifetime: Lifetime) {
        let key = self.keyspace.key(name);
        self.keyspace
            .db_mut(0)
            .set(key, value, lifetime, &self.clock);
    }

    pub fn get(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let key = self.keyspace.key(name);
        let found = self.keyspace.db_mut(0).find(key, &self.clock)?;
        assert_eq!(found.key(), name);
        Some(found.text().expect("it is a string").to_vec())
    }

    pub fn remove(&mut self, name: &[u8]) -> bool {
        let key = self.keyspace.key(name);
        self.keyspace.db_mut(0).remove(key, &self.clock)
    }

    pub fn db(&mut self) -> &mut Database {
        self.keyspace.db_mut(0)
    }

    pub fn encoding(&mut self, name: &[u8]) -> &'static str {
        let key = self.keyspace.key(name);
        let found = self.keyspace.db_mut(0).find(key, &self.clock);
        found.expect("the test set it").encoding()
    }

    pub fn append(&mut self, name: &[u8], tail: &[u8]) {
        let key = self.keyspace.key(name);
        let clock = self.clock;
        self.db()
            .edit(key, &clock, tail.len(), 0..0, |text| text.extend(tail));
    }
}
