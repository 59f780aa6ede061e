//! A connection of the control core, to another node.
//!
//! The control core never waits here. It puts bytes out and hands them to the system
//! at the end of its round, many pieces at once and without a copy; what is not taken
//! then goes when the system says that there is room. It reads when the system says
//! that something has come.

use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use bytes::{Buf, Bytes};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{RecvFlags, recv};
use socket2::SockRef;

use crate::runtime::core::Bell;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Pieces that the system is given at once.
const PIECES: usize = 64;

/// Bytes that are to be sent: whoever sends more hears when there are fewer.
const UNSENT_BYTES_LOW: usize = 512 << 10;

/// See the module. The connection ends when this is dropped.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
    bell: Bell,
    unsent: RefCell<VecDeque<Bytes>>,
    /// Bytes that the system has not taken.
    pending: Cell<usize>,
    /// The bell is rung when there are none.
    is_watched: Cell<bool>,
    /// Something has come, or the end.
    is_ready: Cell<bool>,
    /// The system has no room.
    is_full: Cell<bool>,
    /// Nothing can be sent any more; what came before that is still read.
    is_broken: Cell<bool>,
    /// Nothing is read for now.
    is_held: Cell<bool>,
    closed: RefCell<Option<String>>,
    buffer: RefCell<Vec<u8>>,
}

impl Wire {
    /// Takes a connected socket over; rings when most or all of what was sent has
    /// gone.
    #[must_use]
    pub fn adopt(socket: OwnedFd, bell: Bell) -> Wire {
        Wire {
            socket,
            bell,
            unsent: RefCell::default(),
            pending: Cell::new(0),
            is_watched: Cell::new(false),
            is_ready: Cell::new(false),
            is_full: Cell::new(false),
            is_broken: Cell::new(false),
            is_held: Cell::new(false),
            closed: RefCell::default(),
            buffer: RefCell::default(),
        }
    }

    /// Has the system put small pieces together before it sends them: fewer packets,
    /// later.
    pub fn gather_packets(&self) {
        // A socket of the file system has no packets.
        let _refused = SockRef::from(&self.socket).set_tcp_nodelay(false).is_err();
    }

    /// The socket once more, for who may only hang up.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn handle(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// Puts bytes behind those that are to be sent.
    pub fn send(&self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        if !self.is_broken.get() {
            self.pending.set(self.pending.get() + bytes.len());
            self.unsent.borrow_mut().push_back(bytes);
        }
    }

    /// Gives the system what was sent, as far as it has room.
    pub fn flush(&self) {
        while self.pending.get() > 0 && !self.is_full.get() {
            let unsent = self.unsent.borrow();
            let pieces: Vec<IoSlice<'_>> = unsent
                .iter()
                .take(PIECES)
                .map(|piece| IoSlice::new(piece))
                .collect();
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let sent = SockRef::from(&self.socket).send_vectored_with_flags(&pieces, flags);
            drop(pieces);
            drop(unsent);
            match sent {
                Ok(sent) => self.take(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full.set(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.break_off(),
            }
        }
    }

    fn break_off(&self) {
        self.is_broken.set(true);
        self.unsent.borrow_mut().clear();
        self.pending.set(0);
    }

    /// The system has taken so many bytes.
    fn take(&self, sent: usize) {
        let mut unsent = self.unsent.borrow_mut();
        let mut rest = sent;
        while rest > 0 {
            let first = unsent.front_mut().expect("what was sent was here");
            if rest < first.len() {
                first.advance(rest);
                break;
            }
            rest -= first.len();
            unsent.pop_front();
        }
        let before = self.pending.get();
        let pending = before - sent;
        self.pending.set(pending);
        let is_low = before > UNSENT_BYTES_LOW && pending <= UNSENT_BYTES_LOW;
        if is_low || pending == 0 && self.is_watched.take() {
            self.bell.ring();
        }
    }

    /// Bytes that the system has not taken. The bell rings when they are few
    /// again.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.get()
    }

    /// Whether the system has taken everything; else the bell rings when it has.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.is_watched.set(self.pending() > 0);
        self.pending() == 0
    }

    /// The next bytes that have come.
    #[must_use]
    pub fn receive(&self) -> Option<Ref<'_, [u8]>> {
        if self.is_held.get() || self.closed.borrow().is_some() || !self.is_ready.get() {
            return None;
        }
        let mut buffer = self.buffer.borrow_mut();
        buffer.resize(READ_BYTES, 0);
        match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((_, 0)) => self.close(&"the other end closed it"),
            Ok((_, len)) => {
                // It has been emptied; more will be heard of.
                self.is_ready.set(len == READ_BYTES);
                drop(buffer);
                return Some(Ref::map(self.buffer.borrow(), |buffer| &buffer[..len]));
            }
            Err(error) => match io::Error::from(error) {
                error if error.kind() == ErrorKind::WouldBlock => self.is_ready.set(false),
                error if error.kind() == ErrorKind::Interrupted => {}
                error => self.close(&error),
            },
        }
        None
    }

    /// Why nothing more comes, once what came has been taken.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        self.closed.borrow().clone()
    }

    fn close(&self, why: &impl ToString) {
        self.closed.replace(Some(why.to_string()));
        self.break_off();
    }

    /// Reads on, or not.
    pub fn hold(&self, is_held: bool) {
        self.is_held.set(is_held);
    }

    /// What the control core is to be woken for.
    pub(super) fn waits_for(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        if self.closed.borrow().is_none() {
            flags.set(PollFlags::IN, !self.is_held.get());
            flags.set(PollFlags::OUT, self.pending.get() > 0);
        }
        flags
    }

    pub(super) fn to_poll(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.socket.as_fd(), self.waits_for())
    }

    /// What the system says of it.
    pub(super) fn note(&self, seen: PollFlags) {
        let is_over = seen.intersects(PollFlags::HUP | PollFlags::ERR);
        if is_over || seen.contains(PollFlags::IN) {
            self.is_ready.set(true);
        }
        if is_over || seen.contains(PollFlags::OUT) {
            self.is_full.set(false);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.flush();
        // The peer may have ended the connection before.
        let _ended = SockRef::from(&self.socket).shutdown(Shutdown::Both).is_ok();
    }
}

/// The earliest time it was set to. Times are milliseconds of one clock.
#[derive(Debug, Default)]
pub struct Alarm {
    at: Option<u64>,
}

impl Alarm {
    /// Whether it has no time to come.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    /// Sets it to a time, if there is one and none before.
    pub fn set(&mut self, now: u64, deadline: Option<u64>) {
        self.at.take_if(|at| *at <= now);
        self.at = self.at.into_iter().chain(deadline).min();
    }

    /// Has no time any more.
    pub fn clear(&mut self) {
        self.at = None;
    }

    /// How long it is until then, if it is set.
    #[must_use]
    pub fn left(&self, now: u64) -> Option<Duration> {
        let at = self.at?;
        Some(Duration::from_millis(at.saturating_sub(now)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;

    use rustix::event::PollFlags;

    use super::{Bell, Wire};

    /// A wire, its other end, and what is heard of its bell.
    fn connected() -> (Wire, UnixStream, UnixStream) {
        let (here, there) = UnixStream::pair().expect("a pair of sockets");
        let (ringing, hearing) = UnixStream::pair().expect("a pair of sockets");
        hearing.set_nonblocking(true).expect("a socket");
        let bell = Bell::from_descriptor(ringing.into_raw_fd());
        (Wire::adopt(here.into(), bell), there, hearing)
    }

    #[test]
    fn what_the_system_does_not_take_goes_when_there_is_room() {
        let (wire, mut there, mut bell) = connected();
        let sent: Vec<u8> = (0..4u32 << 20).map(|at| (at / 7) as u8).collect();
        for piece in sent.chunks(50_001) {
            wire.send(piece.to_vec());
        }
        wire.flush();
        assert!(wire.pending() > 0, "no socket buffers four MiB");
        assert!(!wire.is_flushed());
        assert_eq!(wire.waits_for(), PollFlags::IN | PollFlags::OUT);
        let mut came = vec![0; sent.len()];
        let mut len = 0;
        while len < sent.len() {
            len += there.read(&mut came[len..]).expect("there is more");
            // What `poll` says.
            wire.note(PollFlags::OUT);
            wire.flush();
        }
        assert_eq!(came, sent);
        assert_eq!(wire.pending(), 0);
        assert_eq!(wire.waits_for(), PollFlags::IN);
        assert!(bell.read(&mut [0; 8]).is_ok(), "it was watched");
    }

    #[test]
    fn what_came_before_the_end_is_read() {
        let (wire, mut there, _bell) = connected();
        there.write_all(b"goodbye").expect("there is room");
        drop(there);
        wire.send(&b"hello?"[..]);
        wire.flush();
        wire.send(&b"hello?"[..]);
        assert_eq!(wire.pending(), 0, "nobody takes it");
        assert!(wire.closed().is_none());
        wire.note(PollFlags::IN | PollFlags::HUP);
        assert_eq!(wire.receive().as_deref(), Some(&b"goodbye"[..]));
        wire.note(PollFlags::IN | PollFlags::HUP);
        assert_eq!(wire.receive().as_deref(), None);
        assert!(wire.closed().is_some());
        assert_eq!(wire.waits_for(), PollFlags::empty());
    }

    #[test]
    fn a_wire_that_is_held_waits_for_nothing() {
        let (wire, mut there, _bell) = connected();
        there.write_all(b"one").expect("there is room");
        wire.note(PollFlags::IN);
        wire.hold(true);
        assert_eq!(wire.receive().as_deref(), None);
        assert_eq!(wire.waits_for(), PollFlags::empty());
        wire.hold(false);
        assert_eq!(wire.receive().as_deref(), Some(&b"one"[..]));
        assert_eq!(
            wire.receive().as_deref(),
            None,
            "and nothing is known to have come"
        );
    }

    #[test]
    fn what_was_sent_is_sent_before_the_end() {
        let (wire, mut there, _bell) = connected();
        wire.send(&b"-ERR no\r\n"[..]);
        drop(wire);
        let mut came = Vec::new();
        there.read_to_end(&mut came).expect("it ends");
        assert_eq!(came, b"-ERR no\r\n");
        let more = there.write(b"x").map_err(|error| error.kind());
        assert_eq!(more, Err(ErrorKind::BrokenPipe));
    }
}
