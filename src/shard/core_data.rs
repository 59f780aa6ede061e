//! What a core owns and lends.

use crate::base::HashKey;
use crate::keyspace::{Key, Keyspace};

use super::marks::Marks;
use super::observers::{Observer, Observers};

/// See the module.
#[derive(Debug)]
pub struct Shard {
    /// The core whose slots these are.
    pub core: usize,
    pub keyspace: Keyspace,
    pub observers: Observers,
    /// Who records what changes here, one bit each; changed for all shards of
    /// the node at once.
    pub recorded_by: u8,
    pub marks: Marks,
}

impl Shard {
    /// Empty databases; all shards of a node share the hash key.
    #[must_use]
    pub fn new(core: usize, databases: usize, hash_key: HashKey) -> Box<Shard> {
        Box::new(Shard {
            core,
            keyspace: *Keyspace::new(databases, hash_key),
            observers: Observers::default(),
            recorded_by: 0,
            marks: Marks::default(),
        })
    }

    /// Around a keyspace that nobody observes.
    #[must_use]
    pub fn around(core: usize, keyspace: Keyspace) -> Shard {
        Shard {
            core,
            keyspace,
            observers: Observers::default(),
            recorded_by: 0,
            marks: Marks::default(),
        }
    }

    /// Takes another keyspace in the place of its own, which is given back. All
    /// keys of either are touched.
    pub fn renew(&mut self, keyspace: Keyspace) -> Keyspace {
        let old = std::mem::replace(&mut self.keyspace, keyspace);
        for index in 0..old.databases().min(self.keyspace.databases()) {
            // At the beginning of time no key is over.
            let (before, after) = (old.db(index), self.keyspace.db(index));
            let is_there =
                |key: &Key<'_>| before.peek(*key, 0).is_some() || after.peek(*key, 0).is_some();
            self.observers.touch_all(index, is_there);
        }
        old
    }

    /// Takes an observer from the keys of this shard.
    pub fn forget(&mut self, observer: &Observer) {
        for bytes in observer.keys() {
            let key = self.keyspace.key(bytes);
            self.observers.forget(&key, observer);
        }
    }
}
