//! HyperLogLog: how many different elements were added to a string of at most 12 kB.
//!
//! A value is a string that begins with a header (`header`) and holds 16384 registers, either as
//! runs (`sparse`) or as six bits each (`dense`). Its bytes are the ones Redis writes for the same
//! calls, so that dumps, replicas and digests agree. The format is documented at the head of
//! Redis's hyperloglog.c; the estimator is Ertl's (arXiv:1702.01284, algorithm 6).
//!
//! Any bytes may come in: what is no value is refused, never trusted.

mod dense;
mod element;
mod estimate;
mod header;
mod proof;
mod sketch;
mod sparse;
#[cfg(test)]
mod tests;
mod union;

pub use element::REGISTERS;
pub use header::{Encoding, cached, empty, encoding};
pub use proof::holds;
pub use sketch::{
    Broken, add, count, describe, forget_count, make_dense, registers, remember_count,
};
pub use union::Union;
