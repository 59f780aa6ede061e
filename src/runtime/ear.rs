//! What a plain thread sleeps at: a bell that any thread may ring, and an ear.

use std::io::{self, Read as _};
use std::os::fd::IntoRawFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::core::Bell;

/// One thread's; see the module.
#[derive(Debug)]
pub struct Ear {
    stream: UnixStream,
    timeout: Option<Duration>,
}

/// A bell and the ear that hears it.
///
/// # Errors
/// When the process is out of descriptors.
pub fn door() -> io::Result<(Bell, Ear)> {
    let (ringing, stream) = UnixStream::pair()?;
    ringing.set_nonblocking(true)?;
    // It lives as long as the process: any core may ring it at any time.
    let bell = Bell::from_descriptor(ringing.into_raw_fd());
    let timeout = None;
    Ok((bell, Ear { stream, timeout }))
}

impl Ear {
    /// Sleeps until the bell has rung, or for so long; several rings may count
    /// as one.
    pub fn wait(&mut self, longest: Option<Duration>) {
        if self.timeout != longest {
            // Zero would be refused, and is no sleep.
            let timeout = longest.map(|longest| longest.max(Duration::from_micros(1)));
            let set = self.stream.set_read_timeout(timeout);
            assert!(set.is_ok(), "a time that is not zero can be set");
            self.timeout = longest;
        }
        let mut rings = [0; 256];
        match self.stream.read(&mut rings) {
            Ok(read) => assert!(read > 0, "the bell's other end is never closed"),
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                ),
                "the bell's other end is never closed"
            ),
        }
    }
}
