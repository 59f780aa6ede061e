//! Packed elements: texts and integers one after the other in one allocation.
//!
//! The small form of every type of many elements, and the node of a long list.
//! The bytes are exactly those stock keeps and writes to disk, so a value is
//! loaded by validating it and dumped by copying it.
//!
//! ```text
//! | total bytes, u32 LE | elements, u16 LE | entry | entry | … | 0xff |
//!   entry = head | text | length of head and text, readable backwards
//!   elements = 65,535 when there are that many or more: count to know
//! ```

mod coding;
mod item;
mod pack;
#[cfg(test)]
mod tests;
mod validate;
mod walk;

pub use item::{Item, Wanted};
pub use pack::Listpack;
pub use walk::{Iter, Position};
