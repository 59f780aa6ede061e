//! Hash commands, and the deadlines of single fields.

mod chance;
mod count;
mod expire;
mod field_list;
mod lifetime;
mod look;
mod read;
mod scan;
#[cfg(test)]
mod tests;
mod ttl;
mod write;

pub(super) use chance::COMMANDS as CHANCE;
pub(super) use count::COMMANDS as COUNT;
pub(super) use expire::COMMANDS as EXPIRE;
pub(super) use lifetime::COMMANDS as LIFETIME;
pub(super) use read::COMMANDS as READ;
pub(super) use scan::COMMANDS as SCAN;
pub(super) use ttl::COMMANDS as TTL;
pub(super) use write::COMMANDS as WRITE;
