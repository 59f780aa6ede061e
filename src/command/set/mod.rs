//! Set commands.

mod chance;
mod combine;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub(super) use chance::COMMANDS as CHANCE;
pub(super) use combine::{COMMANDS as COMBINE, limit};
pub(super) use read::COMMANDS as READ;
pub(super) use store::COMMANDS as STORE;
pub(super) use write::COMMANDS as WRITE;
