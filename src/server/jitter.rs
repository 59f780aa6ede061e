//! For tests: letters between cores that are late by chance, so that orders
//! which are rare on a quiet machine are not.
//!
//! `BASALT_JITTER=seed` in the environment turns it on. A core then leaves the
//! mail of a sender for a later turn now and then, and dozes a little; letters
//! of a pair of cores keep their order, as the design promises.

use std::time::Duration;

use crate::base::Random;

/// One sender in so many turns is left for later.
const HOLD_BACK: u64 = 3;

/// One turn in so many dozes.
const DOZE: u64 = 16;

const DOZE_US_MAX: u64 = 60;

/// See the module.
pub(super) struct Jitter {
    random: Random,
}

impl Jitter {
    /// What the environment asks for.
    pub(super) fn from_environment(core: usize) -> Option<Jitter> {
        let seed: u64 = std::env::var("BASALT_JITTER").ok()?.parse().ok()?;
        Some(Jitter {
            random: Random::new(seed.wrapping_add(core as u64)),
        })
    }

    /// Whether the mail of a sender stays where it is in this turn.
    pub(super) fn holds_back(&mut self) -> bool {
        self.random.below(HOLD_BACK) == 0
    }

    /// Dozes, perhaps.
    pub(super) fn doze(&mut self) {
        if self.random.below(DOZE) == 0 {
            std::thread::sleep(Duration::from_micros(self.random.below(DOZE_US_MAX)));
        }
    }
}
