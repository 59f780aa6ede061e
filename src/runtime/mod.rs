//! The machine behind our names; it knows nothing of Redis.
//!
//! `core` is the pinned data-plane loop's half: ring, provided buffers,
//! sockets, mailboxes. `control` is the glommio executor of the control core.
//! `funnel` takes from many cores to one thread, `permit` can be withdrawn. The rest is what a process needs
//! once: threads, clocks, signals.

pub mod clock;
pub mod control;
pub mod core;
pub mod ear;
pub mod funnel;
pub mod permit;
pub mod process;
pub mod signal;
pub mod title;
