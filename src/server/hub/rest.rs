//! When the control core lets the stream lie for a moment before it gives more of
//! it to the replicas.
//!
//! A core that records wakes the control core if that sleeps, and a wake costs more
//! than a SET: beside busy writers it was had for nearly each of them. So after it
//! has given the stream out twice in a short time it sleeps on for `REST_NS`
//! whatever is recorded, and then takes all of it. A write that comes alone is given
//! out at once, and so is everything while somebody waits for it ([decision
//! 0021](../../../docs/decisions/0021-the-stream-rests.md)).

use std::time::Duration;

/// How much longer a write may lie than it would, in nanoseconds.
const REST_NS: u64 = 200_000;

/// See the module; moments are nanoseconds of the hub's watch.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// When stream was given out last.
    last: u64,
    until: u64,
    /// What of it is left, while the control core sleeps through it.
    left: Option<Duration>,
}

impl Rest {
    /// Some of the stream is given out.
    pub(super) fn on_stream(&mut self, now: u64) {
        if now - self.last < 2 * REST_NS {
            self.until = now + REST_NS;
        }
        self.last = now;
    }

    /// Whether the control core may sleep through what is recorded: it has to be
    /// woken by `left`, and not later.
    pub(super) fn begin(&mut self, now: u64) -> bool {
        let left = self.until.checked_sub(now).filter(|left| *left > 0);
        self.left = left.map(Duration::from_nanos);
        self.left.is_some()
    }

    /// No sleep is one of these any more.
    pub(super) fn end(&mut self) {
        self.left = None;
    }

    /// How long the sleep that has begun may last.
    pub(super) fn left(&self) -> Option<Duration> {
        self.left
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{REST_NS, Rest};

    #[test]
    fn only_who_gives_out_often_rests() {
        let mut rest = Rest::default();
        let mut now = 1_000_000_000;
        for _ in 0..3 {
            rest.on_stream(now);
            assert!(!rest.begin(now), "a write that comes alone");
            now += 2 * REST_NS;
        }
        rest.on_stream(now);
        rest.on_stream(now + 1);
        assert!(rest.begin(now + 1));
        assert_eq!(rest.left(), Some(Duration::from_nanos(REST_NS)));
        assert!(rest.begin(now + REST_NS));
        assert_eq!(rest.left(), Some(Duration::from_nanos(1)));
        assert!(!rest.begin(now + REST_NS + 1), "it is over");
        assert_eq!(rest.left(), None);
    }

    #[test]
    fn a_rest_that_is_over_is_not_slept_through() {
        let mut rest = Rest::default();
        rest.on_stream(1);
        rest.on_stream(2);
        assert!(rest.begin(3));
        rest.end();
        assert_eq!(rest.left(), None);
    }
}
