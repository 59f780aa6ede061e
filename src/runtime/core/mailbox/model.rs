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

/// A bounded queue; each call is one step.
#[derive(Debug)]
pub(super) struct ArrayQueue<T> {
    letters: Mutex<VecDeque<T>>,
    limit: usize,
}

impl<T> ArrayQueue<T> {
    pub(super) fn new(limit: usize) -> ArrayQueue<T> {
        ArrayQueue {
            letters: Mutex::new(VecDeque::new()),
            limit,
        }
    }

    pub(super) fn push(&self, letter: T) -> Result<(), T> {
        let mut letters = self.letters.lock().expect("no model panics inside");
        if letters.len() == self.limit {
            return Err(letter);
        }
        letters.push_back(letter);
        Ok(())
    }

    pub(super) fn pop(&self) -> Option<T> {
        let mut letters = self.letters.lock().expect("no model panics inside");
        letters.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        let letters = self.letters.lock().expect("no model panics inside");
        letters.is_empty()
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
pub(super) struct AtomicBool(Arc<atomic::AtomicBool>);

impl AtomicBool {
    pub(super) fn new(value: bool) -> AtomicBool {
        AtomicBool(Arc::new(atomic::AtomicBool::new(value)))
    }

    pub(super) fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    pub(super) fn store(&self, value: bool, order: Ordering) {
        drain();
        if order == Ordering::Relaxed && shuttle::rand::thread_rng().gen_bool(0.5) {
            let store = (Arc::clone(&self.0), value);
            BUFFERED.with(|stores| stores.borrow_mut().push(store));
        } else {
            self.0.store(value, order);
        }
    }

    pub(super) fn swap(&self, value: bool, order: Ordering) -> bool {
        drain();
        self.0.swap(value, order)
    }
}

pub(super) fn fence(order: Ordering) {
    drain();
    atomic::fence(order);
}
