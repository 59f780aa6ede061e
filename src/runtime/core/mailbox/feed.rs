//! Numbered letters from many writers to few readers: every letter has its
//! place in one order, and each reader gets all of them.
//!
//! A writer takes the next number and puts the letter into its own queue of
//! each lane that is on, with nothing in between that could wait; so a number
//! that is missing is always on its way. A reader that sleeps is woken by the
//! mailbox's rule: it says so and looks once more, the writer posts and looks
//! at that word afterwards, and both fence in between.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::utils::CachePadded;

use super::parts::{AtomicBool, AtomicU64, SegQueue, fence};

/// The numbers and the lanes; shared by all.
pub struct Feed<Letter> {
    /// The last number that was taken.
    last: CachePadded<AtomicU64>,
    lanes: Vec<Lane<Letter>>,
}

struct Lane<Letter> {
    /// By writer.
    queues: Vec<SegQueue<(u64, Letter)>>,
    is_asleep: CachePadded<AtomicBool>,
    /// Bytes that were put in and not yet taken care of.
    bytes: CachePadded<AtomicU64>,
}

impl<Letter> Feed<Letter> {
    /// For so many writers and lanes.
    #[must_use]
    pub fn new(writers: usize, lanes: usize) -> Arc<Feed<Letter>> {
        let lane = |_| Lane {
            queues: (0..writers).map(|_| SegQueue::new()).collect(),
            is_asleep: CachePadded::new(AtomicBool::new(false)),
            bytes: CachePadded::new(AtomicU64::new(0)),
        };
        Arc::new(Feed {
            last: CachePadded::new(AtomicU64::new(0)),
            lanes: (0..lanes).map(lane).collect(),
        })
    }

    /// The last number that was taken: whatever was written before this look has
    /// one that is not above.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::SeqCst)
    }

    /// Takes a number and puts each of these lanes' letter into it, with its bytes,
    /// one bit for each lane; `wake` is called for readers that sleep. One thread for
    /// each writer.
    pub fn publish(
        &self,
        writer: usize,
        lanes: u8,
        letter: impl Fn(usize) -> (Letter, u64),
        mut wake: impl FnMut(usize),
    ) -> u64 {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        let are_on = |index: &usize| lanes >> index & 1 == 1;
        for index in (0..self.lanes.len()).filter(are_on) {
            let lane = &self.lanes[index];
            let (letter, bytes) = letter(index);
            lane.bytes.fetch_add(bytes, Ordering::Relaxed);
            lane.queues[writer].push((number, letter));
        }
        fence(Ordering::SeqCst);
        for index in (0..self.lanes.len()).filter(are_on) {
            let is_asleep = &self.lanes[index].is_asleep;
            if is_asleep.load(Ordering::Relaxed) && is_asleep.swap(false, Ordering::AcqRel) {
                wake(index);
            }
        }
        number
    }

    /// Bytes of a lane that its reader has not taken care of.
    #[must_use]
    pub fn bytes(&self, lane: usize) -> u64 {
        self.lanes[lane].bytes.load(Ordering::Relaxed)
    }

    /// The reader counts so many bytes more, for writers to wait: to be settled as others.
    pub fn hold(&self, lane: usize, bytes: u64) {
        self.lanes[lane].bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The reader has taken care of so many bytes.
    pub fn settle(&self, lane: usize, bytes: u64) {
        self.lanes[lane].bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Everything that came, each writer's in order; for the lane's one reader.
    pub fn receive(&self, lane: usize, mut take: impl FnMut(u64, Letter)) {
        for queue in &self.lanes[lane].queues {
            while let Some((number, letter)) = queue.pop() {
                take(number, letter);
            }
        }
    }

    /// Says that the reader is about to sleep; `false` if something came
    /// meanwhile, and it must not.
    pub fn fall_asleep(&self, lane: usize) -> bool {
        let lane = &self.lanes[lane];
        lane.is_asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let is_quiet = lane.queues.iter().all(SegQueue::is_empty);
        if !is_quiet {
            lane.is_asleep.store(false, Ordering::Relaxed);
        }
        is_quiet
    }

    /// Says that the reader is awake again.
    pub fn wake_up(&self, lane: usize) {
        self.lanes[lane].is_asleep.store(false, Ordering::Relaxed);
    }
}

/// How far something has come, and who waits for it: cores that sleep until a
/// number is reached.
pub struct Reached {
    number: CachePadded<AtomicU64>,
    /// By core.
    waits: Vec<AtomicBool>,
}

impl Reached {
    /// Nothing, for so many cores.
    #[must_use]
    pub fn new(cores: usize) -> Arc<Reached> {
        Arc::new(Reached {
            number: CachePadded::new(AtomicU64::new(0)),
            waits: (0..cores).map(|_| AtomicBool::new(false)).collect(),
        })
    }

    /// How far.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// It has come this far; `wake` is called for cores that wait.
    pub fn advance(&self, number: u64, mut wake: impl FnMut(usize)) {
        self.number.store(number, Ordering::Release);
        fence(Ordering::SeqCst);
        for (core, waits) in self.waits.iter().enumerate() {
            if waits.load(Ordering::Relaxed) && waits.swap(false, Ordering::AcqRel) {
                wake(core);
            }
        }
    }

    /// Says that a core waits for a number; `false` if it is reached, and the
    /// core must not sleep.
    #[must_use]
    pub fn wait(&self, core: usize, number: u64) -> bool {
        self.waits[core].store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.number() < number
    }
}
