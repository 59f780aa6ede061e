//! Hashes: texts by field, each field with a deadline of its own if one is set.
//!
//! A small hash is packed, field and value by turns, byte for byte as stock's.
//! A large one is a table, and so is one that has ever had a deadline: only a
//! table's entry holds one, in 8 bytes where it is set and in none elsewhere.
//!
//! Nothing here knows the time. Whoever looks passes the moment on, and a field
//! whose deadline is before it is not there. Such fields are taken out in steps
//! (`sweep`) by whoever comes across the hash.

mod chance;
mod deadline;
mod fields;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use fields::value;
pub use fields::{Fate, Hash};
