//! Mail between cores: one bounded queue per ordered pair, and a doorbell.
//!
//! A core that is awake looks into its boxes every turn and needs no bell. A
//! core about to sleep says so first and looks once more (`fall_asleep`); a
//! sender posts first and looks at that word afterwards (`post`). Both sides
//! fence in between, so one of them always sees the other: no mail is left
//! behind a sleeping core. Letters that find the box full stay with the sender
//! in order, so a pair's mail is never reordered and never lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::utils::CachePadded;

use super::parts::{ArrayQueue, AtomicBool, fence};
use super::stamps::Stamps;

/// Letters one box holds before the sender keeps the rest.
const LETTERS_MAX: usize = 1024;

/// The boxes of all pairs and who sleeps; shared by all cores.
pub struct Mailboxes<Letter> {
    cores: usize,
    boxes: Vec<ArrayQueue<Letter>>,
    asleep: Vec<CachePadded<AtomicBool>>,
    stamps: Stamps,
}

impl<Letter> Mailboxes<Letter> {
    /// Boxes for every ordered pair of `cores` cores, a core with itself too.
    #[must_use]
    pub fn new(cores: usize) -> Arc<Mailboxes<Letter>> {
        Mailboxes::with_room_for(LETTERS_MAX, cores)
    }

    /// The same with another limit per box.
    #[must_use]
    pub fn with_room_for(letters: usize, cores: usize) -> Arc<Mailboxes<Letter>> {
        assert!(cores > 0);
        Arc::new(Mailboxes {
            cores,
            boxes: (0..cores * cores)
                .map(|_| ArrayQueue::new(letters))
                .collect(),
            asleep: (0..cores)
                .map(|_| CachePadded::new(AtomicBool::new(false)))
                .collect(),
            stamps: Stamps::new(cores),
        })
    }

    fn between(&self, from: usize, to: usize) -> &ArrayQueue<Letter> {
        &self.boxes[from * self.cores + to]
    }
}

/// One core's side of the mail.
pub struct Postbox<Letter> {
    mailboxes: Arc<Mailboxes<Letter>>,
    me: usize,
    unsent: Vec<VecDeque<Letter>>,
    has_unsent: bool,
    /// What is posted stays here, see `hold`.
    is_holding: bool,
    posted: u64,
    /// Letters that found no room, since `take_held_up`.
    held_up: u64,
    /// A stamp was taken whose letters may not be in their boxes.
    is_unposted: bool,
}

impl<Letter> Postbox<Letter> {
    /// The side of core `me`; make one per core.
    #[must_use]
    pub fn new(mailboxes: Arc<Mailboxes<Letter>>, me: usize) -> Postbox<Letter> {
        assert!(me < mailboxes.cores);
        let unsent = (0..mailboxes.cores).map(|_| VecDeque::new()).collect();
        Postbox {
            mailboxes,
            me,
            unsent,
            has_unsent: false,
            is_holding: false,
            posted: 0,
            held_up: 0,
            is_unposted: false,
        }
    }

    /// Puts a letter on its way to core `to`; `deliver` rings the bells.
    pub fn post(&mut self, to: usize, letter: Letter) {
        let waiting = &mut self.unsent[to];
        if self.is_holding {
            waiting.push_back(letter);
        } else if waiting.is_empty() {
            match self.mailboxes.between(self.me, to).push(letter) {
                Ok(()) => self.posted |= bit(to),
                Err(letter) => {
                    waiting.push_back(letter);
                    self.has_unsent = true;
                    self.held_up += 1;
                }
            }
        } else {
            waiting.push_back(letter);
            self.held_up += 1;
        }
    }

    /// Keeps what is posted from now on: nobody shall know of something before
    /// it has its place in an order.
    #[inline]
    pub fn hold(&mut self) {
        self.is_holding = true;
    }

    /// Whether letters are kept.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.is_holding
    }

    /// It has: lets all that was kept go, in order.
    pub fn release(&mut self) {
        self.is_holding = false;
        self.retry();
    }

    /// Ends a turn's posting: retries what did not fit, and calls `wake` for
    /// every core that got mail and sleeps.
    pub fn deliver(&mut self, mut wake: impl FnMut(usize)) {
        if self.has_unsent {
            self.retry();
        }
        if self.posted == 0 {
            return;
        }
        fence(Ordering::SeqCst);
        for to in 0..self.mailboxes.cores {
            if self.posted & bit(to) == 0 {
                continue;
            }
            let asleep = &self.mailboxes.asleep[to];
            if asleep.load(Ordering::Relaxed) && asleep.swap(false, Ordering::AcqRel) {
                wake(to);
            }
        }
        self.posted = 0;
    }

    /// The next stamp, for letters that are posted from now on; with
    /// `runs_apart` for something that is `unfinished` until this core says
    /// that it has run everywhere. A core posts its stamps in their order to
    /// every other.
    pub fn stamp(&mut self, runs_apart: bool) -> u64 {
        self.is_unposted = true;
        self.mailboxes.stamps.take(self.me, runs_apart)
    }

    /// If all letters are in their boxes and that was not said yet: says so.
    pub fn say_posted(&mut self) -> bool {
        let says = self.is_unposted && !self.has_unsent && !self.is_holding;
        if says {
            self.is_unposted = false;
            self.mailboxes.stamps.posted(self.me);
        }
        says
    }

    /// Says which is the first of this core's stamps that is unfinished.
    pub fn say_finished(&mut self, unfinished: Option<u64>) {
        self.mailboxes.stamps.finish(self.me, unfinished);
    }

    /// Every letter of core `from` with a stamp below this is in its box.
    #[must_use]
    pub fn posted_below(&self, from: usize) -> u64 {
        self.mailboxes.stamps.posted_below(from)
    }

    /// Everything with a stamp below this has run at every core.
    #[must_use]
    pub fn finished_below(&self) -> u64 {
        self.mailboxes.stamps.finished_below()
    }

    /// One client more waits for keys of several cores, or one fewer.
    pub fn count_wide_wait(&self, begins: bool) {
        self.mailboxes.stamps.count_wide_wait(begins);
    }

    /// Whether any client of the node does.
    #[must_use]
    pub fn has_wide_waits(&self) -> bool {
        self.mailboxes.stamps.has_wide_waits()
    }

    /// Says that this core waits until others have posted or finished
    /// something; it must look again afterwards.
    pub fn watch(&self) {
        self.mailboxes.stamps.watch(self.me);
    }

    /// The cores that wait for that, one bit each: they are to be told.
    #[must_use]
    pub fn take_watchers(&self) -> u64 {
        self.mailboxes.stamps.take_watchers()
    }

    /// Whether letters wait for room: the core must not sleep long then.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.has_unsent
    }

    /// How many letters found no room since this was last asked.
    pub fn take_held_up(&mut self) -> u64 {
        std::mem::take(&mut self.held_up)
    }

    /// The next letter from core `from`.
    pub fn receive(&mut self, from: usize) -> Option<Letter> {
        self.mailboxes.between(from, self.me).pop()
    }

    /// Whether any box of this core holds mail.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        (0..self.mailboxes.cores).any(|from| !self.mailboxes.between(from, self.me).is_empty())
    }

    /// Says that this core is about to sleep; `false` if mail came meanwhile,
    /// and it must not.
    pub fn fall_asleep(&mut self) -> bool {
        let asleep = &self.mailboxes.asleep[self.me];
        asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let quiet = !self.has_mail();
        if !quiet {
            asleep.store(false, Ordering::Relaxed);
        }
        quiet
    }

    /// Says that this core is awake again.
    pub fn wake_up(&mut self) {
        self.mailboxes.asleep[self.me].store(false, Ordering::Relaxed);
    }

    fn retry(&mut self) {
        self.has_unsent = false;
        for to in 0..self.mailboxes.cores {
            while let Some(letter) = self.unsent[to].pop_front() {
                match self.mailboxes.between(self.me, to).push(letter) {
                    Ok(()) => self.posted |= bit(to),
                    Err(letter) => {
                        self.unsent[to].push_front(letter);
                        self.has_unsent = true;
                        break;
                    }
                }
            }
        }
    }
}

/// Cores are counted in one word, which also bounds `shards`.
fn bit(core: usize) -> u64 {
    debug_assert!(core < 64);
    1 << core
}
