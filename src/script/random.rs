//! The random numbers of scripts: 48 bits, multiplied and added to, the same on every machine.

use std::cell::Cell;

/// The generator of POSIX `lrand48`. It begins where that begins, and goes on from script to
/// script.
pub(super) struct Random48(Cell<u64>);

/// Constants of POSIX: `x = x * MULTIPLIER + 11 mod 2^48`.
const MULTIPLIER: u64 = 0x5_deec_e66d;
const MASK: u64 = (1 << 48) - 1;
const START: u64 = 0x1234_abcd_330e;

/// Numbers are below this.
pub(super) const MAX: u64 = i32::MAX as u64;

impl Default for Random48 {
    fn default() -> Self {
        Self(Cell::new(START))
    }
}

impl Random48 {
    pub(super) fn seed(&self, seed: i32) {
        self.0.set((u64::from(seed as u32) << 16) | 0x330e);
    }

    /// 31 bits.
    pub(super) fn next(&self) -> u64 {
        let next = self.0.get().wrapping_mul(MULTIPLIER).wrapping_add(11) & MASK;
        self.0.set(next);
        next >> 17
    }
}
