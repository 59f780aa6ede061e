//! What `std` lacks and every module may use: number text exactly as Redis writes and reads it,
//! glob patterns, checksums, the keyed hash of keys, seeded random numbers, LZF.
//!
//! Nothing here names another module of ours, keeps state, or reads a clock.

mod claim;
mod crc;
mod glob;
mod hash;
mod long_double;
pub mod lzf;
mod millis;
mod number;
mod random;
mod sha256;
#[cfg(test)]
mod tests;

pub use claim::{Claim, Taken};
pub use crc::{SLOTS, crc16, crc64, slot_of};
pub use glob::{Case, glob_matches};
pub use hash::{HashKey, keyed_hash};
pub use long_double::{LongDoubleFault, add_long_double};
pub use millis::Millis;
pub use number::{parse_f64, parse_f64_as_c, parse_i64, write_f64, write_i64};
pub use random::Random;
pub use sha256::sha256;
