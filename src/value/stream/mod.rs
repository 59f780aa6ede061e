//! Streams: entries of fields and values in the order of their ids, and groups
//! of consumers that share them out.
//!
//! Entries lie in nodes, packed lists of some kilobytes in stock's bytes, so
//! that a stream is dumped by a copy and loaded by a copy and a check. An entry
//! is only ever added behind all others, so the nodes stand in a row of blocks
//! of up to 256 and are found by halving: first the blocks, then the nodes of
//! one. Blocks know how many entries they have, so that a trim passes over
//! them.
//!
//! ```text
//! entries ─► block 0 ─► node 1700000000000-0: 100 entries
//!                       node 1700000000052-3: 97 entries, 3 deleted
//!            block 1 ─► …
//! groups  ─► "mail" ─► pending by id ─► consumer, time, count
//!                      consumers     ─► pending ids
//! ```
//!
//! A stream without entries is still a stream: it knows its last id and its
//! groups. Nothing here knows the time; whoever delivers says when.

mod block;
mod consumers;
mod delivery;
mod entries;
mod group;
mod groups_cut;
mod id;
mod node;
mod nodes;
mod radix;
#[cfg(test)]
mod tests;
mod trim;
mod valid;
mod value;
mod walk;

pub use consumers::{Consumer, ConsumerSlot};
pub use delivery::{Acknowledgement, Claim, Claimed, Deliveries, Stale};
pub use entries::{Entries, History, IdFault, WantedId};
pub use group::{Group, Pending};
pub use id::Id;
pub use node::{Entry, Fields};
pub use trim::{Keep, Precision, Trimmed};
pub use value::Stream;
pub use walk::{Direction, Walk};
