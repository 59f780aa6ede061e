//! One word that cores agree by, where a message would come too late: who of
//! several takes what only one may have.
//!
//! A compare-and-swap on a word of its own, never a lock: nobody waits for
//! anybody. `docs/decisions/0013` says why it exists.

use std::sync::atomic::{AtomicU8, Ordering};

/// Something that one of several takes: to hold for a moment, or for good.
#[derive(Debug, Default)]
pub struct Claim {
    state: AtomicU8,
}

const FREE: u8 = 0;
const HELD: u8 = 1;
const GONE: u8 = 2;

/// What became of an attempt to take a [`Claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the caller's.
    Yes,
    /// Somebody holds it, and may give it back.
    NotNow,
    /// Somebody has taken it for good.
    Never,
}

impl Claim {
    /// Takes it for a moment: `give_back` or `keep` follows.
    pub fn hold(&self) -> Taken {
        self.swap_from_free(HELD)
    }

    /// Takes it for good, if nobody holds it.
    pub fn take(&self) -> Taken {
        self.swap_from_free(GONE)
    }

    /// Lets others take it again. Only for the one who holds it.
    pub fn give_back(&self) {
        debug_assert_eq!(self.state.load(Ordering::Relaxed), HELD);
        self.state.store(FREE, Ordering::Release);
    }

    /// Makes it the holder's for good. Only for the one who holds it.
    pub fn keep(&self) {
        debug_assert_eq!(self.state.load(Ordering::Relaxed), HELD);
        self.state.store(GONE, Ordering::Release);
    }

    fn swap_from_free(&self, to: u8) -> Taken {
        match self
            .state
            .compare_exchange(FREE, to, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Taken::Yes,
            Err(GONE) => Taken::Never,
            Err(_) => Taken::NotNow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_goes_to_one() {
        let claim = Claim::default();
        assert_eq!(claim.hold(), Taken::Yes);
        assert_eq!(claim.hold(), Taken::NotNow);
        assert_eq!(claim.take(), Taken::NotNow);
        claim.give_back();
        assert_eq!(claim.take(), Taken::Yes);
        assert_eq!(claim.hold(), Taken::Never);
        assert_eq!(claim.take(), Taken::Never);
    }

    #[test]
    fn of_many_threads_one_gets_it() {
        for _ in 0..200 {
            let claim = Claim::default();
            let takers: Vec<bool> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|_| scope.spawn(|| claim.take() == Taken::Yes))
                    .collect();
                let joined = threads.into_iter().map(|thread| thread.join());
                joined.map(|taken| taken.expect("no panic")).collect()
            });
            assert_eq!(takers.iter().filter(|taken| **taken).count(), 1);
        }
    }
}
