//! Which key goes when memory is full.
//!
//! Stock Redis's approximation: a few keys are drawn by chance, and the best
//! candidates seen so far wait in a small pool, sorted. A larger pool or
//! sample comes closer to the true order; 16 and 5 are stock's.

use super::clock::{Clock, Touch};
use super::database::Key;
use super::found::Found;
use super::shard_keyspace::Keyspace;
use crate::base::Random;
use crate::memory::Among;

/// Candidates that wait.
const POOL: usize = 16;

/// Samples taken before the evictor reports that it found nothing.
const ROUNDS_MAX: usize = 64;

/// `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    #[default]
    NoEviction,
    AllkeysLru,
    AllkeysLfu,
    AllkeysRandom,
    VolatileLru,
    VolatileLfu,
    VolatileRandom,
    VolatileTtl,
}

/// What makes a key go first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Idle,
    Rare,
    Soon,
    Chance,
}

impl Policy {
    pub const ALL: [Self; 8] = [
        Self::NoEviction,
        Self::AllkeysLru,
        Self::AllkeysLfu,
        Self::AllkeysRandom,
        Self::VolatileLru,
        Self::VolatileLfu,
        Self::VolatileRandom,
        Self::VolatileTtl,
    ];

    /// The name in `redis.conf`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoEviction => "noeviction",
            Self::AllkeysLru => "allkeys-lru",
            Self::AllkeysLfu => "allkeys-lfu",
            Self::AllkeysRandom => "allkeys-random",
            Self::VolatileLru => "volatile-lru",
            Self::VolatileLfu => "volatile-lfu",
            Self::VolatileRandom => "volatile-random",
            Self::VolatileTtl => "volatile-ttl",
        }
    }

    /// The policy of a name, in any case.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|policy| policy.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether reads are to be marked by frequency.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::AllkeysLfu | Self::VolatileLfu)
    }

    fn rule(self) -> Option<(Among, Order)> {
        match self {
            Self::NoEviction => None,
            Self::AllkeysLru => Some((Among::All, Order::Idle)),
            Self::AllkeysLfu => Some((Among::All, Order::Rare)),
            Self::AllkeysRandom => Some((Among::All, Order::Chance)),
            Self::VolatileLru => Some((Among::Volatile, Order::Idle)),
            Self::VolatileLfu => Some((Among::Volatile, Order::Rare)),
            Self::VolatileRandom => Some((Among::Volatile, Order::Chance)),
            Self::VolatileTtl => Some((Among::Volatile, Order::Soon)),
        }
    }
}

#[derive(Debug)]
struct Candidate {
    /// The higher, the sooner it goes.
    score: u64,
    database: usize,
    key: Vec<u8>,
}

/// The pool of candidates of one shard.
#[derive(Debug, Default)]
pub struct Evictor {
    /// Sorted, the best last.
    pool: Vec<Candidate>,
    /// What the pool is sorted by.
    policy: Policy,
    next_database: usize,
}

impl Evictor {
    /// The database and key that shall go next, or `None` when the policy
    /// lets none go. The key is there; the caller removes it. `samples` is
    /// `maxmemory-samples`.
    pub fn pick(
        &mut self,
        policy: Policy,
        keyspace: &Keyspace,
        clock: &Clock,
        samples: usize,
        random: &mut Random,
    ) -> Option<(usize, Vec<u8>)> {
        let (among, order) = policy.rule()?;
        if self.policy != policy {
            self.pool.clear();
            self.policy = policy;
        }
        let held = |index: usize| match among {
            Among::All => keyspace.db(index).len(),
            Among::Volatile => keyspace.db(index).expires_len(),
        };
        if (0..keyspace.databases()).all(|index| held(index) == 0) {
            return None;
        }
        for _ in 0..ROUNDS_MAX {
            let picked = match order {
                Order::Chance => self.draw(keyspace, among, clock, random),
                Order::Idle | Order::Rare | Order::Soon => {
                    self.gather(keyspace, (among, order), clock, samples, random);
                    self.pop_present(keyspace, among, clock)
                }
            };
            if picked.is_some() {
                return picked;
            }
        }
        None
    }

    /// A key of the next database that has one, by chance.
    fn draw(
        &mut self,
        keyspace: &Keyspace,
        among: Among,
        clock: &Clock,
        random: &mut Random,
    ) -> Option<(usize, Vec<u8>)> {
        for _ in 0..keyspace.databases() {
            let index = self.next_database % keyspace.databases();
            self.next_database = index + 1;
            let mut drawn = None;
            let database = keyspace.db(index);
            database.sample(random, 1, among, clock, |found| {
                drawn = Some((index, found.key().to_vec()));
            });
            if drawn.is_some() {
                return drawn;
            }
        }
        None
    }

    /// Draws from every database, and keeps the best in the pool.
    fn gather(
        &mut self,
        keyspace: &Keyspace,
        (among, order): (Among, Order),
        clock: &Clock,
        samples: usize,
        random: &mut Random,
    ) {
        for database in 0..keyspace.databases() {
            keyspace
                .db(database)
                .sample(random, samples, among, clock, |found| {
                    self.offer(score(found, order, clock), database, found.key());
                });
        }
    }

    fn offer(&mut self, score: u64, database: usize, key: &[u8]) {
        let is_known = |waiting: &Candidate| waiting.database == database && waiting.key == key;
        if let Some(known) = self.pool.iter().position(is_known) {
            self.pool.remove(known);
        }
        let at = self.pool.partition_point(|waiting| waiting.score < score);
        if self.pool.len() == POOL {
            if at == 0 {
                return;
            }
            self.pool.remove(0);
        }
        let at = self.pool.partition_point(|waiting| waiting.score < score);
        let candidate = Candidate {
            score,
            database,
            key: key.to_vec(),
        };
        self.pool.insert(at, candidate);
    }

    /// The best candidate that is still there.
    fn pop_present(
        &mut self,
        keyspace: &Keyspace,
        among: Among,
        clock: &Clock,
    ) -> Option<(usize, Vec<u8>)> {
        while let Some(Candidate { database, key, .. }) = self.pool.pop() {
            let hashed: Key<'_> = keyspace.key(&key);
            let found = keyspace.db(database).peek(hashed, clock.now);
            let is_meant = |found: Found<'_>| among == Among::All || found.deadline().is_some();
            if found.is_some_and(is_meant) {
                return Some((database, key));
            }
        }
        None
    }
}

fn score(found: &Found<'_>, order: Order, clock: &Clock) -> u64 {
    match order {
        Order::Idle => found.idle_ms(clock.now),
        Order::Rare => {
            let decay_minutes = match clock.touch {
                Touch::Lfu { decay_minutes, .. } => decay_minutes,
                Touch::Leave | Touch::Lru | Touch::As(_) => 1,
            };
            u64::from(u8::MAX - found.frequency(clock.now, decay_minutes))
        }
        Order::Soon => u64::MAX - found.deadline().unwrap_or(u64::MAX),
        Order::Chance => 0,
    }
}
