//! A choice of some of many in one walk over all of them.

use crate::base::Random;

/// Of `left` elements not yet asked, each of the `wanted` is the next with the
/// chance `wanted / left`: every choice is as likely as any other.
pub(super) struct Choice {
    wanted: u64,
    left: u64,
}

impl Choice {
    /// `wanted` of `all`; all of them if there are no more.
    pub(super) fn new(wanted: usize, all: usize) -> Self {
        Self {
            wanted: wanted.min(all) as u64,
            left: all as u64,
        }
    }

    /// Whether the next one is chosen. Asked once for each.
    pub(super) fn takes_next(&mut self, random: &mut Random) -> bool {
        let takes = random.below(self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= u64::from(takes);
        takes
    }
}
