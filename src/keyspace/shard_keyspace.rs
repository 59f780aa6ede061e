//! All databases of one shard, as one value that can be lent to another core.

use super::database::{Database, Key};
use super::notes::{Note, Noted};
use crate::base::{HashKey, keyed_hash, slot_of};

/// One shard's databases.
#[derive(Debug)]
pub struct Keyspace {
    databases: Vec<Database>,
    hash_key: HashKey,
    /// Keys removed to make room (INFO `evicted_keys`).
    pub evicted: u64,
    /// What its databases write down.
    noted: Noted,
    /// A cut of some of its databases may not be kept whole.
    pub(super) is_cut: bool,
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Keyspace>();
};

impl Keyspace {
    /// Empty databases; all shards of a node share the hash key.
    pub fn new(databases: usize, hash_key: HashKey) -> Box<Self> {
        Box::new(Self {
            databases: (0..databases).map(|_| Database::new(hash_key)).collect(),
            hash_key,
            evicted: 0,
            noted: Noted::default(),
            is_cut: false,
        })
    }

    /// Hashes a key, once per command.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key {
            bytes,
            slot: slot_of(bytes),
            hash: keyed_hash(&self.hash_key, bytes),
        }
    }

    /// Whether there is a key in any database.
    pub fn has_keys(&self) -> bool {
        (0..self.databases()).any(|index| !self.db(index).is_empty())
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.databases.len()
    }

    /// Panics when there is no such database: SELECT has checked the number.
    #[inline]
    pub fn db(&self, index: usize) -> &Database {
        &self.databases[index]
    }

    /// Panics as `db` does.
    #[inline]
    pub fn db_mut(&mut self, index: usize) -> &mut Database {
        &mut self.databases[index]
    }

    /// Values that are gone but not freed yet (INFO
    /// `lazyfree_pending_objects`).
    pub fn unfreed(&self) -> usize {
        self.databases.iter().map(Database::unfreed).sum()
    }

    /// Frees about `budget` allocations of values that are gone; `false` when
    /// nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        self.databases
            .iter_mut()
            .any(|database| database.free_step(budget))
    }

    /// The hash of all tables of the node.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    /// Has the databases write down these things that happen to keys.
    pub fn note(&mut self, noted: Noted) {
        if self.noted != noted {
            self.noted = noted;
            self.databases
                .iter_mut()
                .for_each(|database| database.note(noted));
        }
    }

    /// What was written down since it was last asked for, with its database.
    pub fn take_notes(&mut self) -> impl Iterator<Item = (usize, Note)> {
        let is_noting = self.noted != Noted::default();
        let databases = self.databases.iter_mut().enumerate();
        databases
            .filter(move |_| is_noting)
            .flat_map(|(index, database)| {
                let notes = database.take_notes().into_iter();
                notes.map(move |note| (index, note))
            })
    }

    /// SWAPDB.
    pub fn swap(&mut self, one: usize, other: usize) {
        self.databases.swap(one, other);
    }

    /// Keys removed because their deadline passed (INFO `expired_keys`).
    pub fn expired_keys(&self) -> u64 {
        self.databases.iter().map(Database::expired).sum()
    }
}
