//! Lua scripts, as stock Redis runs them, without a keyspace and without a server.
//!
//! [`Engine`] keeps the scripts of EVAL for one core, [`Libraries`] those of FUNCTION; each has a
//! Lua of its own. What a script wants of the world it asks a [`Host`] that is borrowed for one
//! run. What always holds: after a run, however it ended, the next one finds the same globals.
//!
//! `docs/design/script.md` says why it has this shape.

mod api;
mod bits;
mod engine;
mod failure;
mod frame;
mod from_reply;
mod function;
mod host;
mod json;
mod msgpack;
mod number;
mod random;
mod raw;
mod sandbox;
mod sha;
mod shebang;
mod structs;
#[cfg(test)]
mod tests;
mod to_reply;

pub use engine::{Engine, Script};
pub use failure::Verdict;
pub use function::{Existing, Function, Libraries, Library, Policy};
pub use host::{Effects, Host, LogLevel, Pace, Permission};
pub use sha::{BySha, Sha};
pub use shebang::Flags;
