//! The seeds.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::command::{Table, commands};
use crate::config::Settings;

use super::world::World;

/// Seeds of one run: some thousands where the compiler optimises.
const SEEDS: u64 = if cfg!(debug_assertions) { 60 } else { 3_000 };

/// Rounds that a request takes at most for each client and core, while all are
/// fair: before it stands at most one of every other client at every core, and
/// each is there for as long as its letters travel.
const LONGEST: u64 = 12;

struct Ground {
    table: &'static Table,
    settings: Arc<Settings>,
}

impl Ground {
    fn new() -> Ground {
        let mut settings = Settings::default();
        let changed = settings.set_from_file(b"databases", &[b"4".to_vec()]);
        changed.expect("it is a setting");
        Ground {
            // A row's table lives as long as the process, also in tests.
            table: Box::leak(Box::new(Table::new(commands()))),
            settings: Arc::new(settings),
        }
    }

    /// Lives through one seed; a digest of all that clients heard.
    fn live(&self, seed: u64) -> Result<Lived, String> {
        let mut world = World::new(self.table, &self.settings, seed);
        let lived = catch_unwind(AssertUnwindSafe(|| {
            world.live()?;
            world.end_well()
        }));
        let shape = format!(
            "{} cores, room for {}",
            world.profile.cores, world.profile.room
        );
        match lived {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(format!("SEED={seed}, {shape}: {why}")),
            Err(_) => return Err(format!("SEED={seed}, {shape}: a panic, see above")),
        }
        let ledger = &world.ledger;
        let (longest, bound) = (ledger.longest, LONGEST * world.crowd());
        if longest > bound {
            return Err(format!(
                "SEED={seed}, {shape}: {longest} rounds, not {bound}"
            ));
        }
        Ok(Lived {
            digest: ledger.digest(),
            replies: ledger.replies,
            watched: ledger.watched,
            longest: ledger.longest,
        })
    }
}

struct Lived {
    digest: u64,
    replies: u64,
    watched: (u64, u64),
    longest: u64,
}

fn from_environment(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Lives through every `of`th seed from `first` on.
fn live_through(first: u64, of: u64) {
    if let Some(seed) = from_environment("SEED") {
        Ground::new().live(seed).map(drop).expect("the seed lives");
        return;
    }
    let ground = Ground::new();
    let seeds = from_environment("SEEDS").unwrap_or(SEEDS);
    let mut failed = Vec::new();
    let mut sum = Lived {
        digest: 0,
        replies: 0,
        watched: (0, 0),
        longest: 0,
    };
    for seed in (first..seeds).step_by(of as usize) {
        match ground.live(seed) {
            Ok(lived) => {
                sum.replies += lived.replies;
                sum.watched.0 += lived.watched.0;
                sum.watched.1 += lived.watched.1;
                sum.longest = sum.longest.max(lived.longest);
            }
            Err(why) => failed.push(why),
        }
    }
    let count = failed.len();
    failed.truncate(8);
    assert!(
        failed.is_empty(),
        "{count} of {seeds} seeds failed:\n{}",
        failed.join("\n\n")
    );
    assert!(sum.replies > seeds * 20, "much was asked");
    let (through, refused) = sum.watched;
    assert!(
        through > 0 && refused > 0,
        "{through} through, {refused} not"
    );
    assert!(sum.longest > 0);
}

#[test]
fn even_seeds_end_well() {
    live_through(0, 2);
}

#[test]
fn odd_seeds_end_well() {
    live_through(1, 2);
}

#[test]
fn a_seed_replays_exactly() {
    let ground = Ground::new();
    for seed in 0..10 {
        let digest = || ground.live(seed).map(|lived| lived.digest);
        let first = digest().expect("the seed lives");
        assert_eq!(Ok(first), digest(), "SEED={seed}");
    }
}

/// A pause held BLPOP back, and it was taken for one that waits for its lists.
#[test]
fn who_is_held_back_by_a_pause_is_not_looked_at_before_its_end() {
    Ground::new()
        .live(15_152)
        .map(drop)
        .expect("the seed lives");
}

/// A client that had said its last word was forgotten by the flush in which its
/// session was looked at, and heard nothing more.
#[test]
fn a_session_marked_during_a_flush_is_flushed() {
    Ground::new().live(879).map(drop).expect("the seed lives");
}
