//! The data types as plain values: algorithms over bytes that know no keys, no replies, no clock.
//!
//! Strings are byte slices and vectors here, so whatever a command means to do with a string is
//! one call on `&[u8]` or `&mut Vec<u8>`, tested against a naive model. Every function is total
//! over any bytes; offsets and lengths that a client may choose are bounded by the caller before
//! anything is grown.

pub mod bitfield;
pub mod bits;
mod choice;
mod compound;
mod cut;
pub mod geo;
pub mod hash;
pub mod list;
pub mod listpack;
pub mod loglog;
mod row_cut;
mod rules;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod subsequence;
#[cfg(test)]
mod tests;
pub mod text;

pub use compound::{Compound, Typed};
pub use cut::{CutElement, KeepElements};
pub use rules::Rules;
