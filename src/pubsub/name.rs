//! Names of channels and patterns: shared by all that hold them, on all cores,
//! and found by a hash whose key no client knows.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use crate::base::{HashKey, keyed_hash};

/// A channel's name, or a pattern.
pub type Name = Arc<[u8]>;

/// Makes the hash of the directory's maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed(pub(super) HashKey);

/// See `Keyed`.
pub(super) struct KeyedHasher {
    key: HashKey,
    hash: u64,
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher {
            key: self.0,
            hash: 0,
        }
    }
}

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Turned, so that two equal parts do not cancel each other.
        self.hash = self.hash.rotate_left(29) ^ keyed_hash(&self.key, bytes);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}
