//! Drives a `Primary`: the replicas of this node, the stream for them, and the
//! snapshots they begin with. `docs/design/replication.md` tells the whole.

mod halt;
mod lane;
mod rest;
mod roles;
mod sender;
mod spill;
mod stand;
mod state;
mod sync;
mod tell;
mod tend;
mod waits;

pub(super) use stand::{Placed, Settling};
pub(super) use state::Hub;
