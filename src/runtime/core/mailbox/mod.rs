//! Mail between cores, and the proof that none is left behind.
//!
//! `postbox` is the protocol; `parts` names what it is made of, so that the
//! tests run the very same lines under a scheduler that tries many orders
//! (`model`).

mod parts;
mod postbox;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub use postbox::{Mailboxes, Postbox};
