//! The sorted-set family: members in the order of their scores.

mod add;
mod blocking;
mod bounds;
mod combine;
mod members;
mod query;
mod range;
mod read;
mod remove;
mod source;

pub(super) use add::COMMANDS as ADD;
pub(super) use blocking::COMMANDS as BLOCKING;
pub(super) use combine::COMMANDS as COMBINE;
pub(super) use range::COMMANDS as RANGE;
pub(super) use read::COMMANDS as READ;
pub(super) use remove::COMMANDS as REMOVE;
