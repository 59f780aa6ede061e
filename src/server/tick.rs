//! Time: what is due in a turn, what a tick does, and what is counted now and
//! then.
//!
//! Background work is budgeted in microseconds, so that no turn is long.

use std::time::Duration;

use crate::command::{Wish, noted};
use crate::config;
use crate::keyspace::Touch;
use crate::memory::used_memory;
use crate::runtime::signal;
use crate::script::LogLevel;
use crate::session::{Inbox, SessionId, Stage};

use super::core::Work;
use super::expiry::Expiry;
use super::letter::Letter;
use super::relief::Relief;

/// Between ticks with nothing to look after.
const IDLE_TICK_MS: u64 = 400;

/// A client that sends no more may take this long to read its last replies.
const ENDED_MAX_MS: u64 = 60_000;

/// When what is due.
#[derive(Default)]
pub(super) struct Pace {
    tick_at_ms: u64,
    second_at_ms: u64,
    pub(super) expiry: Expiry,
    pub(super) relief: Relief,
    /// Large values that no key holds any more may be left to free.
    pub(super) frees_go_on: bool,
    /// The walk of a snapshot is not over, and need not wait.
    pub(super) walk_goes_on: bool,
    /// It is not over.
    pub(super) is_walking: bool,
    /// Who would write, and waits since the walk's writer is far behind.
    pub(super) slowed: Vec<SessionId>,
    /// All data was thrown away by who has the shards in hand.
    pub(super) is_emptied: bool,
}

/// What reads leave behind, by the policy of eviction.
pub(super) fn touch_of(live: &config::Live) -> Touch {
    if live.maxmemory_policy.is_lfu() {
        Touch::Lfu {
            log_factor: live.lfu_log_factor,
            decay_minutes: live.lfu_decay_time,
        }
    } else {
        Touch::Lru
    }
}

impl Work {
    /// How long this core may sleep.
    pub(super) fn until_tick(&self) -> Duration {
        let mut due_ms = self.pace.tick_at_ms;
        if let Some(pause) = self.local.pause {
            due_ms = due_ms.min(pause.until_ms);
        }
        if let Some(((until_ms, _), _)) = self.timers.first_key_value() {
            due_ms = due_ms.min(*until_ms);
        }
        if let Some(rearm_at_ms) = self.listeners.due_ms() {
            due_ms = due_ms.min(rearm_at_ms);
        }
        if self.recording.has_slowed() {
            // Whether there is room again is asked, not told.
            due_ms = due_ms.min(self.clock.now + 1);
        }
        let tick = Duration::from_millis(due_ms.saturating_sub(self.clock.now).max(1));
        match self.pace.expiry.goes_on_at_ns {
            Some(at) => tick.min(Duration::from_nanos(
                at.saturating_sub(self.watch.ns()).max(1000),
            )),
            None => tick,
        }
    }

    /// Everything that is due now.
    pub(super) fn background(&mut self) {
        let now = self.clock.now;
        if self.local.pause.is_some_and(|pause| pause.until_ms <= now) {
            self.end_pause();
        }
        if now >= self.pace.tick_at_ms {
            self.tick();
        }
        self.end_late_waits();
        self.advance_obeyed();
        if self.vault.has_ready() {
            // Touched by no command, or to be looked at again.
            self.begin_lap();
            self.serve_ready(None);
            self.post_outgoing();
        }
        self.free_discarded();
        self.walk_slice();
        self.resume_slowed_by_snapshot();
        if self.local.live.maxmemory > 0 {
            // The others go by these, and memory may fill within a tick.
            self.publish_sizes();
        }
        if self.pace.relief.goes_on || self.is_over_memory() {
            self.relieve_memory();
        }
        if let Some(at) = self.pace.expiry.goes_on_at_ns
            && !self.local.live.is_replica()
            && self.watch.ns() >= at
        {
            self.expire_slice();
        }
    }

    fn tick(&mut self) {
        let now = self.clock.now;
        let has_deadlines = self.has_deadlines();
        self.pace.tick_at_ms = now + self.tick_ms(has_deadlines);
        // Nothing changes by itself while clients are paused, and at a replica only what
        // its own clients have written.
        let is_replica = self.local.live.is_replica();
        let expires = has_deadlines && self.local.active_expire && !self.local.is_paused();
        if expires && !is_replica {
            self.expire_slice();
        } else {
            self.pace.expiry.goes_on_at_ns = None;
            self.note_stale_share(0, 0);
            if expires {
                self.expire_own();
            }
        }
        self.sample(now);
        self.pace.frees_go_on = true;
        self.relieve_memory();
        self.weigh_all();
        self.relieve_clients();
        if now >= self.pace.second_at_ms {
            self.pace.second_at_ms = now + 1000;
            self.look_at_save_points();
            self.look_at_sessions();
            self.look_at_loans();
        }
    }

    /// Until the next tick: by `hz` while there are deadlines or memory limits
    /// to look after.
    fn tick_ms(&self, has_deadlines: bool) -> u64 {
        let live = &self.local.live;
        if has_deadlines || live.maxmemory > 0 || live.maxmemory_clients > 0 {
            (1000 / u64::from(live.hz.max(1))).clamp(10, 1000)
        } else {
            IDLE_TICK_MS
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
        self.publish_sizes();
        let count = self.local.count();
        let held = used_memory() as u64;
        if count.memory_startup_bytes.read() == 0 {
            count.memory_startup_bytes.set(held);
        }
        let peak = count.memory_peak_bytes.read().max(held);
        count.memory_peak_bytes.set(peak);
        if let Some(keyspace) = self.vault.keyspace() {
            self.local.count_expired(keyspace);
        }
    }

    /// How many keys this core holds, for the other cores.
    pub(super) fn publish_sizes(&mut self) {
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        let (mut keys, mut with_ttl, mut own) = (0, 0, 0);
        for index in 0..keyspace.databases() {
            let database = keyspace.db(index);
            keys += database.len() as u64;
            with_ttl += database.expires_len() as u64;
            own += database.own_len() as u64;
        }
        let count = self.local.count();
        count.keys.set(keys);
        count.keys_with_ttl.set(with_ttl);
        count.own_deadlines.set(own);
    }

    fn has_deadlines(&mut self) -> bool {
        let Some(keyspace) = self.vault.keyspace() else {
            return true;
        };
        (0..keyspace.databases())
            .map(|index| keyspace.db(index))
            .any(|database| database.expires_len() > 0 || database.listed_len() > 0)
    }

    /// Reads what the loop itself needs out of the settings.
    pub(super) fn read_settings(&mut self) {
        let live = &self.local.live;
        self.clock.touch = touch_of(live);
        let telemetry = &mut self.local.telemetry;
        telemetry.slow_log.set_max_len(live.slowlog_max_len);
        telemetry.commands.track(live.latency_tracking);
        if let Some(shard) = self.vault.at_home() {
            let is_recorded = shard.recorded_by != 0;
            shard
                .keyspace
                .note(noted(self.local.live.events, is_recorded));
        }
        self.recording.waits_for_disk = live.aof_always;
        self.read_clients_limit();
    }

    /// Once a second: idle clients go, and idle buffers shrink.
    fn look_at_sessions(&mut self) {
        let now = self.clock.now;
        let timeout_ms = u64::from(self.local.live.timeout_s) * 1000;
        let buffers_idle_ms = self.local.buffers_idle_ms;
        let mut late = Vec::new();
        let mut slow = Vec::new();
        let (mut query_bytes, mut output_bytes) = (0, 0);
        for (id, session) in self.local.roster.iter_mut() {
            let idle_ms = now.saturating_sub(session.client.active_ms);
            let connection = self.connections[id.index as usize].as_ref();
            let has_ended = connection.is_some_and(|connection| connection.has_ended);
            let only_listens = session.client.is_monitor
                || session.client.subscribed.to_any()
                || session.client.is_obeyed()
                || session.client.is_replica;
            if timeout_ms > 0 && idle_ms > timeout_ms && !only_listens && session.blocked.is_none()
                || has_ended && session.stage != Stage::Waiting && idle_ms > ENDED_MAX_MS
            {
                late.push(id);
            }
            query_bytes += session.inbox.capacity() as u64;
            output_bytes += session.outbox.footprint() as u64;
            if session.outbox.pending() > 0 {
                slow.push(id);
            } else if buffers_idle_ms.is_some_and(|limit_ms| idle_ms > limit_ms) {
                session.outbox.shrink();
                if session.inbox.is_empty() {
                    session.inbox = Inbox::default();
                }
            }
        }
        let count = self.local.count();
        count.query_buffer_bytes.set(query_bytes);
        count.output_buffer_bytes.set(output_bytes);
        self.condemned.extend(late);
        for id in slow {
            self.close_if_overfed(id);
        }
    }

    /// The pause of CLIENT PAUSE is over.
    fn end_pause(&mut self) {
        self.local.pause = None;
        self.resume_paused();
    }

    /// Lets the sessions go on that a pause held back; what still holds them back does
    /// so again.
    pub(super) fn resume_paused(&mut self) {
        for id in std::mem::take(&mut self.paused) {
            self.resume(id);
        }
        self.count_blocked();
    }

    /// DEBUG SLEEP: nobody hears anything of this node meanwhile, its replicas and its
    /// primary neither.
    fn sleep(&mut self, ns: u64) {
        if self.local.core == 0 {
            let control = self.local.placement.cores();
            self.post.post(control, Letter::Sleep(ns));
            self.recording.wake_control();
        }
        std::thread::sleep(Duration::from_nanos(ns));
    }

    /// Does what handlers asked for.
    pub(super) fn grant_wishes(&mut self) {
        for wish in std::mem::take(&mut self.local.wishes) {
            match wish {
                Wish::Close(id) => self.condemned.push(id),
                Wish::Forget(observer) => self.forget_everywhere(observer, 0),
                Wish::Unblock { session, error } => self.end_unblocked(session, error),
                Wish::EndWait { session, error } => self.give_up_wait(session, error),
                Wish::MonitorLeft => self.monitor_left(),
                Wish::EndPause => self.end_pause(),
                Wish::Publish { publication, cores } => self.publish(&publication, cores),
                Wish::Replicate {
                    session,
                    resume,
                    fails_over,
                } => self.begin_leaving(session, resume, fails_over),
                Wish::TellReplicas(words) => self.tell_replicas(words),
                Wish::Tell(event) => self.publish_event(&event),
                Wish::Log(line) => self.log_of_script(LogLevel::Warning, line),
                Wish::Segfault => signal::segfault(),
                Wish::Sleep(ns) => self.sleep(ns),
            }
        }
    }
}
