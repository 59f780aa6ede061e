//! The clocks: wall time for deadlines, monotonic time for durations.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn unix_ms() -> u64 {
    since_epoch().as_millis() as u64
}

/// Microseconds since the Unix epoch.
#[must_use]
pub fn unix_us() -> u64 {
    since_epoch().as_micros() as u64
}

fn since_epoch() -> std::time::Duration {
    #[cfg(test)]
    if let Some(now) = imagined::now() {
        return now;
    }
    // A clock before 1970 is a broken machine; time then stands at zero.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Nanoseconds since the clock was made, never backwards.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
    /// The imagined time it began at.
    #[cfg(test)]
    imagined: Option<std::time::Duration>,
}

impl Stopwatch {
    /// Starts at zero.
    #[must_use]
    pub fn start() -> Stopwatch {
        Stopwatch {
            began: Instant::now(),
            #[cfg(test)]
            imagined: imagined::now(),
        }
    }

    /// Nanoseconds since `start`.
    #[must_use]
    pub fn ns(self) -> u64 {
        #[cfg(test)]
        if let (Some(began), Some(now)) = (self.imagined, imagined::now()) {
            return (now - began).as_nanos() as u64;
        }
        self.began.elapsed().as_nanos() as u64
    }
}

/// A time that a simulation gives to all that runs in its thread.
#[cfg(test)]
pub mod imagined {
    use std::cell::Cell;
    use std::time::Duration;

    thread_local! {
        static NOW: Cell<Option<Duration>> = const { Cell::new(None) };
    }

    /// Some time in 2023, before all that is given.
    pub const BEGAN: Duration = Duration::from_secs(1_700_000_000);

    /// The time since the epoch that this thread was given, if it was.
    pub(super) fn now() -> Option<Duration> {
        NOW.get()
    }

    /// Gives this thread a time since the epoch.
    pub fn set(now: Duration) {
        NOW.set(Some(now));
    }
}
