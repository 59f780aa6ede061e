//! For tests: letters between cores that are late by chance, so that orders
//! which are rare on a quiet machine are not.
//!
//! `BASALT_JITTER=seed` in the environment turns it on. A core then leaves the
//! mail of a sender for a later turn now and then, and dozes a little; letters
//! of a pair of cores keep their order, as the design promises.

use std::time::Duration;

use crate::base::Random;

/// Of so many senders one is left for a later turn.
const HOLD_BACK: u64 = 3;

/// One turn in so many dozes.
const DOZE: u64 = 16;

const DOZE_US_MAX: u64 = 60;

/// See the module.
pub(super) struct Jitter {
    random: Random,
    /// How many senders of how many are left for a later turn.
    hold_back: (u64, u64),
    dozes: bool,
}

impl Jitter {
    /// What the environment asks for.
    pub(super) fn from_environment(core: usize) -> Option<Jitter> {
        let seed: u64 = std::env::var("BASALT_JITTER").ok()?.parse().ok()?;
        Some(Jitter {
            random: Random::new(seed.wrapping_add(core as u64)),
            hold_back: (1, HOLD_BACK),
            dozes: true,
        })
    }

    /// What a simulation asks for: it has its own time and does not sleep.
    #[cfg(test)]
    pub(super) fn awake(seed: u64, hold_back: (u64, u64)) -> Jitter {
        Jitter {
            random: Random::new(seed),
            hold_back,
            dozes: false,
        }
    }

    /// Whether the mail of a sender stays where it is in this turn.
    pub(super) fn holds_back(&mut self) -> bool {
        let (some, of) = self.hold_back;
        self.random.below(of) < some
    }

    /// Dozes, perhaps.
    pub(super) fn doze(&mut self) {
        if self.dozes && self.random.below(DOZE) == 0 {
            std::thread::sleep(Duration::from_micros(self.random.below(DOZE_US_MAX)));
        }
    }
}
