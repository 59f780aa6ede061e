//! One order for all that concerns several cores.
//!
//! A stamp is a place in that order: a number from one counter, taken by the
//! core that begins something. Letters with a stamp may be on their way to many
//! cores at once, so each core also says from which of its stamps on there may
//! be letters that are not in their boxes yet (`unposted`), and from which on
//! there are things that have not run everywhere (`unfinished`). Both are said
//! *before* the stamp is taken. So whoever reads the counter first and a core's
//! word afterwards knows of every stamp that was taken before.
//!
//! What is said before can be too low by as many stamps as others take meanwhile.
//! `unfinished` must not stay so: what has a higher stamp than the word and a lower
//! one than the core's own would wait for the latter, which waits behind it.
//!
//! A core that finds that it must wait for another's word says so (`watch`) and
//! looks once more; who raises its word looks for watchers afterwards. One of
//! both sees the other.

use std::sync::atomic::Ordering::SeqCst;

use crossbeam::utils::CachePadded;

use super::parts::AtomicU64;

/// No stamp: every real one is below.
const NONE: u64 = u64::MAX;

/// See the module; shared by all cores.
pub(super) struct Stamps {
    next: CachePadded<AtomicU64>,
    sides: Vec<CachePadded<Side>>,
    /// Cores that wait for a word, one bit each.
    watchers: CachePadded<AtomicU64>,
    /// Clients that wait for keys of several cores.
    waiting_widely: CachePadded<AtomicU64>,
}

/// What one core says: only that core writes here.
struct Side {
    unposted: AtomicU64,
    unfinished: AtomicU64,
}

impl Stamps {
    pub(super) fn new(cores: usize) -> Stamps {
        let side = || {
            CachePadded::new(Side {
                unposted: AtomicU64::new(NONE),
                unfinished: AtomicU64::new(NONE),
            })
        };
        Stamps {
            // Zero is the stamp of what has none.
            next: CachePadded::new(AtomicU64::new(1)),
            sides: (0..cores).map(|_| side()).collect(),
            watchers: CachePadded::new(AtomicU64::new(0)),
            waiting_widely: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// One client more waits for keys of several cores, or one fewer.
    pub(super) fn count_wide_wait(&self, begins: bool) {
        let by = if begins { 1 } else { u64::MAX };
        self.waiting_widely.fetch_add(by, SeqCst);
    }

    /// Whether any client does.
    pub(super) fn has_wide_waits(&self) -> bool {
        self.waiting_widely.load(SeqCst) > 0
    }

    /// The next stamp, for what core `me` posts from now on. With `runs_apart`
    /// it is unfinished until `finish` says otherwise.
    pub(super) fn take(&self, me: usize, runs_apart: bool) -> u64 {
        let side = &self.sides[me];
        let at_least = self.next.load(SeqCst);
        if side.unposted.load(SeqCst) == NONE {
            side.unposted.store(at_least, SeqCst);
        }
        let is_first = runs_apart && side.unfinished.load(SeqCst) == NONE;
        if is_first {
            side.unfinished.store(at_least, SeqCst);
        }
        let stamp = self.next.fetch_add(1, SeqCst);
        if is_first {
            // Who waits for that hears of it with `posted`, which ends the turn.
            side.unfinished.store(stamp, SeqCst);
        }
        stamp
    }

    /// All letters of core `me` are in their boxes.
    pub(super) fn posted(&self, me: usize) {
        self.sides[me].unposted.store(NONE, SeqCst);
    }

    /// The first stamp of core `me` that has not run everywhere, if there is
    /// one.
    pub(super) fn finish(&self, me: usize, unfinished: Option<u64>) {
        let unfinished = unfinished.unwrap_or(NONE);
        self.sides[me].unfinished.store(unfinished, SeqCst);
    }

    /// Every letter of core `from` with a stamp below this is in its box.
    pub(super) fn posted_below(&self, from: usize) -> u64 {
        let taken_below = self.next.load(SeqCst);
        taken_below.min(self.sides[from].unposted.load(SeqCst))
    }

    /// Everything with a stamp below this has run at every core.
    pub(super) fn finished_below(&self) -> u64 {
        let taken_below = self.next.load(SeqCst);
        let sides = self.sides.iter();
        let unfinished = sides.map(|side| side.unfinished.load(SeqCst));
        unfinished.fold(taken_below, u64::min)
    }

    /// Says that core `me` waits for a word; it must look again afterwards.
    pub(super) fn watch(&self, me: usize) {
        self.watchers.fetch_or(1 << me, SeqCst);
    }

    /// Who waits for a word, one bit each; they are to be told.
    pub(super) fn take_watchers(&self) -> u64 {
        match self.watchers.load(SeqCst) {
            0 => 0,
            _ => self.watchers.swap(0, SeqCst),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_stamp_is_unposted_and_unfinished_before_it_is_taken() {
        let stamps = Stamps::new(2);
        let first = stamps.take(0, true);
        assert!(stamps.posted_below(0) <= first);
        assert!(stamps.finished_below() <= first);
        stamps.posted(0);
        assert!(stamps.posted_below(0) > first);
        let second = stamps.take(1, true);
        stamps.finish(0, None);
        assert!(stamps.finished_below() > first && stamps.finished_below() <= second);
        stamps.finish(1, None);
        assert!(stamps.finished_below() > second);
    }

    #[test]
    fn what_runs_at_one_moment_is_never_unfinished() {
        let stamps = Stamps::new(1);
        let stamp = stamps.take(0, false);
        assert!(stamps.posted_below(0) <= stamp);
        assert!(stamps.finished_below() > stamp);
    }

    #[test]
    fn the_first_unfinished_holds_the_later_ones() {
        let stamps = Stamps::new(1);
        let (first, second) = (stamps.take(0, true), stamps.take(0, true));
        stamps.finish(0, Some(second));
        let below = stamps.finished_below();
        assert!(first < below && below <= second);
    }

    #[test]
    fn watchers_are_told_once() {
        let stamps = Stamps::new(3);
        assert_eq!(stamps.take_watchers(), 0);
        stamps.watch(2);
        assert_eq!(stamps.take_watchers(), 0b100);
        assert_eq!(stamps.take_watchers(), 0);
    }

    #[test]
    fn nothing_below_the_first_unfinished_stamp_is_held_up() {
        let model = || {
            let stamps = Arc::new(Stamps::new(3));
            let takes = (0..3).map(|core| {
                let stamps = Arc::clone(&stamps);
                shuttle::thread::spawn(move || (stamps.take(core, true), core))
            });
            let takes: Vec<_> = takes.collect();
            let taken = takes.into_iter().map(|take| take.join());
            let mut taken: Vec<_> = taken.map(|taken| taken.expect("no core fails")).collect();
            taken.sort_unstable();
            for (stamp, core) in taken {
                assert_eq!(stamps.finished_below(), stamp, "core {core} is the first");
                stamps.finish(core, None);
            }
        };
        shuttle::check_random(model, 1000);
    }
}
