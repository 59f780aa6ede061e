//! Access marks of values that begin a new life: see `keyspace::Touch` for
//! their 24 bits.

use crate::keyspace::{Clock, LFU_NEW, Touch};

/// Seconds of the LRU clock before it starts again.
const LRU_SECONDS: u64 = 1 << 24;

/// The mark of a key that is new now.
pub(super) fn new(clock: &Clock) -> u32 {
    match clock.touch {
        Touch::Leave | Touch::Lru => idle_for(0, clock.now),
        Touch::Lfu { .. } => used_often(LFU_NEW, clock.now),
        Touch::As(access) => access,
    }
}

/// Unix milliseconds, as far as marks tell them, from which ages are counted.
pub(super) fn moment(clock: &Clock, is_lfu: bool) -> u64 {
    match clock.touch {
        Touch::Leave | Touch::Lru | Touch::Lfu { .. } => clock.now,
        Touch::As(access) if is_lfu => u64::from(access >> 8) * 60_000,
        Touch::As(access) => u64::from(access) * 1000,
    }
}

/// The mark of a key that was last used so many seconds ago, by LRU. The
/// clock's round is the longest that can be told.
pub fn idle_for(seconds: u64, now_ms: u64) -> u32 {
    let seconds = seconds.min(LRU_SECONDS - 1);
    ((now_ms / 1000 + LRU_SECONDS - seconds) % LRU_SECONDS) as u32
}

/// The mark of a key with this logarithmic counter as of now, by LFU.
pub fn used_often(counter: u8, now_ms: u64) -> u32 {
    let minutes = (now_ms / 60_000) as u16;
    u32::from(minutes) << 8 | u32::from(counter)
}
