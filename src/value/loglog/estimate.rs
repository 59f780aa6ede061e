//! The count, from how many registers have which value: Ertl's improved raw estimator
//! (arXiv:1702.01284, algorithm 6), which needs neither tables nor thresholds.

use super::element::{RANK_BITS, REGISTERS};

/// The highest rank an element can have; what is higher was not written by a hash.
const RANK_MAX: usize = RANK_BITS as usize + 1;

/// Registers by value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Histogram([u32; 64]);

impl Histogram {
    pub(super) fn new() -> Self {
        Self([0; 64])
    }

    /// Counts `len` registers of `value`, which is below 64.
    pub(super) fn add(&mut self, value: u8, len: usize) {
        self.0[usize::from(value)] += len as u32;
    }

    /// How many different elements probably made these registers.
    pub(super) fn estimate(&self) -> u64 {
        const REGISTERS_F: f64 = REGISTERS as f64;
        /// 1 / (2 ln 2).
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let share = |value: usize| f64::from(self.0[value]) / REGISTERS_F;
        let full = (REGISTERS_F - f64::from(self.0[RANK_MAX])) / REGISTERS_F;
        let mut sum = REGISTERS_F * tau(full);
        for value in (1..RANK_MAX).rev() {
            sum = 0.5 * (sum + f64::from(self.0[value]));
        }
        sum += REGISTERS_F * sigma(share(0));
        let estimate = ALPHA * REGISTERS_F * REGISTERS_F / sum;
        // Registers that no hash can make: stock's rounding of infinity.
        if estimate.is_infinite() {
            return 1 << 63;
        }
        estimate.round() as u64
    }
}

/// The paper's σ: the part of the registers that nothing has hit.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if before == sum {
            return sum;
        }
    }
}

/// The paper's τ: the part of the registers that are full.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if before == sum {
            return sum / 3.0;
        }
    }
}
