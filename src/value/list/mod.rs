//! Lists: texts in an order, quick to change at both ends.
//!
//! A short list is one packed list. A longer one is a chain: packed lists of a
//! few kilobytes, its nodes, which stand in blocks of up to 256. Blocks and
//! nodes know how many elements they have, so an index in the middle of ten
//! million elements is found by counting some sixty blocks, at most 256 nodes,
//! and half a node. No change moves more than a block's nodes and one node's
//! bytes.
//!
//! ```text
//! chain ─► block 0 (151,000 elements) ─► node 0: packed list of 8 KiB
//!          block 1 (148,512)             node 1: packed list of 8 KiB
//!          …                             node 2: one text of 100 KiB, alone
//! ```

mod block;
mod chain;
mod limit;
mod node;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use node::{Node, Part};
pub use value::{End, List};
pub use walk::Walk;
