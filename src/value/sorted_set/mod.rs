//! Sorted sets: members with scores, in the order of (score, member).
//!
//! A small one is a packed list of members and scores by turns, byte for byte
//! stock's; a larger one is [`crate::memory::Ranked`]. Both answer the same
//! questions. A packed set that grows is converted once, while it is small; a
//! table never goes back.

mod packed;
mod set;
#[cfg(test)]
mod tests;

pub use set::{SortedSet, Towards};
