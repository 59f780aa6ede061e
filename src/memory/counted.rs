//! The global allocator: mimalloc, and how many bytes each thread holds.
//!
//! INFO, MEMORY and eviction ask for the bytes in use many times a second, so
//! the count must be exact, cheap to read, and free to keep. Each thread adds
//! to a counter on a cache line of its own with a plain load and store: no
//! locked instruction on the path of an allocation. Memory may be freed by
//! another thread than the one that took it, so one counter may be negative;
//! only the sum means something.
//!
//! What is counted is what the allocator sets aside (`class_bytes`), not what
//! was asked for.
//!
//! Asked for an alignment, mimalloc takes the next power of two for most sizes
//! (80 bytes aligned to 8 are 96), though its blocks are aligned to 16 anyway.
//! So it is asked for one only where 16 is not enough.
#![expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait by definition"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
#[cfg(not(miri))]
use std::ffi::c_long;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

#[cfg(not(miri))]
use libmimalloc_sys::{mi_collect, mi_malloc, mi_option_set, mi_option_t, mi_realloc, mi_zalloc};
#[cfg(not(miri))]
use mimalloc::MiMalloc as Below;
// Miri cannot call C.
#[cfg(miri)]
use std::alloc::System as Below;

/// What every block of mimalloc is aligned to that has at least so many bytes;
/// smaller ones are aligned to 8 (mimalloc's `MI_MAX_ALIGN_SIZE`, as C's malloc).
#[cfg(not(miri))]
const NATURAL_ALIGN: usize = 16;

/// Threads with a counter of their own; all later ones share the last.
const COUNTERS: usize = 256;

/// The line a thread writes to; 128 because lines are fetched in pairs.
#[repr(align(128))]
struct Counter(AtomicI64);

static HELD: [Counter; COUNTERS] = [const { Counter(AtomicI64::new(0)) }; COUNTERS];

/// The next counter to hand out. Zero is never handed out: it means "none yet".
static NEXT: AtomicUsize = AtomicUsize::new(1);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(0) };
}

/// From now on what is freed stays with the process until `give_back`. The allocator
/// would else give back what a second's frees have left in one go, hundreds of calls of
/// the kernel within an allocation or a free of whoever comes next: milliseconds,
/// once a second, and 172 of them after a gigabyte was freed.
pub fn keep_what_is_freed() {
    #[cfg(not(miri))]
    // SAFETY: any thread may set an option at any time.
    unsafe {
        mi_option_set(PURGE_DELAY, PURGE_DELAY_MS);
    }
}

/// Gives what any thread has freed back to the system, in blocks of 64 KiB and more. Takes
/// some 0.15 ms for each MiB, in which the others go on.
pub fn give_back() {
    #[cfg(not(miri))]
    // SAFETY: any thread may ask for it at any time; it touches its own heap and what is
    // in no thread's.
    unsafe {
        mi_collect(true);
    }
}

/// mimalloc's `mi_option_purge_delay`, which the crate does not name.
#[cfg(not(miri))]
const PURGE_DELAY: mi_option_t = 15;

/// A day: nobody waits for so long. Below 0 it would not note what is free.
#[cfg(not(miri))]
const PURGE_DELAY_MS: c_long = 86_400_000;

/// Bytes the process holds from the allocator, over all threads.
pub fn used_memory() -> usize {
    // Every command asks when there is a limit: only counters in use are read.
    let mine = NEXT.load(Ordering::Relaxed).min(COUNTERS - 1);
    let sum: i64 = HELD[..mine]
        .iter()
        .chain(&HELD[COUNTERS - 1..])
        .map(|counter| counter.0.load(Ordering::Relaxed))
        .sum();
    // Other threads go on while we add, so a sum near zero may dip below it.
    usize::try_from(sum).unwrap_or(0)
}

/// Bytes mimalloc sets aside for a request of `bytes`: four size classes for
/// each doubling, and multiples of 16 up to 128 (mimalloc's `mi_good_size`).
#[inline]
pub const fn class_bytes(bytes: usize) -> usize {
    if bytes <= 8 {
        return 8;
    }
    if bytes <= 128 {
        return (bytes + 15) & !15;
    }
    let step = 1 << ((bytes - 1).ilog2() - 2);
    (bytes + step - 1) & !(step - 1)
}

/// Adds to this thread's counter.
#[inline]
fn count(bytes: i64) {
    // A thread that is being torn down has no cell any more; the shared
    // counter takes what it still frees.
    let mine = MINE.try_with(Cell::get).unwrap_or(COUNTERS - 1);
    if mine != 0 && mine != COUNTERS - 1 {
        // No other thread writes this counter, so nothing is lost between
        // the load and the store.
        let held = &HELD[mine & (COUNTERS - 1)].0;
        held.store(held.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
    } else {
        count_first(mine, bytes);
    }
}

/// A thread's first allocation, or one of a thread without own counter.
#[cold]
fn count_first(mine: usize, bytes: i64) {
    let mut at = mine;
    if at == 0 {
        at = NEXT.fetch_add(1, Ordering::Relaxed).min(COUNTERS - 1);
        // A thread whose cell is gone counts on the shared counter already.
        MINE.try_with(|cell| cell.set(at)).unwrap_or(());
    }
    HELD[at].0.fetch_add(bytes, Ordering::Relaxed);
}

#[inline]
fn class_of(layout: &Layout) -> i64 {
    class_bytes(layout.size()) as i64
}

/// Whether any block of so many bytes is aligned well enough.
#[cfg(not(miri))]
#[inline]
fn is_natural(bytes: usize, layout: &Layout) -> bool {
    layout.align() <= NATURAL_ALIGN && layout.align() <= bytes
}

/// mimalloc with a count of the bytes held.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call is passed on to mimalloc, without the alignment where its
// blocks have that by themselves; counting allocates nothing (a const
// thread-local without a destructor, and statics).
unsafe impl GlobalAlloc for Counted {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(class_of(&layout));
        #[cfg(not(miri))]
        if is_natural(layout.size(), &layout) {
            // SAFETY: it may be asked for any size.
            return unsafe { mi_malloc(layout.size()) }.cast();
        }
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { Below.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(class_of(&layout));
        #[cfg(not(miri))]
        if is_natural(layout.size(), &layout) {
            // SAFETY: it may be asked for any size.
            return unsafe { mi_zalloc(layout.size()) }.cast();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { Below.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-class_of(&layout));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { Below.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(class_bytes(bytes) as i64 - class_of(&layout));
        #[cfg(not(miri))]
        if is_natural(bytes, &layout) {
            // SAFETY: the pointer is one of mimalloc's, however it was asked for.
            return unsafe { mi_realloc(pointer.cast(), bytes) }.cast();
        }
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { Below.realloc(pointer, layout, bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_four_per_doubling() {
        let classes: Vec<usize> = [1, 9, 80, 81, 129, 160, 161, 1024, 1025]
            .map(class_bytes)
            .to_vec();
        assert_eq!(classes, [8, 16, 80, 96, 160, 160, 192, 1024, 1280]);
    }

    #[test]
    fn blocks_are_aligned_and_take_their_class() {
        let mut blocks = Vec::new();
        for bytes in (1..300).chain((300..20_000).step_by(97)) {
            for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
                let layout = Layout::from_size_align(bytes, align).expect("a power of two");
                // SAFETY: the size is not zero.
                let block = unsafe { ALLOCATOR.alloc(layout) };
                // SAFETY: as above, and the block was allocated with the layout.
                let block = unsafe { ALLOCATOR.realloc(block, layout, bytes + 24) };
                assert!(!block.is_null() && block.addr() % align == 0, "{layout:?}");
                let layout = Layout::from_size_align(bytes + 24, align).expect("as before");
                blocks.push((block, layout));
            }
        }
        for (block, layout) in blocks {
            // SAFETY: allocated with it above.
            unsafe { ALLOCATOR.dealloc(block, layout) };
        }
    }

    #[test]
    fn what_one_thread_takes_and_another_frees_sums_to_nothing() {
        let mine = || {
            HELD.iter()
                .map(|held| held.0.load(Ordering::Relaxed))
                .sum::<i64>()
        };
        let before = mine();
        std::thread::spawn(|| count(1 << 40))
            .join()
            .expect("it only counts");
        assert!(mine() - before > 1 << 39);
        count(-(1 << 40));
        assert!((mine() - before).abs() < 1 << 39);
    }
}
