//! Three to five nodes in stars and chains, of basalt and of a model of stock, on virtual
//! time from one seed: bytes are
//! delayed and come in any pieces, connections are refused, cut and silent, nodes
//! freeze, crash and come back with their file or without, loads and snapshots fail,
//! replicas are slow, backlogs too small; nodes are promoted, told to follow others and to
//! hand over.
//!
//! `SEEDS=n cargo test --lib replication::tests::topology` plays more of them;
//! `SEED=n` plays one.

use super::around::Seen;
use super::world::World;
use crate::replication::tests::seeds::seeds;

/// Seeds of every run.
const SEEDS: u64 = 500;

#[test]
fn every_node_has_what_there_was_at_its_offset() {
    let seeds = seeds(SEEDS);
    let count = seeds.end - seeds.start;
    let mut seen = Seen::default();
    for seed in seeds {
        World::new(seed, seen).play(&mut seen);
    }
    if count >= SEEDS {
        seen.check(count);
    }
}
