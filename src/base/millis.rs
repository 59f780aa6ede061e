//! Time as the keyspace counts it.

/// Milliseconds since 1970-01-01 UTC, as in PEXPIREAT. 0 never occurs as "now".
pub type Millis = u64;
