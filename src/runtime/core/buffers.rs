//! The buffers the kernel receives into: one ring of equal pieces per core.
//!
//! A multishot receive takes a piece when bytes arrive, so an idle connection
//! holds no memory at all. Invariant: a piece is either the kernel's (its entry
//! lies between the ring's head and tail) or ours (between `take` and
//! `recycle`); `Ring` hands its bytes out only while it is ours.

#![expect(
    unsafe_code,
    reason = "the buffer ring is memory shared with the kernel"
)]

use std::io;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// Bytes in one piece. A pipeline of 64 SETs of 64 bytes is 7 KiB.
pub const BUFFER_BYTES: usize = 16 * 1024;

/// Pieces per core: 256 × 16 KiB = 4 MiB, touched only as far as used at once.
const BUFFERS: u16 = 256;

/// The only buffer group a ring registers.
pub(super) const GROUP: u16 = 0;

const ENTRY_BYTES: usize = size_of::<BufRingEntry>();
const _: () = assert!(BUFFERS.is_power_of_two());

/// Names one piece that is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(pub u16);

/// The ring of entries and the pieces they name.
pub(super) struct Buffers {
    entries: Mapping,
    pieces: Mapping,
    tail: u16,
}

impl Buffers {
    /// Maps the memory and gives every piece to the kernel.
    pub(super) fn register(ring: &IoUring) -> io::Result<Buffers> {
        let entries = Mapping::new(usize::from(BUFFERS) * ENTRY_BYTES)?;
        let pieces = Mapping::new(usize::from(BUFFERS) * BUFFER_BYTES)?;
        // SAFETY: the mapping is page aligned, holds BUFFERS entries, and lives
        // as long as the ring: `Ring` drops its IoUring first.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                entries.start.as_ptr() as u64,
                BUFFERS,
                GROUP,
                0,
            )?;
        }
        let mut buffers = Buffers {
            entries,
            pieces,
            tail: 0,
        };
        for id in 0..BUFFERS {
            buffers.recycle(BufferId(id));
        }
        Ok(buffers)
    }

    /// The first `len` bytes of a piece that is ours.
    pub(super) fn bytes(&self, id: BufferId, len: usize) -> &[u8] {
        assert!(id.0 < BUFFERS && len <= BUFFER_BYTES);
        let offset = usize::from(id.0) * BUFFER_BYTES;
        // SAFETY: `offset` is within the mapping, see the assertion above.
        let start = unsafe { self.pieces.start.add(offset) };
        // SAFETY: the piece is ours between `take` and `recycle`, the kernel
        // does not write to it, and `recycle` needs `&mut self`.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }
    }

    /// Gives a piece back to the kernel.
    pub(super) fn recycle(&mut self, id: BufferId) {
        let base = self.entries.start.as_ptr().cast::<BufRingEntry>();
        let index = usize::from(self.tail & (BUFFERS - 1));
        // SAFETY: `index` is below BUFFERS, the number of entries mapped.
        let entry = unsafe { base.add(index) };
        let offset = usize::from(id.0) * BUFFER_BYTES;
        // SAFETY: the id names one of BUFFERS pieces.
        let piece = unsafe { self.pieces.start.add(offset) };
        // SAFETY: the kernel reads entries below the tail only; this one is
        // at the tail, and its fields are plain integers valid as zero.
        let entry = unsafe { &mut *entry };
        entry.set_addr(piece.as_ptr() as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(id.0);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: `base` is the start of a registered ring of entries.
        let tail = unsafe { BufRingEntry::tail(base) };
        // SAFETY: the tail is an aligned u16 that the kernel reads atomically.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

/// Anonymous pages, unmapped on drop.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    fn new(len: usize) -> io::Result<Mapping> {
        // SAFETY: an anonymous private mapping at an address of the kernel's
        // choice touches no memory of ours.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        match NonNull::new(start.cast::<u8>()) {
            Some(start) if start.as_ptr().cast() != libc::MAP_FAILED => Ok(Mapping { start, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range was mapped by `new` and no borrow outlives `self`.
        let status = unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert_eq!(status, 0, "a mapping of ours can be unmapped");
    }
}
