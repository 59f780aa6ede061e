//! Keys that a client watches until its EXEC.

/// One WATCH. It stands in the rooms of its keys until they are touched: who
/// holds their shards and finds it there knows that nobody touched them.
#[derive(Debug)]
pub struct Watch {
    pub database: usize,
    /// Each once.
    pub keys: Vec<Box<[u8]>>,
    /// When the first of the keys ends if nobody touches it, Unix
    /// milliseconds: a key that has expired since is a changed key.
    pub ends_ms: Option<u64>,
}

impl Watch {
    /// Memory it takes, in bytes, its places at its keys included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let keys = self.keys.iter().map(|key| key.len() + PLACE_BYTES);
        size_of::<Watch>() + keys.sum::<usize>()
    }
}

/// A key of a watch: its name's address, and the room at the key with the watch
/// in it.
const PLACE_BYTES: usize = 96;
