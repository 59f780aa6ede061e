//! A glommio executor, and what its thread sleeps at.
//!
//! Without links the thread sleeps as glommio does. That and the waking cost nine
//! system calls, which a replica would pay for nearly every write; so while there are
//! links it sleeps in `poll`, at the bell and their sockets ([decision
//! 0019](../../../docs/decisions/0019-links-sleep-in-poll.md)).
//!
//! glommio waits on sockets, not on foreign event descriptors, so the doorbell
//! is a socket pair: whoever rings writes into one end, the control core reads
//! the other. Shard cores and signal handlers can write without waiting.

#![expect(unsafe_code, reason = "the reading end is handed over by number")]

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use futures_lite::AsyncReadExt;
use glommio::net::TcpStream;
use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, recv};

use crate::runtime::core::Bell;
use crate::runtime::process;

use super::wire::Wire;

/// Rings that are heard at once; each is eight bytes.
const RINGS: usize = 32;

/// Locked memory without which glommio does not start, whatever it locks.
const LOCKED_BYTES: u64 = 512 * 1024;

const NEVER_CLOSED: &str = "the bell's other end is never closed";

/// The reading end, on its way to the control core's thread.
#[derive(Debug)]
pub struct Visitor(OwnedFd);

/// The control core's ear.
#[derive(Debug)]
pub struct Doorbell {
    stream: TcpStream,
    /// The same socket.
    socket: OwnedFd,
}

/// A bell and the door it rings at.
///
/// # Errors
/// When the process is out of descriptors.
pub fn door() -> io::Result<(Bell, Visitor)> {
    let (ringing, hearing) = UnixStream::pair()?;
    ringing.set_nonblocking(true)?;
    // The bell lives as long as the process: signal handlers may ring it.
    let bell = Bell::from_descriptor(ringing.into_raw_fd());
    Ok((bell, Visitor(hearing.into())))
}

impl Doorbell {
    /// Sleeps until the bell has rung, something can be done at a wire, or for so
    /// long; several rings may count as one.
    pub async fn wait<'w>(
        &'w mut self,
        wires: impl Iterator<Item = &'w Wire>,
        longest: Option<Duration>,
    ) {
        let mut wires = wires.peekable();
        // A read that is given up could take a ring with it; this one never is.
        if wires.peek().is_none() && longest.is_none() {
            let heard = self.stream.read(&mut [0; RINGS * 8]).await;
            return assert!(heard.is_ok_and(|bytes| bytes > 0), "{NEVER_CLOSED}");
        }
        let wires: Vec<&Wire> = wires.filter(|wire| !wire.waits_for().is_empty()).collect();
        let mut looked_at = vec![PollFd::new(&self.socket, PollFlags::IN)];
        looked_at.extend(wires.iter().map(|wire| wire.to_poll()));
        let longest = longest
            .map(|longest| Timespec::try_from(longest).expect("nobody waits for so many years"));
        let ready = retry_on_intr(|| poll(&mut looked_at, longest.as_ref()));
        ready.expect("descriptors that are open can be looked at");
        for (wire, seen) in wires.iter().zip(&looked_at[1..]) {
            wire.note(seen.revents());
        }
        if !looked_at[0].revents().is_empty() {
            let heard = recv(&self.socket, &mut [0; RINGS * 8], RecvFlags::DONTWAIT);
            assert!(heard.is_ok_and(|(_, bytes)| bytes > 0), "{NEVER_CLOSED}");
        }
    }
}

/// The control core's executor, with its rings, before it runs.
#[derive(Debug)]
pub struct Executor {
    executor: LocalExecutor,
    visitor: Visitor,
    socket: OwnedFd,
}

impl Executor {
    /// Takes all that running needs, so that it cannot fail any more.
    ///
    /// # Errors
    /// When glommio cannot have its rings, with what to do.
    pub fn new(visitor: Visitor) -> Result<Executor, String> {
        let locked_bytes = process::raise_locked_bytes(LOCKED_BYTES);
        if locked_bytes < LOCKED_BYTES {
            return Err(format!(
                "the control core needs {LOCKED_BYTES} bytes of locked memory, and may have {locked_bytes}: \
                 raise ulimit -l (LimitMEMLOCK=)"
            ));
        }
        let executor = LocalExecutorBuilder::new(Placement::Unbound)
            .name("control")
            .ring_depth(32)
            .io_memory(64 * 1024)
            .make()
            .map_err(|error| refused(&error))?;
        let socket = visitor.0.try_clone().map_err(|error| refused(&error))?;
        Ok(Executor {
            executor,
            visitor,
            socket,
        })
    }

    /// Runs a task on this thread until it ends.
    pub fn run<Task, Ended>(self, task: Task)
    where
        Task: FnOnce(Doorbell) -> Ended,
        Ended: Future<Output = ()>,
    {
        let (visitor, socket) = (self.visitor, self.socket);
        self.executor.run(async move {
            // glommio makes streams from numbers for TCP only; it reads any stream
            // socket alike.
            // SAFETY: the descriptor is ours alone: it comes out of its owner.
            let stream = unsafe { TcpStream::from_raw_fd(visitor.0.into_raw_fd()) };
            task(Doorbell { stream, socket }).await;
        });
    }
}

fn refused(error: &impl Display) -> String {
    format!("the control core cannot run: {error}")
}
