//! Replication as machines: what a replica says to its primary and does with
//! what it hears.
//!
//! Nothing here has a clock, a socket or a thread. Events go in with the time,
//! as `on_…(now, …)`; `next_action` says what is to be done, `deadline` when to
//! look again. `docs/design/replication.md` tells the whole.

mod address;
mod apply;
mod follower;
mod greeting;
mod history;
mod id;
mod primary;
mod transfer;
mod units;

#[cfg(test)]
mod tests;

pub use address::Address;
pub use apply::{Deal, Progress, Share, Step, Task};
pub use follower::{Action, Follower, Level, Stage};
pub use greeting::Introduction;
pub use history::{History, Resume, Standing};
pub use id::ReplicationId;
pub use primary::{
    Arrival, Asked, Guard, Halt, HaltAction, Limits, LinkInfo, Method, Overflow, Passage, Policy,
    Primary, PrimaryAction, Role, State, Stream, Succession, Takeover, Tally,
};
pub use transfer::Framing;
pub use units::Sorter;
#[cfg(test)]
pub use units::Unsorted;
