//! Time as the keyspace sees it, and what a read leaves on an entry for
//! eviction: when it was last asked for (LRU) or how often (LFU).
//!
//! The 24 bits and their meaning are those of OBJECT IDLETIME, OBJECT FREQ
//! and RESTORE, as the Redis documentation on key eviction describes them.

use crate::base::Random;

/// Seconds of the LRU clock before it starts again: 194 days.
const LRU_SECONDS: u64 = 1 << 24;

/// The counter a new key begins with under LFU, so that it is not the first
/// to go.
pub const LFU_NEW: u8 = 5;

/// The time of this turn of the loop, and what reads leave behind.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Unix milliseconds.
    pub now: u64,
    pub touch: Touch,
    /// What a read does with a key whose time has come.
    pub overdue: Overdue,
}

/// What becomes of a key whose time has come when a read meets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overdue {
    /// It is not found.
    Removed,
    /// The same, while clients are paused, and at a replica for its clients.
    Left,
    /// The same, for clients of a replica that may write: the deadlines that they give
    /// are this node's own, and it looks after them.
    Own,
    /// It is found: for who obeys a primary, which alone says when a key goes.
    Found,
}

/// What a read leaves on an entry. A key that is created under `Leave` is
/// marked as under `Lru`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    Leave,
    /// 24 bits of seconds.
    Lru,
    /// 16 bits of minutes of the last decay, 8 bits of logarithmic counter.
    Lfu {
        log_factor: u32,
        decay_minutes: u32,
    },
    /// This mark, on everything: for what is read from a file.
    As(u32),
}

impl Touch {
    /// As if everything that is met were made now, in Unix milliseconds, whatever
    /// the clock says.
    #[must_use]
    pub fn as_new(self, now: u64) -> Touch {
        let (touch, overdue) = (self, Overdue::Left);
        let clock = Clock {
            now,
            touch,
            overdue,
        };
        Touch::As(clock.access_of_new())
    }
}

impl Clock {
    /// A key is overdue whose deadline is not after this: Unix milliseconds.
    #[inline]
    #[must_use]
    pub fn due(&self) -> u64 {
        match self.overdue {
            Overdue::Removed | Overdue::Left | Overdue::Own => self.now,
            Overdue::Found => 0,
        }
    }

    fn seconds(&self) -> u32 {
        (self.now / 1000 % LRU_SECONDS) as u32
    }

    /// The access mark of an entry that was just made.
    #[inline]
    #[must_use]
    pub fn access_of_new(&self) -> u32 {
        match self.touch {
            Touch::Leave | Touch::Lru => self.seconds(),
            Touch::Lfu { .. } => lfu_access(minutes(self.now), LFU_NEW),
            Touch::As(access) => access,
        }
    }

    /// The mark of an entry that is asked for now, or `None` to leave it.
    #[inline]
    pub(super) fn access_of_read(&self, access: u32, random: &mut Random) -> Option<u32> {
        match self.touch {
            Touch::Leave => None,
            Touch::Lru => Some(self.seconds()),
            Touch::Lfu {
                log_factor,
                decay_minutes,
            } => {
                let counter = decayed(access, self.now, decay_minutes);
                let counter = incremented(counter, log_factor, random);
                Some(lfu_access(minutes(self.now), counter))
            }
            Touch::As(access) => Some(access),
        }
    }
}

/// Milliseconds since the read the mark tells of, by the LRU clock of one
/// second that starts again after 194 days.
pub(super) fn idle_ms(access: u32, now: u64) -> u64 {
    let seconds = (now / 1000 % LRU_SECONDS + LRU_SECONDS - u64::from(access)) % LRU_SECONDS;
    seconds * 1000
}

/// The counter less one for each `decay_minutes` since it was last written;
/// zero minutes means that it never decays.
pub(super) fn decayed(access: u32, now: u64, decay_minutes: u32) -> u8 {
    let counter = access as u8;
    if decay_minutes == 0 {
        return counter;
    }
    let elapsed = minutes(now).wrapping_sub((access >> 8) as u16);
    let steps = u32::from(elapsed) / decay_minutes;
    counter.saturating_sub(u8::try_from(steps).unwrap_or(u8::MAX))
}

/// Adds one by chance: one in `(counter above new) × log_factor + 1`.
fn incremented(counter: u8, log_factor: u32, random: &mut Random) -> u8 {
    if counter == u8::MAX {
        return counter;
    }
    let above = u64::from(counter.saturating_sub(LFU_NEW));
    let one_in = above * u64::from(log_factor) + 1;
    counter + u8::from(one_in == 1 || random.below(one_in) == 0)
}

fn minutes(now: u64) -> u16 {
    (now / 60_000) as u16
}

fn lfu_access(minutes: u16, counter: u8) -> u32 {
    u32::from(minutes) << 8 | u32::from(counter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_survives_the_end_of_the_lru_clock() {
        let before = (LRU_SECONDS - 2) as u32;
        assert_eq!(idle_ms(before, (LRU_SECONDS + 3) * 1000), 5000);
        assert_eq!(idle_ms(10, 10_999), 0);
    }

    #[test]
    fn what_is_read_from_a_file_is_as_new_as_the_moment_that_it_is_told() {
        let mut random = Random::new(7);
        let clock = Clock {
            now: 0,
            touch: Touch::Lru.as_new(5_000_000),
            overdue: Overdue::Left,
        };
        assert_eq!(idle_ms(clock.access_of_new(), 5_007_000), 7000);
        let access = clock.access_of_read(1, &mut random);
        assert_eq!(access, Some(clock.access_of_new()));
    }

    #[test]
    fn a_counter_loses_one_for_each_period() {
        let access = lfu_access(100, 9);
        assert_eq!(decayed(access, 100 * 60_000, 1), 9);
        assert_eq!(decayed(access, 103 * 60_000, 1), 6);
        assert_eq!(decayed(access, 103 * 60_000, 2), 8);
        assert_eq!(decayed(access, 500 * 60_000, 1), 0);
        assert_eq!(decayed(access, 500 * 60_000, 0), 9);
    }

    #[test]
    fn a_counter_grows_like_a_logarithm() {
        let mut random = Random::new(7);
        let clock = Clock {
            now: 60_000,
            touch: Touch::Lfu {
                log_factor: 10,
                decay_minutes: 1,
            },
            overdue: Overdue::Removed,
        };
        let mut access = clock.access_of_new();
        for _ in 0..1000 {
            let next = clock.access_of_read(access, &mut random);
            access = next.expect("LFU marks every read");
        }
        let counter = access as u8;
        // The documentation's table says 18 after 1,000 hits at factor 10.
        assert!((14..=23).contains(&counter), "{counter}");
    }
}
