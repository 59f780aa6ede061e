//! What the mailbox is made of: the real things, and in this crate's own
//! tests twins whose every step a scheduler may interrupt.

#[cfg(not(test))]
pub(super) use crossbeam::queue::{ArrayQueue, SegQueue};
#[cfg(not(test))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, fence};

#[cfg(test)]
pub(super) use super::model::{ArrayQueue, AtomicBool, AtomicU64, SegQueue, fence};
