//! One shard's databases: lookup, expiry, eviction, scan.

mod agenda;
mod clock;
mod cut;
mod database;
mod discarded;
mod eviction;
mod expiry;
mod found;
mod notes;
mod own;
mod owned;
mod shard_keyspace;
mod stored;
mod walk;

#[cfg(test)]
mod tests;

pub use clock::{Clock, LFU_NEW, Overdue, Touch};
pub use cut::Keep;
pub use database::{Database, Key, NotCompound};
pub use discarded::Discarded;
pub use eviction::{Evictor, Policy};
pub use expiry::{ExpireCursor, ExpireProgress};
pub use found::{Found, View};
pub use notes::{Happening, Note, Noted};
pub use owned::{Lifetime, Owned, OwnedContent};
pub use shard_keyspace::Keyspace;
pub use walk::{Met, SCAN_SLOT_BITS};
