//! The host of a library that is being loaded: it may log, and is ended when it takes too long.

use crate::command::scene::System;
use crate::resp::{Args, Version};
use crate::script::{Effects, Host, LogLevel, Pace, Permission};

/// Microseconds a library may take to load, as at stock.
pub(super) const LOAD_US_MAX: u64 = 500_000;

/// The same where another core has loaded it in time: slower, but not without
/// end.
pub(super) const FOLLOW_US_MAX: u64 = 20 * LOAD_US_MAX;

pub struct LibraryHost {
    system: System,
    until_us: u64,
}

impl LibraryHost {
    /// Of a library that has been loaded before: it may take its time.
    #[must_use]
    pub fn unhurried(system: System) -> Self {
        Self {
            system,
            until_us: u64::MAX,
        }
    }

    /// A load begins now.
    pub(super) fn new(system: System, us_max: u64) -> Self {
        Self {
            system,
            until_us: (system.unix_us)() + us_max,
        }
    }
}

impl Host for LibraryHost {
    fn call(&mut self, _: Args<'_>, _: Version, _: &mut Vec<u8>) {
        unreachable!("a library has no commands while it is loaded");
    }

    fn permission(&mut self, _: Args<'_>) -> Permission {
        unreachable!("a library has no permissions while it is loaded");
    }

    /// Every core loads the library, so what it logs then is left out.
    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn set_effects(&mut self, _: Effects) {
        unreachable!("a library has no effects while it is loaded");
    }

    fn pace(&mut self) -> Pace {
        if (self.system.unix_us)() < self.until_us {
            Pace::GoOn
        } else {
            Pace::Kill
        }
    }
}
