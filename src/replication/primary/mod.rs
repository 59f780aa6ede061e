//! The primary side: the stream that replicas are sent, and each replica's link.

mod action;
mod catching;
mod closing;
mod guard;
mod halt;
mod lineage;
mod link;
mod machine;
mod stream;
mod sync;
mod takeover;

pub use action::{Action as PrimaryAction, Method, Tally};
pub use closing::Limits;
pub use guard::Guard;
pub use halt::{Action as HaltAction, Halt, Passage, Role, Succession};
pub use link::{Arrival, Asked, State};
pub use machine::{LinkInfo, Policy, Primary};
pub use stream::{Overflow, Stream};
pub use takeover::Takeover;
