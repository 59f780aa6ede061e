//! Stream commands.

mod add;
mod change;
mod claim;
mod entry;
mod group;
mod id;
mod info;
mod info_stream;
mod leave;
mod pending;
mod range;
mod read;
mod request;
#[cfg(test)]
mod tests;
mod trim;

pub(super) use add::COMMANDS as ADD;
pub(super) use change::COMMANDS as CHANGE;
pub(super) use claim::COMMANDS as CLAIM;
pub(super) use group::COMMANDS as GROUP;
pub(super) use info::COMMANDS as INFO;
pub(super) use pending::COMMANDS as PENDING;
pub(super) use range::COMMANDS as RANGE;
pub(super) use read::COMMANDS as READ;
