//! One client: what it said, what it is told, and in which order.
//!
//! Pure: a session has no socket and no clock. The loop turn in `server` feeds
//! bytes to its inbox and takes bytes from its outbox.

mod away;
mod client;
mod inbox;
mod outbox;
mod roster;
mod transaction;
mod watches;

pub use away::Away;
pub use client::{Client, Origin, Regard, ReplicaSaid, ReplyMode, Subscribed};
pub use inbox::Inbox;
pub use outbox::{Gap, Outbox};
pub use roster::{Blocked, Roster, Session, SessionId, Stage};
pub use transaction::{Queued, Transaction};
pub use watches::Watches;
