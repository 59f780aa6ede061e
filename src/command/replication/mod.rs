//! The replication family: whom a node follows, and how that goes.

mod follow;
mod info;
mod role;

pub(super) use follow::COMMANDS as FOLLOW;
pub(super) use info::section;
pub(super) use role::COMMANDS as ROLE;
