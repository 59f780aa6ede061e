//! What a core owns and lends.

use crate::base::HashKey;
use crate::keyspace::Keyspace;

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
        })
    }

    /// Takes an observer from the keys of this shard.
    pub fn forget(&mut self, observer: &Observer) {
        for bytes in observer.keys() {
            let key = self.keyspace.key(bytes);
            self.observers.forget(&key, observer);
        }
    }
}
