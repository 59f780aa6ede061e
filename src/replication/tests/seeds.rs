//! Which seeds a simulation plays.

use std::ops::Range;

/// The seeds to be played: `SEED` alone, or the first `SEEDS`, or the first `usual`.
pub(super) fn seeds(usual: u64) -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(usual),
    }
}
