//! The node's own test of this module: PFSELFTEST.

use super::sketch::{add, count, make_dense};
use super::{empty, registers};

/// Elements added: enough for both encodings and a full estimate.
const ELEMENTS: u64 = 100_000;

/// Sparse while shorter; stock's own default.
const SPARSE_LEN_MAX: u64 = 3000;

/// Whether sparse and dense registers agree and estimates are as close as promised: within four
/// standard errors of 1.04 / √16384 each.
#[must_use]
pub fn holds() -> bool {
    let (mut sparse, mut dense) = (empty(), empty());
    if make_dense(&mut dense) != Ok(true) {
        return false;
    }
    let mut check_at = 1;
    for number in 1..=ELEMENTS {
        let element = number.to_le_bytes();
        let added = add(&mut sparse, &element, SPARSE_LEN_MAX);
        if added.is_err() || added != add(&mut dense, &element, SPARSE_LEN_MAX) {
            return false;
        }
        if number == check_at {
            check_at *= 10;
            let error_max = 4.0 * 1.04 / 128.0 * number as f64;
            let is_close = |count: u64| (count.abs_diff(number) as f64) <= error_max.ceil();
            if registers(&sparse) != registers(&dense)
                || count(&sparse) != count(&dense)
                || !count(&dense).is_ok_and(is_close)
            {
                return false;
            }
        }
    }
    true
}
