//! A glommio executor and the socket that wakes it.
//!
//! glommio waits on sockets, not on foreign event descriptors, so the doorbell
//! is a socket pair: whoever rings writes into one end, the control core reads
//! the other. Shard cores and signal handlers can write without waiting.

#![expect(unsafe_code, reason = "the reading end is handed over by number")]

use std::future::Future;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use futures_lite::AsyncReadExt;
use glommio::net::TcpStream;
use glommio::{LocalExecutorBuilder, Placement};

use crate::runtime::core::Bell;

/// The reading end, on its way to the control core's thread.
#[derive(Debug)]
pub struct Visitor(OwnedFd);

/// The control core's ear.
#[derive(Debug)]
pub struct Doorbell(TcpStream);

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
    /// Waits until the bell has rung; several rings may count as one.
    pub async fn wait(&mut self) {
        let mut rings = [0; 256];
        let heard = self.0.read(&mut rings).await;
        assert!(
            heard.is_ok_and(|bytes| bytes > 0),
            "the bell's other end is never closed"
        );
    }
}

/// Runs a task on an executor of its own on this thread, until it ends.
///
/// # Errors
/// When glommio cannot have its rings.
pub fn run<Task, Ended>(visitor: Visitor, task: Task) -> io::Result<()>
where
    Task: FnOnce(Doorbell) -> Ended,
    Ended: Future<Output = ()>,
{
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .name("control")
        .ring_depth(32)
        .io_memory(64 * 1024)
        .make()
        .map_err(|error| io::Error::other(error.to_string()))?;
    executor.run(async move {
        // glommio makes streams from numbers for TCP only; it reads any stream
        // socket alike.
        // SAFETY: the descriptor is ours alone: it comes out of its owner.
        let stream = unsafe { TcpStream::from_raw_fd(visitor.0.into_raw_fd()) };
        task(Doorbell(stream)).await;
    });
    Ok(())
}
