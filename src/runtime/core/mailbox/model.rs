//! Twins of the mailbox's parts that a shuttle scheduler can interleave.
//!
//! Shuttle runs one thread at a time and knows no weak memory. The bug this
//! protocol must not have is a store that stands in the processor's store
//! buffer while the same core already looks into its boxes; so a relaxed store
//! here may stay in a buffer of its thread until the thread fences, swaps,
//! stores again or sleeps.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::rand::Rng as _;
use shuttle::sync::{Mutex, atomic};

/// Whether shuttle runs this thread: if not, these are what they stand for, so
/// that the tests of others can have mail, too.
fn is_scheduled() -> bool {
    shuttle::current::try_get_current_task().is_some()
}

/// A bounded queue; each call is one step.
#[derive(Debug)]
pub(super) struct ArrayQueue<T> {
    letters: Letters<T>,
    limit: usize,
}

#[derive(Debug)]
enum Letters<T> {
    Scheduled(Mutex<VecDeque<T>>),
    Plain(std::sync::Mutex<VecDeque<T>>),
}

impl<T> ArrayQueue<T> {
    pub(super) fn new(limit: usize) -> ArrayQueue<T> {
        let letters = match is_scheduled() {
            true => Letters::Scheduled(Mutex::new(VecDeque::new())),
            false => Letters::Plain(std::sync::Mutex::new(VecDeque::new())),
        };
        ArrayQueue { letters, limit }
    }

    fn with<R>(&self, act: impl FnOnce(&mut VecDeque<T>) -> R) -> R {
        const NO_PANIC: &str = "no model panics inside";
        match &self.letters {
            Letters::Scheduled(letters) => act(&mut letters.lock().expect(NO_PANIC)),
            Letters::Plain(letters) => act(&mut letters.lock().expect(NO_PANIC)),
        }
    }

    pub(super) fn push(&self, letter: T) -> Result<(), T> {
        self.with(|letters| {
            if letters.len() == self.limit {
                return Err(letter);
            }
            letters.push_back(letter);
            Ok(())
        })
    }

    pub(super) fn pop(&self) -> Option<T> {
        self.with(VecDeque::pop_front)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.with(|letters| letters.is_empty())
    }
}

/// The same without a limit.
#[derive(Debug)]
pub(super) struct SegQueue<T>(ArrayQueue<T>);

impl<T> SegQueue<T> {
    pub(super) fn new() -> SegQueue<T> {
        SegQueue(ArrayQueue::new(usize::MAX))
    }

    pub(super) fn push(&self, letter: T) {
        assert!(self.0.push(letter).is_ok(), "there is always room");
    }

    pub(super) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A number; each call is one step, and seen by all.
#[derive(Debug)]
pub(super) enum AtomicU64 {
    Scheduled(atomic::AtomicU64),
    Plain(std::sync::atomic::AtomicU64),
}

impl AtomicU64 {
    pub(super) fn new(value: u64) -> AtomicU64 {
        match is_scheduled() {
            true => AtomicU64::Scheduled(atomic::AtomicU64::new(value)),
            false => AtomicU64::Plain(value.into()),
        }
    }

    pub(super) fn load(&self, order: Ordering) -> u64 {
        match self {
            AtomicU64::Scheduled(number) => number.load(order),
            AtomicU64::Plain(number) => number.load(order),
        }
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        match self {
            AtomicU64::Scheduled(number) => number.store(value, order),
            AtomicU64::Plain(number) => number.store(value, order),
        }
    }

    pub(super) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        match self {
            AtomicU64::Scheduled(number) => number.fetch_add(value, order),
            AtomicU64::Plain(number) => number.fetch_add(value, order),
        }
    }

    pub(super) fn fetch_or(&self, value: u64, order: Ordering) -> u64 {
        match self {
            AtomicU64::Scheduled(number) => number.fetch_or(value, order),
            AtomicU64::Plain(number) => number.fetch_or(value, order),
        }
    }

    pub(super) fn swap(&self, value: u64, order: Ordering) -> u64 {
        match self {
            AtomicU64::Scheduled(number) => number.swap(value, order),
            AtomicU64::Plain(number) => number.swap(value, order),
        }
    }

    pub(super) fn fetch_sub(&self, value: u64, order: Ordering) -> u64 {
        match self {
            AtomicU64::Scheduled(number) => number.fetch_sub(value, order),
            AtomicU64::Plain(number) => number.fetch_sub(value, order),
        }
    }
}

shuttle::thread_local! {
    /// This thread's stores that no other thread sees yet.
    static BUFFERED: RefCell<Vec<(Arc<atomic::AtomicBool>, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Makes this thread's stores seen by all.
pub(super) fn drain() {
    let stores = BUFFERED.with(RefCell::take);
    for (place, value) in stores {
        place.store(value, Ordering::SeqCst);
    }
}

/// A flag whose relaxed stores may be late. Its own thread never loads it.
#[derive(Debug)]
pub(super) enum AtomicBool {
    Scheduled(Arc<atomic::AtomicBool>),
    Plain(std::sync::atomic::AtomicBool),
}

impl AtomicBool {
    pub(super) fn new(value: bool) -> AtomicBool {
        match is_scheduled() {
            true => AtomicBool::Scheduled(Arc::new(atomic::AtomicBool::new(value))),
            false => AtomicBool::Plain(value.into()),
        }
    }

    pub(super) fn load(&self, order: Ordering) -> bool {
        match self {
            AtomicBool::Scheduled(flag) => flag.load(order),
            AtomicBool::Plain(flag) => flag.load(order),
        }
    }

    pub(super) fn store(&self, value: bool, order: Ordering) {
        let flag = match self {
            AtomicBool::Scheduled(flag) => flag,
            AtomicBool::Plain(flag) => return flag.store(value, order),
        };
        drain();
        if order == Ordering::Relaxed && shuttle::rand::thread_rng().gen_bool(0.5) {
            let store = (Arc::clone(flag), value);
            BUFFERED.with(|stores| stores.borrow_mut().push(store));
        } else {
            flag.store(value, order);
        }
    }

    pub(super) fn swap(&self, value: bool, order: Ordering) -> bool {
        match self {
            AtomicBool::Scheduled(flag) => {
                drain();
                flag.swap(value, order)
            }
            AtomicBool::Plain(flag) => flag.swap(value, order),
        }
    }
}

pub(super) fn fence(order: Ordering) {
    if is_scheduled() {
        drain();
        atomic::fence(order);
    }
}
