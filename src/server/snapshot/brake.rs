//! `rdb-key-save-delay` and `key-load-delay`: snapshots and loads that take as long
//! as a test wants. What changes them acts at once on what is under way.

use std::thread;
use std::time::Duration;

use crate::config::Settings;
use crate::telemetry::{Cell, Persistence};

/// A long rest looks so often whether it is over.
const NAP_US: u64 = 10_000;

/// Publishes what the settings say.
pub(in crate::server) fn follow_delays(settings: &Settings, persistence: &Persistence) {
    let delay = |name| settings.number::<i64>(name).cast_unsigned();
    persistence.save_delay.set(delay("rdb-key-save-delay"));
    persistence.load_delay.set(delay("key-load-delay"));
}

/// Holds one thread up.
#[derive(Debug, Default)]
pub(in crate::server) struct Brake {
    /// Keys that went by since the last rest that stood for several.
    keys: u64,
}

impl Brake {
    /// Lets one key by: at once, or after the microseconds that stand in `delay`; if
    /// these are negative, as many keys have one microsecond together. It ends early
    /// when `is_given_up`.
    pub(in crate::server) fn pass(&mut self, delay: &Cell, is_given_up: impl Fn() -> bool) {
        let said = || delay.read().cast_signed();
        if said() < 0 {
            self.keys += 1;
            if self.keys >= said().unsigned_abs() {
                self.keys = 0;
                thread::sleep(Duration::from_micros(1));
            }
            return;
        }
        let mut rested = 0;
        loop {
            let left = said().max(0).unsigned_abs().saturating_sub(rested);
            if left == 0 || is_given_up() {
                return;
            }
            let nap = left.min(NAP_US);
            thread::sleep(Duration::from_micros(nap));
            rested += nap;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Brake;
    use crate::telemetry::Persistence;

    fn timed(delay: i64, keys: usize) -> Duration {
        let persistence = Persistence::default();
        persistence.save_delay.set(delay.cast_unsigned());
        let start = Instant::now();
        let mut brake = Brake::default();
        for _ in 0..keys {
            brake.pass(&persistence.save_delay, || false);
        }
        start.elapsed()
    }

    #[test]
    fn a_key_rests_for_its_delay_and_several_share_a_microsecond() {
        assert!(timed(20_000, 3) >= Duration::from_millis(60));
        // A hundred rests; a thousand would be a millisecond at least.
        assert!(timed(-10, 1000) >= Duration::from_micros(100));
        assert!(timed(0, 1_000_000) < Duration::from_secs(1));
    }

    #[test]
    fn a_rest_ends_when_the_delay_goes_or_nobody_wants_it() {
        let persistence = Arc::new(Persistence::default());
        persistence.save_delay.set(60_000_000);
        let start = Instant::now();
        Brake::default().pass(&persistence.save_delay, || true);
        let other = Arc::clone(&persistence);
        let waiter = std::thread::spawn(move || {
            Brake::default().pass(&other.save_delay, || false);
        });
        std::thread::sleep(Duration::from_millis(30));
        persistence.save_delay.set(0);
        waiter.join().expect("it ends");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
