//! Memory limits: evicting keys for `maxmemory`, and refusing what would grow it.
//!
//! Every core evicts from its own shard, before a command and on until memory
//! is below the limit. A core with little or nothing to evict asks the others
//! to, and goes on until memory is above the limit by more than the grace; it
//! refuses only when nothing at all can be evicted.

use crate::command::{Entry, Event};
use crate::config::{self, EventClass};
use crate::keyspace::Discarded;
use crate::keyspace::{Evictor, Key, Policy};
use crate::memory::used_memory;
use crate::resp::Refusal;
use crate::spec::Flags;

use super::core::Work;
use super::letter::Letter;
use super::weight::heaviest;

/// Keys evicted between two looks at the clock.
const KEYS_PER_LOOK: usize = 8;

/// Buckets of a cleared database freed between two looks at memory.
const BUCKETS_PER_STEP: usize = 4;

/// Allocations of removed values freed between two looks at memory.
const FREES_PER_STEP: usize = 16;

/// Such steps in a turn.
const STEPS_PER_TURN: usize = 32;

/// Nanoseconds after which a turn makes no further step: the last frees of a
/// value may give back a page of memory each, at 20 µs.
const FREEING_NS: u64 = 150_000;

/// One part in so many of `maxmemory` may be exceeded while others evict and
/// this core has something to evict, too.
const GRACE: u64 = 32;

/// The same when it has nothing, and the others may be busy.
const LAST_GRACE: u64 = 8;

/// Between two requests to the other cores to evict.
const ASK_AGAIN_NS: u64 = 20_000;

/// Where eviction stands.
#[derive(Default)]
pub(super) struct Relief {
    evictor: Evictor,
    /// Time ran out before memory was below the limit: go on in the next turn.
    pub(super) goes_on: bool,
    /// When the other cores were last asked to evict, by the stopwatch.
    asked_at_ns: Option<u64>,
}

/// How eviction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evicted {
    /// Memory is below the limit.
    Enough,
    /// The time is spent.
    OutOfTime,
    /// Nothing more can be evicted here.
    Everything,
}

/// The longest eviction may hold up one command: `maxmemory-eviction-tenacity`
/// as stock documents it, 50 µs a step up to 10, then 15 % more with each, and
/// without end at 100.
fn budget_ns(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => u64::from(tenacity) * 50_000,
        11..=99 => (500_000.0 * 1.15_f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

impl Work {
    /// What the limit is held against: memory, but for what replicas that are behind
    /// have kept. To evict for them would only give them more to take.
    fn evictable_from(&self) -> u64 {
        let used = used_memory() as u64;
        used.saturating_sub(self.local.replication.excess_bytes.read())
    }

    /// Refuses what may grow memory while it is above the limit and nothing
    /// can be evicted.
    pub(super) fn out_of_memory(&mut self, entry: &Entry) -> Option<Refusal> {
        self.out_of_memory_for_growth(entry.flags().has(Flags::DENYOOM))
    }

    /// The same for what grows memory or does not.
    pub(super) fn out_of_memory_for_growth(&mut self, grows: bool) -> Option<Refusal> {
        let limit = self.local.live.maxmemory;
        if limit == 0 || self.evictable_from() <= limit {
            return None;
        }
        if self.is_lean() && self.others_relieve(limit + limit / GRACE) {
            return None;
        }
        let evicted = self.evict(limit);
        let is_refused = evicted == Evicted::Everything
            && grows
            && !self.others_relieve(limit + limit / LAST_GRACE);
        is_refused.then_some(Refusal::OUT_OF_MEMORY)
    }

    /// Whether this core has so few keys to evict, beside the others, that
    /// theirs should go: else it would throw out what it has just stored.
    fn is_lean(&self) -> bool {
        let cores = self.local.placement.cores();
        let all: u64 = (0..cores).map(|core| self.evictable_on(core)).sum();
        self.evictable_on(self.local.core) * 2 * (cores as u64) < all
    }

    /// Leaves eviction to the others, if memory is within `bound` until they
    /// have done it and they have something to evict.
    fn others_relieve(&mut self, bound: u64) -> bool {
        self.evictable_from() <= bound && self.ask_for_relief()
    }

    /// Keeps memory below the limit also while nobody writes here.
    pub(super) fn relieve_memory(&mut self) {
        self.pace.relief.goes_on = false;
        let limit = self.local.live.maxmemory;
        // What went now would be missing where this node hands over to.
        let may_evict = limit > 0 && !self.local.live.holds_writes;
        if may_evict && self.evictable_from() > limit {
            self.evict(limit);
        }
    }

    /// Whether keys of this core should go before the next tick: what clients
    /// send and do not read may grow faster than that. What is held for a moment
    /// only, such as settings on their way, is within the grace.
    pub(super) fn is_over_memory(&self) -> bool {
        let limit = self.local.live.maxmemory;
        limit > 0
            && self.evictable_from() > limit + limit / GRACE
            && self.evictable_on(self.local.core) > 0
            && !self.is_lean()
    }

    /// Evicts until memory is below the limit or the time is spent.
    fn evict(&mut self, limit: u64) -> Evicted {
        if self.vault.keyspace().is_none() {
            // It is lent: go on when it is back, unless that promises nothing.
            let any = (0..self.local.placement.cores()).any(|core| self.evictable_on(core) > 0);
            self.pace.relief.goes_on = any;
            return if any {
                Evicted::OutOfTime
            } else {
                Evicted::Everything
            };
        }
        let started = self.watch.ns();
        // Clients that hold more than they may go before keys do.
        let clients_limit = self.local.live.maxmemory_clients;
        if clients_limit > 0 {
            self.settle_clients();
            if heaviest(&self.local.counters, clients_limit).is_some() {
                self.pace.relief.goes_on = true;
                return Evicted::OutOfTime;
            }
        }
        let until = started.saturating_add(budget_ns(self.local.live.maxmemory_eviction_tenacity));
        let mut evicted = 0;
        let end = loop {
            if self.evictable_from() <= limit {
                break Evicted::Enough;
            }
            if evicted % KEYS_PER_LOOK == KEYS_PER_LOOK - 1 && self.watch.ns() >= until {
                break Evicted::OutOfTime;
            }
            if !self.free_discarded() && !self.evict_one() {
                break Evicted::Everything;
            }
            evicted += 1;
        };
        self.pace.relief.goes_on = end == Evicted::OutOfTime;
        let took = self.watch.ns() - started;
        self.note_latency("eviction-cycle", took);
        end
    }

    /// Frees some of what was cleared, which no key need go for.
    pub(super) fn free_discarded(&mut self) -> bool {
        let mut all = self.discarded.iter();
        let Some(at) = all.rposition(Discarded::may_be_freed) else {
            return self.pace.frees_go_on && self.free_remains();
        };
        let discarded = &mut self.discarded[at];
        let before = discarded.unfreed();
        let goes_on = discarded.free_step(BUCKETS_PER_STEP);
        let freed = before - discarded.unfreed();
        if !goes_on {
            drop(self.discarded.swap_remove(at));
        }
        self.local.count().values_discarded.take(freed);
        self.local.count().values_freed.add(freed);
        true
    }

    /// Frees some of the large values that no key holds any more.
    fn free_remains(&mut self) -> bool {
        let Some(keyspace) = self.vault.keyspace() else {
            self.pace.frees_go_on = false;
            return false;
        };
        let before = keyspace.unfreed();
        let until = self.watch.ns() + FREEING_NS;
        let watch = self.watch;
        for _ in 0..STEPS_PER_TURN {
            self.pace.frees_go_on = keyspace.free_step(FREES_PER_STEP);
            if !self.pace.frees_go_on || watch.ns() >= until {
                break;
            }
        }
        let freed = before - keyspace.unfreed();
        self.local.count().values_freed.add(freed as u64);
        self.pace.frees_go_on
    }

    /// Removes the key that shall go next; `false` when the policy lets none.
    fn evict_one(&mut self) -> bool {
        let policy = eviction_policy(self.local.live.maxmemory_policy);
        let samples = self.local.live.maxmemory_samples as usize;
        let clock = self.clock;
        let Some(shard) = self.vault.at_home() else {
            return false;
        };
        let keyspace = &mut shard.keyspace;
        let random = &mut self.local.random;
        let evictor = &mut self.pace.relief.evictor;
        let Some((index, bytes)) = evictor.pick(policy, keyspace, &clock, samples, random) else {
            return false;
        };
        let Key { slot, hash, .. } = keyspace.key(&bytes);
        let key = Key {
            bytes: &bytes,
            slot,
            hash,
        };
        let is_timed = self.local.live.latency_monitor_threshold > 0;
        let began = if is_timed { self.watch.ns() } else { 0 };
        let is_gone = keyspace.db_mut(index).remove(key, &clock);
        let lanes = shard.recorded_by;
        if is_gone {
            self.local.count().evicted_keys.add(1);
            shard.observers.touch(index, &key);
        }
        if is_timed {
            let took = self.watch.ns() - began;
            self.note_latency("eviction-del", took);
        }
        if is_gone {
            self.record_eviction(lanes, index, &bytes);
            self.publish_event(&Event {
                database: index,
                class: EventClass::Evicted,
                name: "evicted",
                key: bytes.into(),
            });
        }
        true
    }

    /// Keys of a core that the policy lets go, as its last tick counted them.
    fn evictable_on(&self, core: usize) -> u64 {
        let count = &self.local.counters[core];
        match self.local.live.maxmemory_policy {
            config::Policy::NoEviction => 0,
            config::Policy::AllkeysLru
            | config::Policy::AllkeysLfu
            | config::Policy::AllkeysRandom => count.keys.read(),
            config::Policy::VolatileLru
            | config::Policy::VolatileLfu
            | config::Policy::VolatileRandom
            | config::Policy::VolatileTtl => count.keys_with_ttl.read(),
        }
    }

    /// Asks the other cores that hold something evictable to evict; `false`
    /// when none does.
    fn ask_for_relief(&mut self) -> bool {
        let me = self.local.core;
        let now = self.watch.ns();
        let is_due = |asked: u64| now.saturating_sub(asked) >= ASK_AGAIN_NS;
        let asks = self.pace.relief.asked_at_ns.is_none_or(is_due);
        let mut any = false;
        for core in self.local.placement.others(me) {
            if self.evictable_on(core) > 0 {
                any = true;
                if asks {
                    self.pace.relief.asked_at_ns = Some(now);
                    self.post.post(core, Letter::Relieve);
                }
            }
        }
        any
    }
}

/// The keyspace knows no settings: its own name for a policy.
fn eviction_policy(policy: config::Policy) -> Policy {
    match policy {
        config::Policy::VolatileLru => Policy::VolatileLru,
        config::Policy::VolatileLfu => Policy::VolatileLfu,
        config::Policy::VolatileRandom => Policy::VolatileRandom,
        config::Policy::VolatileTtl => Policy::VolatileTtl,
        config::Policy::AllkeysLru => Policy::AllkeysLru,
        config::Policy::AllkeysLfu => Policy::AllkeysLfu,
        config::Policy::AllkeysRandom => Policy::AllkeysRandom,
        config::Policy::NoEviction => Policy::NoEviction,
    }
}

#[cfg(test)]
mod tests {
    use super::budget_ns;

    #[test]
    fn tenacity_grows_from_nothing_to_no_end() {
        assert_eq!(budget_ns(0), 0);
        assert_eq!(budget_ns(1), 50_000);
        assert_eq!(budget_ns(10), 500_000);
        assert_eq!(budget_ns(11), 575_000);
        assert!((11..100).all(|step| budget_ns(step) > budget_ns(step - 1)));
        // Two minutes, then for ever.
        assert!(budget_ns(99) > 100_000_000_000 && budget_ns(99) < 150_000_000_000);
        assert_eq!(budget_ns(100), u64::MAX);
    }
}
