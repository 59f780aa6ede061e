//! Time: expiry, eviction, idle clients, and what is counted now and then.
//!
//! Background work is budgeted in microseconds. Expiry runs in slices between
//! turns, so a flood of keys expiring at once costs a quarter of the core and
//! never one long pause.

use std::time::Duration;

use crate::command::{Entry, Wish};
use crate::config;
use crate::keyspace::{Evictor, ExpireCursor, Policy, Touch};
use crate::memory::used_memory;
use crate::resp::Refusal;
use crate::session::Stage;
use crate::spec::Flags;

use super::core::{Core, Work};
use super::letter::Letter;

/// Between ticks with deadlines set in the keyspace; without any it is longer.
const TICK_MS: u64 = 100;
const IDLE_TICK_MS: u64 = 400;

/// One slice of expiry, and the part of the core's time slices may take.
const SLICE_NS: u64 = 250_000;
const SLICE_REST: u64 = 3;

/// Buckets walked between two looks at the clock.
const BUCKETS_PER_STEP: usize = 64;

/// Buckets walked per database and tick when little expires: 100 µs or so.
const BUCKETS_PER_TICK: usize = 2048;

/// More than this part of the deadlines met were due: go on at once.
const STALE_PERCENT: usize = 10;

/// One command's share of eviction.
const EVICTION_NS: u64 = 500_000;

/// A client that sends no more may take this long to read its last replies.
const ENDED_MAX_MS: u64 = 60_000;

/// When what is due.
#[derive(Default)]
pub(super) struct Pace {
    tick_at_ms: u64,
    second_at_ms: u64,
    /// Expiry found many due keys and goes on at this stopwatch time.
    slice_at_ns: Option<u64>,
    cursors: Vec<ExpireCursor>,
    evictor: Evictor,
    /// Listeners whose accept ended, one bit each.
    pub(super) rearm_listeners: u64,
}

impl Core {
    /// Listens again where accepting ended for want of something.
    pub(super) fn rearm_listeners(&mut self) {
        let ended = std::mem::take(&mut self.work.pace.rearm_listeners);
        for index in (0..64).filter(|index| ended >> index & 1 == 1) {
            let descriptor = self.work.listeners[index].descriptor();
            let token = crate::runtime::core::Token::new(index as u32, 0);
            self.ring.accept(descriptor, token);
        }
    }
}

impl Work {
    /// How long this core may sleep.
    pub(super) fn until_tick(&self) -> Duration {
        let tick =
            Duration::from_millis(self.pace.tick_at_ms.saturating_sub(self.clock.now).max(1));
        match self.pace.slice_at_ns {
            Some(at) => tick.min(Duration::from_nanos(
                at.saturating_sub(self.watch.ns()).max(1000),
            )),
            None => tick,
        }
    }

    /// Everything that is due now.
    pub(super) fn background(&mut self) {
        let now = self.clock.now;
        if now >= self.pace.tick_at_ms {
            self.tick();
        }
        if let Some(discarded) = self.discarded.last_mut()
            && !discarded.free_step(BUCKETS_PER_STEP)
        {
            self.discarded.pop();
        }
        if let Some(at) = self.pace.slice_at_ns
            && self.watch.ns() >= at
        {
            self.expire_slice();
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now;
        let has_deadlines = self.has_deadlines();
        self.pace.tick_at_ms = now + if has_deadlines { TICK_MS } else { IDLE_TICK_MS };
        if has_deadlines && self.local.active_expire {
            self.expire_slice();
        }
        if self.local.pause.is_some_and(|pause| pause.until_ms <= now) {
            self.end_pause();
        }
        self.sample(now);
        if now >= self.pace.second_at_ms {
            self.pace.second_at_ms = now + 1000;
            self.look_at_sessions();
            self.relieve_memory();
        }
    }

    /// What INFO and the other cores read of this one.
    fn sample(&mut self, now_ms: u64) {
        let now_us = now_ms * 1000;
        let count = &self.local.counters[self.local.core];
        let rates = &mut self.local.rates;
        rates
            .commands
            .sample(now_us, count.commands_processed.read());
        rates
            .input_bytes
            .sample(now_us, count.net_input_bytes.read());
        rates
            .output_bytes
            .sample(now_us, count.net_output_bytes.read());
        let Some(keyspace) = self.vault.at_home() else {
            return;
        };
        let (mut keys, mut with_ttl) = (0, 0);
        for index in 0..keyspace.databases() {
            let database = keyspace.db(index);
            keys += database.len() as u64;
            with_ttl += database.expires_len() as u64;
        }
        count.keys.set(keys);
        count.keys_with_ttl.set(with_ttl);
        let held = used_memory() as u64;
        if count.memory_startup_bytes.read() == 0 {
            count.memory_startup_bytes.set(held);
        }
        let peak = count.memory_peak_bytes.read().max(held);
        count.memory_peak_bytes.set(peak);
        self.local.count_expired(keyspace);
    }

    fn has_deadlines(&mut self) -> bool {
        let Some(keyspace) = self.vault.at_home() else {
            return true;
        };
        (0..keyspace.databases()).any(|index| keyspace.db(index).expires_len() > 0)
    }

    /// Walks for due keys for one slice of time.
    fn expire_slice(&mut self) {
        let clock = self.clock_for(true);
        let started = self.watch.ns();
        let mut is_stale = false;
        let Some(keyspace) = self.vault.at_home() else {
            return;
        };
        let databases = keyspace.databases();
        self.pace
            .cursors
            .resize_with(databases, ExpireCursor::default);
        for index in 0..databases {
            let database = keyspace.db_mut(index);
            let mut walked = 0;
            let (mut met, mut due) = (0, 0);
            while database.expires_len() > 0 && self.watch.ns() - started < SLICE_NS {
                let cursor = &mut self.pace.cursors[index];
                let progress = database.expire_step(cursor, BUCKETS_PER_STEP, &clock, |_| {});
                walked += progress.buckets;
                met += progress.visited;
                due += progress.expired;
                let many_due = due * 100 > met * STALE_PERCENT;
                is_stale = many_due;
                if progress.is_round || (walked >= BUCKETS_PER_TICK && !many_due) {
                    break;
                }
            }
        }
        let took = self.watch.ns() - started;
        self.local.count().expire_ns.add(took);
        self.pace.slice_at_ns =
            is_stale.then(|| started + took + took.max(SLICE_NS / 4) * SLICE_REST);
    }

    /// Reads what the loop itself needs out of the settings.
    pub(super) fn read_settings(&mut self) {
        let live = &self.local.live;
        self.clock.touch = match live.maxmemory_policy {
            config::Policy::AllkeysLfu | config::Policy::VolatileLfu => Touch::Lfu {
                log_factor: live.lfu_log_factor,
                decay_minutes: live.lfu_decay_time,
            },
            _ => Touch::Lru,
        };
        let telemetry = &mut self.local.telemetry;
        telemetry.slow_log.set_max_len(live.slowlog_max_len);
        telemetry.commands.track(live.latency_tracking);
    }

    /// Refuses what may grow memory while it is above the limit and nothing
    /// can be evicted.
    pub(super) fn out_of_memory(&mut self, entry: &Entry) -> Option<Refusal> {
        let limit = self.local.live.maxmemory;
        if limit == 0 || used_memory() as u64 <= limit {
            return None;
        }
        let relieved = self.evict(limit);
        if relieved || !entry.flags().has(Flags::DENYOOM) {
            return None;
        }
        Some(Refusal::OUT_OF_MEMORY)
    }

    /// Keeps memory below the limit also while nobody writes.
    fn relieve_memory(&mut self) {
        let limit = self.local.live.maxmemory;
        if limit > 0 && used_memory() as u64 > limit {
            self.evict(limit);
        }
    }

    /// Evicts until memory is below the limit, or this command's share of time
    /// is spent; `false` when nothing can be evicted here.
    fn evict(&mut self, limit: u64) -> bool {
        let policy = eviction_policy(self.local.live.maxmemory_policy);
        let samples = self.local.live.maxmemory_samples as usize;
        let clock = self.clock_for(true);
        let started = self.watch.ns();
        let mut evicted = 0;
        let Some(keyspace) = self.vault.at_home() else {
            return true;
        };
        let relieved = loop {
            if used_memory() as u64 <= limit || self.watch.ns() - started > EVICTION_NS {
                break true;
            }
            let random = &mut self.local.random;
            let evictor = &mut self.pace.evictor;
            let Some((index, bytes)) = evictor.pick(policy, keyspace, &clock, samples, random)
            else {
                break false;
            };
            let key = keyspace.key(&bytes);
            let (slot, hash) = (key.slot, key.hash);
            let key = crate::keyspace::Key {
                bytes: &bytes,
                slot,
                hash,
            };
            if keyspace.db_mut(index).remove(key, &clock) {
                evicted += 1;
            }
        };
        self.local.count().evicted_keys.add(evicted);
        relieved
    }

    /// Once a second: idle clients go, and idle buffers shrink.
    fn look_at_sessions(&mut self) {
        let now = self.clock.now;
        let timeout_ms = u64::from(self.local.live.timeout_s) * 1000;
        let mut late = Vec::new();
        let mut slow = Vec::new();
        let (mut query_bytes, mut output_bytes) = (0, 0);
        for (id, session) in self.local.roster.iter_mut() {
            let idle_ms = now.saturating_sub(session.client.active_ms);
            let connection = self.connections[id.index as usize].as_ref();
            let has_ended = connection.is_some_and(|connection| connection.has_ended);
            if timeout_ms > 0 && idle_ms > timeout_ms && !session.client.is_monitor
                || has_ended && session.stage != Stage::Waiting && idle_ms > ENDED_MAX_MS
            {
                late.push(id);
            }
            query_bytes += session.inbox.capacity() as u64;
            output_bytes += session.outbox.footprint() as u64;
            if session.outbox.pending() > 0 {
                slow.push(id);
            } else if idle_ms > 2000 {
                session.outbox.shrink();
                if session.inbox.is_empty() {
                    session.inbox = Vec::new();
                }
            }
        }
        let count = self.local.count();
        count.query_buffer_bytes.set(query_bytes);
        count.output_buffer_bytes.set(output_bytes);
        self.condemned.extend(late);
        for id in slow {
            self.check_output(id);
        }
    }

    /// Lets the sessions go on that a pause held back.
    fn end_pause(&mut self) {
        self.local.pause = None;
        for id in std::mem::take(&mut self.paused) {
            self.resume(id);
        }
    }

    /// Asks the control core to stop the node.
    fn ask_to_stop(&mut self) {
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Stop);
    }

    /// Does what handlers asked for.
    pub(super) fn grant_wishes(&mut self) {
        for wish in std::mem::take(&mut self.local.wishes) {
            match wish {
                Wish::Shutdown => self.ask_to_stop(),
                Wish::Close(id) => self.condemned.push(id),
                Wish::EndPause => self.end_pause(),
                Wish::Sleep(ns) => std::thread::sleep(Duration::from_nanos(ns)),
                Wish::Crash => std::process::abort(),
            }
        }
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
