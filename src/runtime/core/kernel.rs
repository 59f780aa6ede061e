//! What a core asks of the kernel.
//!
//! The ring is the one that a node has; a simulation has another, so that the
//! very loop of a core runs without sockets and threads. Nothing here waits
//! but `enter`.

use std::os::fd::RawFd;
use std::time::Duration;

use super::buffers::BufferId;
use super::ring::{Event, Token};

/// See the module.
pub trait Kernel {
    /// Takes connections from a listening socket until it is closed.
    fn accept(&mut self, fd: RawFd, listener: Token);

    /// Receives from a socket until it ends or `stop_receiving`.
    fn receive(&mut self, fd: RawFd, token: Token);

    /// Disarms a receive; `Event::ReceiveEnded` follows.
    fn stop_receiving(&mut self, token: Token);

    /// Sends all of `buffer`; `Event::Sent` gives it back.
    fn send(&mut self, fd: RawFd, token: Token, buffer: Vec<u8>);

    /// Wakes the core whose ring has this descriptor.
    fn wake(&mut self, descriptor: RawFd);

    /// Submits what is staged; waits for an event up to `wait` (`None`: does
    /// not wait).
    ///
    /// # Panics
    /// When the kernel refuses an enter for a reason that is our bug.
    fn enter(&mut self, wait: Option<Duration>);

    /// Moves every completion into `events`.
    fn reap(&mut self, events: &mut Vec<Event>);

    /// The bytes of a received buffer.
    #[must_use]
    fn bytes(&self, buffer: BufferId, len: usize) -> &[u8];

    /// Gives a received buffer back to the kernel.
    fn recycle(&mut self, buffer: BufferId);

    /// Quiets the bell after it rang.
    fn hush(&mut self);

    /// Whether a turn looks at its mail between two events however little time has gone
    /// by: not where there is time.
    fn is_hasty(&mut self) -> bool {
        false
    }
}
