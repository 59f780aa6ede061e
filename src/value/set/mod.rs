//! Sets of texts.
//!
//! A set of integers is sorted numbers, a small set of texts is packed, a
//! large one is a table; when it changes from one to the next is stock's. The
//! first two are byte for byte those of stock.

mod algebra;
mod chance;
mod intset;
mod members;
#[cfg(test)]
mod tests;

pub use algebra::{difference, intersection};
pub use intset::Intset;
pub use members::{Members, Set};
