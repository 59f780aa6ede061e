//! Sends to several sockets from a thread of its own, each at its own pace,
//! through one io_uring.
//!
//! Long pieces go without a copy (IORING_OP_SEND_ZC) where the peer is another
//! machine: over loopback the kernel would copy them all the same, later. The
//! bytes of a send are held here until the kernel says that it is done with
//! them, which for those without a copy is a second completion.

#![expect(unsafe_code, reason = "queue entries name memory by address")]

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use bytes::Bytes;
use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};
use socket2::SockRef;

/// Entries of the ring; there is one send at a time for each socket.
const ENTRIES: u32 = 256;

/// Shorter pieces are copied, which is cheaper than a second completion.
const ZERO_COPY_BYTES: usize = 16 << 10;

/// How often, and for how long each time, the end waits for sends that have not
/// completed.
const LAST_TURNS: usize = 100;
const LAST_TURN: Duration = Duration::from_millis(10);

/// See the module.
pub struct Fan {
    ring: IoUring,
    sockets: Vec<Out>,
    /// What the kernel may still read, by the number of its send.
    held: HashMap<u64, Held>,
    next: u64,
}

/// One socket.
struct Out {
    fd: OwnedFd,
    /// What is being sent, and how much of it has gone.
    piece: Option<(Bytes, usize)>,
    is_zero_copy: bool,
}

struct Held {
    socket: usize,
    /// Owned for the kernel.
    _bytes: Bytes,
}

impl Fan {
    /// One without sockets.
    ///
    /// # Errors
    /// When the kernel gives no ring.
    pub fn new() -> io::Result<Fan> {
        Ok(Fan {
            ring: IoUring::new(ENTRIES)?,
            sockets: Vec::new(),
            held: HashMap::new(),
            next: 0,
        })
    }

    /// Takes a connected socket; its place.
    pub fn add(&mut self, fd: OwnedFd) -> usize {
        let peer = SockRef::from(&fd).peer_addr().ok();
        let address = peer.and_then(|peer| peer.as_socket());
        let is_zero_copy = address.is_some_and(|address| !address.ip().is_loopback());
        self.sockets.push(Out {
            fd,
            piece: None,
            is_zero_copy,
        });
        self.sockets.len() - 1
    }

    /// Whether a socket has sent what it was given.
    #[must_use]
    pub fn is_idle(&self, socket: usize) -> bool {
        self.sockets[socket].piece.is_none()
    }

    /// Whether the kernel is done with all bytes.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.held.is_empty()
    }

    /// Sends bytes, of which there are some, to a socket that is idle.
    pub fn send(&mut self, socket: usize, bytes: Bytes) {
        assert!(self.is_idle(socket), "a piece is under way");
        self.sockets[socket].piece = Some((bytes, 0));
        self.push(socket);
    }

    /// Ends a connection; what is under way fails.
    pub fn hang_up(&self, socket: usize) {
        // The peer may have ended it before.
        let _ended = SockRef::from(&self.sockets[socket].fd).shutdown(Shutdown::Both);
    }

    /// Waits for a while until something has gone, and says which sockets' pieces
    /// have gone, or why they have not.
    pub fn turn(&mut self, wait: Duration, over: &mut Vec<(usize, io::Result<()>)>) {
        if self.held.is_empty() {
            return;
        }
        let timeout = Timespec::from(wait);
        let args = SubmitArgs::new().timespec(&timeout);
        // Time is up, or a signal came: what is there is looked at.
        let _waited = self.ring.submitter().submit_with_args(1, &args);
        let completions: Vec<(u64, i32, u32)> = self
            .ring
            .completion()
            .map(|entry| (entry.user_data(), entry.result(), entry.flags()))
            .collect();
        for (number, result, flags) in completions {
            if cqueue::notif(flags) {
                self.held.remove(&number);
                continue;
            }
            let Some(held) = self.held.get(&number) else {
                continue;
            };
            let socket = held.socket;
            if !cqueue::more(flags) {
                self.held.remove(&number);
            }
            if let Some(outcome) = self.on_sent(socket, result) {
                self.sockets[socket].piece = None;
                over.push((socket, outcome));
            }
        }
    }

    /// A send of a socket has come to this; what is said of its piece, if it is
    /// over.
    fn on_sent(&mut self, socket: usize, result: i32) -> Option<io::Result<()>> {
        let out = &mut self.sockets[socket];
        let (bytes, done) = out.piece.as_mut()?;
        if result < 0 {
            let is_refused = matches!(
                -result,
                libc::EOPNOTSUPP | libc::ENOMEM | libc::ENOBUFS | libc::EINVAL
            );
            if out.is_zero_copy && is_refused {
                out.is_zero_copy = false;
            } else if !matches!(-result, libc::EINTR | libc::EAGAIN) {
                return Some(Err(io::Error::from_raw_os_error(-result)));
            }
        } else {
            *done += result as usize;
            if *done >= bytes.len() {
                return Some(Ok(()));
            }
        }
        self.push(socket);
        None
    }

    /// Sends the rest of a socket's piece.
    fn push(&mut self, socket: usize) {
        let out = &self.sockets[socket];
        let (bytes, done) = out.piece.as_ref().expect("there is a piece");
        let rest = bytes.slice(done..);
        let number = self.next;
        self.next += 1;
        let (fd, len) = (Fd(out.fd.as_raw_fd()), rest.len().min(1 << 30) as u32);
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let entry = if out.is_zero_copy && rest.len() >= ZERO_COPY_BYTES {
            let send = opcode::SendZc::new(fd, rest.as_ptr(), len);
            send.flags(flags).build()
        } else {
            opcode::Send::new(fd, rest.as_ptr(), len)
                .flags(flags)
                .build()
        };
        let entry = entry.user_data(number);
        self.held.insert(
            number,
            Held {
                socket,
                _bytes: rest,
            },
        );
        loop {
            // SAFETY: the bytes are in `held` until the entry has completed and the
            // kernel has said that it is done with them.
            let pushed = unsafe { self.ring.submission().push(&entry) };
            if pushed.is_ok() {
                return;
            }
            // There is room when these are submitted; what fails is tried again.
            let _submitted = self.ring.submit();
        }
    }
}

impl Drop for Fan {
    fn drop(&mut self) {
        for socket in 0..self.sockets.len() {
            if !self.is_idle(socket) {
                self.hang_up(socket);
            }
        }
        let mut over = Vec::new();
        for _ in 0..LAST_TURNS {
            if self.is_quiet() {
                return;
            }
            self.turn(LAST_TURN, &mut over);
        }
        // The kernel may read the rest: it stays.
        let _leaked: &'static mut HashMap<u64, Held> =
            Box::leak(Box::new(std::mem::take(&mut self.held)));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use bytes::Bytes;

    use super::Fan;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let ours = TcpStream::connect(address).expect("it listens");
        let (theirs, _) = listener.accept().expect("it was connected to");
        (ours, theirs)
    }

    /// Turns until so many pieces are over.
    fn turn_until(fan: &mut Fan, count: usize) -> Vec<(usize, std::io::Result<()>)> {
        let mut over = Vec::new();
        for _ in 0..1000 {
            fan.turn(Duration::from_millis(10), &mut over);
            if over.len() >= count {
                break;
            }
        }
        over
    }

    #[test]
    fn each_socket_gets_its_pieces_whole_and_in_order_at_its_own_pace() {
        for is_zero_copy in [false, true] {
            let mut fan = Fan::new().expect("there is io_uring");
            let (fast, fast_end) = pair();
            let (slow, slow_end) = pair();
            let places = [fan.add(fast.into()), fan.add(slow.into())];
            for out in &mut fan.sockets {
                out.is_zero_copy = is_zero_copy;
            }
            let bytes: Bytes = (0..8 << 20).map(|at: u32| (at % 251) as u8).collect();
            let reader = |mut end: TcpStream| {
                std::thread::spawn(move || {
                    let mut all = Vec::new();
                    end.read_to_end(&mut all).expect("it ends");
                    all
                })
            };
            let fast_end = reader(fast_end);
            for place in places {
                fan.send(place, bytes.clone());
            }
            // The slow one reads nothing yet, and the other one has all.
            let over = turn_until(&mut fan, 1);
            assert!(matches!(&over[..], [(0, Ok(()))]), "{over:?}");
            fan.send(places[0], Bytes::from_static(b"end"));
            let slow_end = reader(slow_end);
            assert_eq!(turn_until(&mut fan, 2).len(), 2);
            while !fan.is_quiet() {
                fan.turn(Duration::from_millis(10), &mut Vec::new());
            }
            drop(fan);
            assert_eq!(slow_end.join().expect("it reads"), &bytes[..]);
            let all = fast_end.join().expect("it reads");
            assert_eq!(&all[..bytes.len()], &bytes[..]);
            assert_eq!(&all[bytes.len()..], b"end");
        }
    }

    #[test]
    fn a_socket_that_is_hung_up_fails_alone() {
        let mut fan = Fan::new().expect("there is io_uring");
        let (broken, end) = pair();
        let place = fan.add(broken.into());
        fan.send(place, Bytes::from(vec![7; 32 << 20]));
        let over = turn_until(&mut fan, 0);
        assert!(over.is_empty());
        fan.hang_up(place);
        let over = turn_until(&mut fan, 1);
        assert!(matches!(&over[..], [(0, Err(_))]), "{over:?}");
        drop(end);
    }
}
