//! The database family: all keys at once, one after the other, and databases
//! themselves.

mod count;
mod flush;
mod index;
mod names;
mod scan;
mod swap;

#[cfg(test)]
mod tests;

pub(super) use count::COMMANDS as COUNT;
pub(super) use flush::COMMANDS as FLUSH;
pub(super) use index::database_index;
pub(super) use names::COMMANDS as NAMES;
pub(super) use scan::COMMANDS as SCAN;
pub use scan::{Onward, Walked, cursor_core};
pub(super) use swap::COMMANDS as SWAP;
