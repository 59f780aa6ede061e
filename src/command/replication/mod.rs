//! The replication family: whom a node follows, and how that goes.

mod failover;
mod follow;
mod info;
mod role;
mod sync;
mod wait;

pub(super) use failover::COMMANDS as FAILOVER;
pub(super) use follow::COMMANDS as FOLLOW;
pub(super) use info::section;
pub(super) use role::COMMANDS as ROLE;
pub(super) use sync::COMMANDS as SYNC;
pub(super) use wait::COMMANDS as WAIT;
