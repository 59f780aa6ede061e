//! Mail between cores, and the proof that none is left behind.
//!
//! `postbox` is the protocol; `parts` names what it is made of, so that the
//! tests run the very same lines under a scheduler that tries many orders
//! (`model`). `feed` is the same for letters that all have one order.

mod feed;
mod parts;
mod postbox;
mod stamps;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use feed::{Feed, Reached};
pub use postbox::{Mailboxes, Postbox};
