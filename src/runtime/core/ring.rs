//! One core's io_uring: what the loop turn asks of the kernel, and its answers.
//!
//! One `enter` per turn submits everything staged and reaps what is done.
//! Receives and accepts are multishot, so a connection is armed once. A send
//! owns its buffer from `send` until its `Event::Sent`, which gives it back.
//! Invariant: memory the kernel may touch is owned by this ring meanwhile.

#![expect(
    unsafe_code,
    reason = "queue entries name memory and descriptors by address"
)]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use super::buffers::{BufferId, Buffers, GROUP};
use super::kernel::Kernel;

/// Names the holder of an operation: a session (index and generation) or a
/// listener. 56 bits; the upper 8 are the ring's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    /// `index` below 2³², `generation` taken modulo 2²⁴.
    #[must_use]
    pub fn new(index: u32, generation: u32) -> Token {
        Token(u64::from(index) | (u64::from(generation) & 0xff_ffff) << 32)
    }

    /// The place in its holder's collection.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as u32 as usize
    }

    /// Tells two holders of one place apart.
    #[must_use]
    pub fn generation(self) -> u32 {
        (self.0 >> 32) as u32 & 0xff_ffff
    }
}

/// What the kernel reports.
#[derive(Debug)]
pub enum Event {
    /// A listener took a connection.
    Accepted { listener: Token, fd: OwnedFd },
    /// A listener stopped taking connections (too many files, memory).
    AcceptEnded { listener: Token },
    /// Bytes came in; the buffer is ours until `recycle`.
    Received {
        token: Token,
        buffer: BufferId,
        len: usize,
    },
    /// The receive is no longer armed: `end` says why.
    ReceiveEnded { token: Token, end: End },
    /// A send is over: its buffer back, and whether all of it went out.
    Sent {
        token: Token,
        buffer: Vec<u8>,
        whole: bool,
    },
    /// Somebody rang: there may be mail.
    Rung,
}

/// Why a receive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer sends no more; it may still read.
    Closed,
    /// The connection broke.
    Broken,
    /// Cancelled by `stop_receiving`, or out of buffers: arm it again.
    Rearm,
}

const RECEIVE: u64 = 1;
const SEND: u64 = 2;
const ACCEPT: u64 = 3;
const RING: u64 = 4;
const CANCEL: u64 = 5;
const BELL: u64 = 6;

const KIND_SHIFT: u32 = 56;
const TOKEN_MASK: u64 = (1 << KIND_SHIFT) - 1;

/// Staged entries before a submit is forced in the middle of a turn.
const ENTRIES: u32 = 1024;

/// A send in progress.
struct Sending {
    token: Token,
    fd: RawFd,
    buffer: Vec<u8>,
    done: usize,
}

/// An eventfd that wakes a core from any thread, also from a signal handler.
#[derive(Clone, Copy, Debug)]
pub struct Bell(RawFd);

impl Bell {
    /// Its descriptor, for a signal handler.
    #[must_use]
    pub fn descriptor(self) -> RawFd {
        self.0
    }

    /// A bell over a descriptor that takes eight bytes without waiting.
    #[must_use]
    pub fn from_descriptor(descriptor: RawFd) -> Bell {
        Bell(descriptor)
    }

    /// Wakes the core. Async-signal-safe.
    pub fn ring(self) {
        let one = 1u64;
        // SAFETY: eight bytes of a live local; the descriptor lives as long as
        // the process. A full counter (EAGAIN) already wakes.
        let _written = unsafe { libc::write(self.0, (&raw const one).cast(), 8) };
    }
}

/// io_uring cannot be had; the text is one line with the remedy.
#[derive(Debug)]
pub struct Unavailable(pub String);

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Unavailable {
        let remedy = match error.raw_os_error() {
            Some(libc::EPERM) => {
                "it is forbidden here: set sysctl kernel.io_uring_disabled=0, and in a container allow io_uring_setup, io_uring_enter and io_uring_register in its seccomp profile"
            }
            Some(libc::ENOSYS) => {
                "this kernel has none, or a seccomp profile hides it: use Linux 6.1 or later and allow the io_uring system calls"
            }
            Some(libc::ENOMEM) => "locked memory is short: raise ulimit -l (LimitMEMLOCK=)",
            Some(libc::EINVAL) => "this kernel is too old for it: use Linux 6.1 or later",
            _ => "see dmesg",
        };
        Unavailable(format!("io_uring is not available ({error}): {remedy}"))
    }
}

/// The ring of one core; made on that core's thread and never moved off it.
pub struct Ring {
    ring: IoUring,
    buffers: Buffers,
    sends: Vec<Option<Sending>>,
    free_sends: Vec<u32>,
    bell: Bell,
}

impl Ring {
    /// Sets up the ring and its receive buffers.
    ///
    /// # Errors
    /// `Unavailable`, with the remedy, when the kernel refuses.
    pub fn new() -> Result<Ring, Unavailable> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_cqsize(ENTRIES * 4)
            .build(ENTRIES)?;
        ring.submitter().register_ring_fd()?;
        let buffers = Buffers::register(&ring)?;
        // SAFETY: takes no memory of ours.
        let bell = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if bell < 0 {
            return Err(io::Error::last_os_error().into());
        }
        let mut ring = Ring {
            ring,
            buffers,
            sends: Vec::new(),
            free_sends: Vec::new(),
            bell: Bell(bell),
        };
        ring.arm_bell();
        Ok(ring)
    }

    /// Wakes this core from threads that have no ring.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell
    }

    /// This ring as the target of another ring's `wake`.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        use std::os::fd::AsRawFd;
        self.ring.as_raw_fd()
    }

    /// Both ways to wake this core.
    #[must_use]
    pub fn descriptor_and_bell(&self) -> (RawFd, Bell) {
        (self.descriptor(), self.bell)
    }

    fn arm_bell(&mut self) {
        let entry = opcode::PollAdd::new(Fd(self.bell.0), libc::POLLIN as u32)
            .multi(true)
            .build()
            .user_data(tag(BELL, Token(0)));
        self.push(entry);
    }

    fn push_send(&mut self, place: u32) {
        let sending = self.sends[place as usize]
            .as_ref()
            .expect("a send that is staged is in its place");
        let rest = &sending.buffer[sending.done..];
        let len = rest.len().min(1 << 30) as u32;
        let entry = opcode::Send::new(Fd(sending.fd), rest.as_ptr(), len)
            .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
            .build()
            .user_data(tag(SEND, Token(u64::from(place))));
        self.push(entry);
    }

    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: whatever an entry points at is owned by this ring until the
        // entry completes: send buffers in `sends`, receive pieces in `buffers`.
        let mut pushed = unsafe { self.ring.submission().push(&entry) };
        while pushed.is_err() {
            self.enter(None);
            // SAFETY: as above.
            pushed = unsafe { self.ring.submission().push(&entry) };
        }
    }
}

impl Kernel for Ring {
    fn accept(&mut self, fd: RawFd, listener: Token) {
        let entry = opcode::AcceptMulti::new(Fd(fd))
            .flags(libc::SOCK_CLOEXEC)
            .build()
            .user_data(tag(ACCEPT, listener));
        self.push(entry);
    }

    fn receive(&mut self, fd: RawFd, token: Token) {
        let entry = opcode::RecvMulti::new(Fd(fd), GROUP)
            .build()
            .user_data(tag(RECEIVE, token));
        self.push(entry);
    }

    fn stop_receiving(&mut self, token: Token) {
        let entry = opcode::AsyncCancel::new(tag(RECEIVE, token))
            .build()
            .user_data(tag(CANCEL, token))
            .flags(squeue::Flags::SKIP_SUCCESS);
        self.push(entry);
    }

    fn send(&mut self, fd: RawFd, token: Token, buffer: Vec<u8>) {
        debug_assert!(!buffer.is_empty());
        let sending = Sending {
            token,
            fd,
            buffer,
            done: 0,
        };
        let place = match self.free_sends.pop() {
            Some(place) => {
                self.sends[place as usize] = Some(sending);
                place
            }
            None => {
                self.sends.push(Some(sending));
                self.sends.len() as u32 - 1
            }
        };
        self.push_send(place);
    }

    fn wake(&mut self, descriptor: RawFd) {
        let entry = opcode::MsgRingData::new(Fd(descriptor), 0, tag(RING, Token(0)), None)
            .build()
            .user_data(tag(CANCEL, Token(0)))
            .flags(squeue::Flags::SKIP_SUCCESS);
        self.push(entry);
    }

    fn enter(&mut self, wait: Option<Duration>) {
        let outcome = match wait {
            Some(wait) => {
                let timeout = Timespec::from(wait);
                let args = SubmitArgs::new().timespec(&timeout);
                self.ring.submitter().submit_with_args(1, &args)
            }
            None => self.ring.submitter().submit_and_wait(0),
        };
        match outcome {
            Ok(_) => {}
            Err(error) => match error.raw_os_error() {
                // Time is up, a signal came, or the completion queue must be
                // drained first: all three are answered by reaping.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => {}
                _ => panic!("io_uring_enter failed: {error}"),
            },
        }
    }

    fn reap(&mut self, events: &mut Vec<Event>) {
        let mut partial = Vec::new();
        let mut rung = false;
        let mut bell_ended = false;
        for entry in self.ring.completion() {
            let data = entry.user_data();
            let token = Token(data & TOKEN_MASK);
            let result = entry.result();
            let more = cqueue::more(entry.flags());
            match data >> KIND_SHIFT {
                RECEIVE => received(events, token, result, entry.flags(), more),
                SEND => {
                    let place = token.0 as u32;
                    match finish(&mut self.sends, place, result) {
                        Some(event) => {
                            self.free_sends.push(place);
                            events.push(event);
                        }
                        None => partial.push(place),
                    }
                }
                ACCEPT => {
                    if result >= 0 {
                        // SAFETY: the kernel made this descriptor for us.
                        let fd = unsafe { OwnedFd::from_raw_fd(result) };
                        events.push(Event::Accepted {
                            listener: token,
                            fd,
                        });
                    }
                    if !more {
                        events.push(Event::AcceptEnded { listener: token });
                    }
                }
                RING => rung = true,
                BELL => {
                    rung = true;
                    bell_ended |= !more;
                }
                _ => {}
            }
        }
        if rung {
            events.push(Event::Rung);
        }
        if bell_ended {
            self.arm_bell();
        }
        for place in partial {
            self.push_send(place);
        }
    }

    fn bytes(&self, buffer: BufferId, len: usize) -> &[u8] {
        self.buffers.bytes(buffer, len)
    }

    fn recycle(&mut self, buffer: BufferId) {
        self.buffers.recycle(buffer);
    }

    fn hush(&mut self) {
        let mut count = 0u64;
        // SAFETY: eight bytes of a live local. An empty counter (EAGAIN) is
        // what we want anyway.
        let _read = unsafe { libc::read(self.bell.0, (&raw mut count).cast(), 8) };
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The kernel may still read buffers of sends in flight until the ring
        // is gone; a core's ring lives as long as the process, so leaking what
        // is in flight at the very end is the safe choice.
        for sending in self.sends.drain(..).flatten() {
            sending.buffer.leak();
        }
    }
}

fn tag(kind: u64, token: Token) -> u64 {
    kind << KIND_SHIFT | token.0
}

fn received(events: &mut Vec<Event>, token: Token, result: i32, flags: u32, more: bool) {
    if result > 0 {
        let id = cqueue::buffer_select(flags).expect("a receive with bytes names its buffer");
        events.push(Event::Received {
            token,
            buffer: BufferId(id),
            len: result as usize,
        });
    }
    if !more {
        let end = match result {
            1.. => End::Rearm,
            _ if result == -libc::ENOBUFS || result == -libc::ECANCELED => End::Rearm,
            0 => End::Closed,
            _ => End::Broken,
        };
        events.push(Event::ReceiveEnded { token, end });
    }
}

/// The event a send's completion makes, or `None` when its rest must go out.
fn finish(sends: &mut [Option<Sending>], place: u32, result: i32) -> Option<Event> {
    let slot = &mut sends[place as usize];
    let sending = slot.as_mut().expect("a completed send is in its place");
    if result > 0 {
        sending.done += result as usize;
        if sending.done < sending.buffer.len() {
            return None;
        }
    }
    let sending = slot.take().expect("it was there a line ago");
    Some(Event::Sent {
        token: sending.token,
        whole: sending.done == sending.buffer.len(),
        buffer: sending.buffer,
    })
}
