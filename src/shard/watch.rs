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
