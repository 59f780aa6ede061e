//! A follower and a primary as stock behaves, on virtual time from one seed:
//! bytes are delayed and come in any pieces, connections are refused, cut and
//! silent, loads are slow and fail, units run late, the primary is promoted,
//! restarted and forgets.
//!
//! `SEEDS=n cargo test --lib replication::tests::simulation` plays more of them;
//! `SEED=n` plays one.

use super::world::{Seen, World};
use crate::replication::tests::seeds::seeds;

/// Seeds of every run.
const SEEDS: u64 = 500;

#[test]
fn a_follower_has_what_its_primary_had_at_every_offset() {
    let seeds = seeds(SEEDS);
    let mut seen = Seen::default();
    for seed in seeds.clone() {
        World::new(seed).play(&mut seen);
    }
    if seeds.end - seeds.start >= SEEDS {
        // Else it would prove less than it says.
        let least = seeds.end - seeds.start;
        assert!(seen.full > least, "{seen:?}");
        assert!(seen.partial > least, "{seen:?}");
        assert!(seen.renamed > least / 20, "{seen:?}");
        assert!(seen.cut_while_receiving > least / 20, "{seen:?}");
        assert!(seen.failed_loads > least / 20, "{seen:?}");
        assert!(seen.transactions > least, "{seen:?}");
    }
}
