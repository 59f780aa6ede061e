//! List commands.

mod blocking;
mod element;
mod ends;
mod middle;
mod read;
mod relocate;
mod search;
#[cfg(test)]
mod tests;

pub(super) use blocking::{COMMANDS as BLOCKING, KEYS_BEFORE_TIMEOUT};
pub(super) use element::range;
pub(super) use ends::COMMANDS as ENDS;
pub(super) use middle::COMMANDS as MIDDLE;
pub(super) use read::COMMANDS as READ;
pub(super) use relocate::COMMANDS as RELOCATE;
pub(super) use search::COMMANDS as SEARCH;
