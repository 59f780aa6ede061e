//! A connection of the control core, to another node.
//!
//! Two tasks of the executor move its bytes, one each way; the control core
//! looks after what came when its bell rings, and never waits here. No socket
//! gets SO_ZEROCOPY: glommio asks for zero-copy sends and would not wait for
//! the kernel to be done with their bytes.

#![expect(unsafe_code, reason = "glommio takes a socket by its number")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;
use socket2::SockRef;

use crate::runtime::core::Bell;

/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;

/// Bytes that may have come and not been taken before no more are read.
const UNTAKEN_BYTES_MAX: usize = 4 << 20;

/// Shorter pieces that wait are sent together, up to this many bytes at once.
const TOGETHER_BYTES: usize = 64 << 10;

/// Bytes that are to be sent: whoever sends more hears when there are fewer.
const UNSENT_BYTES_LOW: usize = 512 << 10;

/// See the module. The connection ends when this is dropped.
#[derive(Debug)]
pub struct Wire {
    shared: Rc<Shared>,
    /// To end it by.
    socket: OwnedFd,
}

#[derive(Debug)]
struct Shared {
    bell: Bell,
    received: RefCell<VecDeque<Vec<u8>>>,
    untaken: Cell<usize>,
    unsent: RefCell<VecDeque<Bytes>>,
    /// Bytes that the system has not taken.
    pending: Cell<usize>,
    /// The bell is rung when there are none.
    is_watched: Cell<bool>,
    closed: RefCell<Option<String>>,
    /// Nothing is read for now.
    is_held: Cell<bool>,
    is_dropped: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    writer: RefCell<Option<Waker>>,
}

impl Wire {
    /// Takes a connected socket over; rings when something has come of it. Only
    /// in a task of the executor.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn adopt(socket: OwnedFd, bell: Bell) -> io::Result<Wire> {
        let (reading, writing) = (stream(&socket)?, stream(&socket)?);
        let shared = Rc::new(Shared {
            bell,
            received: RefCell::default(),
            untaken: Cell::new(0),
            unsent: RefCell::default(),
            pending: Cell::new(0),
            is_watched: Cell::new(false),
            closed: RefCell::default(),
            is_held: Cell::new(false),
            is_dropped: Cell::new(false),
            reader: RefCell::default(),
            writer: RefCell::default(),
        });
        glommio::spawn_local(read(Rc::clone(&shared), reading)).detach();
        glommio::spawn_local(write(Rc::clone(&shared), writing)).detach();
        Ok(Wire { shared, socket })
    }

    /// The socket once more, for who may only hang up.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn handle(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone()
    }

    /// Sends bytes when those before have gone.
    pub fn send(&self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        let pending = &self.shared.pending;
        pending.set(pending.get() + bytes.len());
        self.shared.unsent.borrow_mut().push_back(bytes);
        wake(&self.shared.writer);
    }

    /// Bytes that the system has not taken. The bell rings when they are few
    /// again.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.shared.pending.get()
    }

    /// Whether the system has taken everything; else the bell rings when it has.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.shared.is_watched.set(self.pending() > 0);
        self.pending() == 0
    }

    /// The next bytes that have come.
    #[must_use]
    pub fn receive(&self) -> Option<Vec<u8>> {
        let bytes = self.shared.received.borrow_mut().pop_front()?;
        self.shared
            .untaken
            .set(self.shared.untaken.get() - bytes.len());
        wake(&self.shared.reader);
        Some(bytes)
    }

    /// Why nothing more comes, once what came has been taken.
    #[must_use]
    pub fn closed(&self) -> Option<String> {
        if self.shared.received.borrow().is_empty() {
            self.shared.closed.borrow().clone()
        } else {
            None
        }
    }

    /// Reads on, or not.
    pub fn hold(&self, is_held: bool) {
        if self.shared.is_held.replace(is_held) && !is_held {
            wake(&self.shared.reader);
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_dropped.set(true);
        // Both tasks end by it; the peer may have ended the connection before.
        let _ended = SockRef::from(&self.socket).shutdown(Shutdown::Both).is_ok();
        wake(&self.shared.reader);
        wake(&self.shared.writer);
    }
}

fn stream(socket: &OwnedFd) -> io::Result<TcpStream> {
    let descriptor = socket.try_clone()?.into_raw_fd();
    // SAFETY: the descriptor is ours alone: it was just made.
    Ok(unsafe { TcpStream::from_raw_fd(descriptor) })
}

fn wake(waker: &RefCell<Option<Waker>>) {
    if let Some(waker) = waker.borrow_mut().take() {
        waker.wake();
    }
}

/// Waits until this holds, looking again whenever it is woken.
async fn until(waker: &RefCell<Option<Waker>>, holds: impl Fn() -> bool) {
    poll_fn(|context| {
        if holds() {
            return Poll::Ready(());
        }
        *waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

async fn read(shared: Rc<Shared>, mut stream: TcpStream) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let may_read = || {
            let has_room = shared.untaken.get() < UNTAKEN_BYTES_MAX;
            shared.is_dropped.get() || has_room && !shared.is_held.get()
        };
        until(&shared.reader, may_read).await;
        if shared.is_dropped.get() {
            return;
        }
        let why = match stream.read(&mut buffer).await {
            Ok(0) => "the other end closed it".to_owned(),
            Ok(len) => {
                shared.untaken.set(shared.untaken.get() + len);
                shared
                    .received
                    .borrow_mut()
                    .push_back(buffer[..len].to_vec());
                shared.bell.ring();
                continue;
            }
            Err(error) => error.to_string(),
        };
        shared.close(why);
        return;
    }
}

async fn write(shared: Rc<Shared>, mut stream: TcpStream) {
    loop {
        let has_some = || shared.is_dropped.get() || !shared.unsent.borrow().is_empty();
        until(&shared.writer, has_some).await;
        // What was said before the end is said: a drop has shut the socket.
        let Some(bytes) = shared.next_unsent() else {
            return;
        };
        if let Err(error) = stream.write_all(&bytes).await {
            return shared.close(error.to_string());
        }
        let before = shared.pending.get();
        let pending = before - bytes.len();
        shared.pending.set(pending);
        let is_low = before > UNSENT_BYTES_LOW && pending <= UNSENT_BYTES_LOW;
        if is_low || pending == 0 && shared.is_watched.take() {
            shared.bell.ring();
        }
    }
}

impl Shared {
    /// What is sent next: one long piece, or several short ones.
    fn next_unsent(&self) -> Option<Bytes> {
        let mut unsent = self.unsent.borrow_mut();
        let first = unsent.pop_front()?;
        let mut len = first.len();
        let fits = |len: usize, next: Option<&Bytes>| {
            next.is_some_and(|next| len + next.len() <= TOGETHER_BYTES)
        };
        if !fits(len, unsent.front()) {
            return Some(first);
        }
        let mut together = BytesMut::from(&first[..]);
        while fits(len, unsent.front()) {
            let next = unsent.pop_front().expect("it was looked at");
            together.extend_from_slice(&next);
            len += next.len();
        }
        Some(together.freeze())
    }

    fn close(&self, why: String) {
        self.closed.borrow_mut().get_or_insert(why);
        self.bell.ring();
    }
}

/// Rings a bell at a time, of which there is one: the earliest it was set to. Times are milliseconds
/// of one clock.
#[derive(Debug)]
pub struct Alarm {
    bell: Bell,
    at: Option<u64>,
}

impl Alarm {
    /// One that is set to no time.
    #[must_use]
    pub fn new(bell: Bell) -> Alarm {
        Alarm { bell, at: None }
    }

    /// Whether it has no time to come.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        self.at.is_none_or(|at| at <= now)
    }

    /// Sets it to a time, if there is one and none before. Only in a task of the executor.
    pub fn set(&mut self, now: u64, deadline: Option<u64>) {
        self.at.take_if(|at| *at <= now);
        let Some(deadline) = deadline else { return };
        if self.at.is_some_and(|at| at <= deadline) {
            return;
        }
        self.at = Some(deadline);
        let (bell, delay) = (
            self.bell,
            Duration::from_millis(deadline.saturating_sub(now)),
        );
        glommio::spawn_local(async move {
            glommio::timer::sleep(delay).await;
            bell.ring();
        })
        .detach();
    }
}

/// Lets the executor's other tasks run.
pub async fn let_others_run() {
    futures_lite::future::yield_now().await;
}
