//! What a command leaves behind in the books: statistics, slow log, MONITOR.

use bytes::Bytes;

use crate::command::{Entry, Scene, shown_words};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::session::SessionId;
use crate::spec::Flags;
use crate::telemetry::{Cell, Counters, SlowCommand};

use super::core::Work;
use super::letter::Letter;
use super::log::Log;

impl Work {
    /// Books a finished command of one of this core's sessions.
    pub(super) fn account(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
        took_ns: u64,
        refusal: Option<&Refusal>,
    ) {
        self.count_call(entry, took_ns, refusal);
        self.log_slow(id, entry, args, took_ns);
        self.feed_call(id, entry, args);
    }

    /// Shows a command of one of this core's sessions to MONITOR clients.
    pub(super) fn feed_call(&mut self, id: SessionId, entry: &Entry, args: Args<'_>) {
        if self.local.monitored != 0
            && let Some(session) = self.local.roster.find(id)
        {
            let database = session.client.database;
            self.feed(id, database, entry, args);
        }
    }

    /// Counts a command that ran on this core.
    pub(super) fn count_call(&mut self, entry: &Entry, took_ns: u64, refusal: Option<&Refusal>) {
        self.local.count().commands_processed.add(1);
        let commands = &mut self.local.telemetry.commands;
        commands.record(usize::from(entry.index), took_ns, refusal.is_some());
        if let Some(refusal) = refusal {
            self.count_error(refusal);
            if let Refusal::Damaged(check) = refusal {
                // Somebody's data is damaged, or somebody tries something. Who is refused
                // may look at once, so the line does not go by way of the control core.
                let line = format!("Internal error in RDB of a RESTORE: {check}");
                Log::of(&self.local.settings).warning(&line);
            }
        }
    }

    /// Counts a command that was refused before it ran.
    pub(super) fn count_rejected(&mut self, entry: Option<&Entry>, refusal: &Refusal) {
        if let Some(entry) = entry {
            let commands = &mut self.local.telemetry.commands;
            commands.record_rejected(usize::from(entry.index));
        }
        self.count_error(refusal);
    }

    /// Ends a session and counts why, once for a session.
    pub(super) fn condemn_counted(&mut self, id: SessionId, why: impl FnOnce(&Counters) -> &Cell) {
        if !self.condemned.contains(&id) {
            why(self.local.count()).add(1);
            self.condemned.push(id);
        }
    }

    fn count_error(&mut self, refusal: &Refusal) {
        let errors = &mut self.local.telemetry.errors;
        errors.record(refusal.text().as_bytes());
        self.local.count().error_replies.add(1);
    }

    /// Keeps a command that took too long.
    pub(super) fn log_slow(&mut self, id: SessionId, entry: &Entry, args: Args<'_>, took_ns: u64) {
        let took_us = (took_ns / 1000) as i64;
        let live = &self.local.live;
        let is_slow = live.slowlog_log_slower_than >= 0 && took_us >= live.slowlog_log_slower_than;
        let is_late = live.latency_monitor_threshold > 0
            && took_us as u64 / 1000 >= live.latency_monitor_threshold;
        if !is_slow && !is_late {
            return;
        }
        if is_late {
            let event = if entry.flags().has(Flags::FAST) {
                "fast-command"
            } else {
                "command"
            };
            self.note_latency(event, took_ns);
        }
        if !is_slow || entry.flags().has(Flags::SKIP_SLOWLOG) {
            return;
        }
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let words = shown_words(entry, args);
        self.local.telemetry.slow_log.record(SlowCommand {
            unix_time_s: (self.clock.now / 1000) as i64,
            duration_us: took_us as u64,
            arguments: &words,
            client_address: session.client.origin.address.as_bytes(),
            client_name: &session.client.name,
        });
    }

    /// Records an event that took at least `latency-monitor-threshold`.
    pub(super) fn note_latency(&mut self, event: &'static str, took_ns: u64) {
        let threshold_ms = self.local.live.latency_monitor_threshold;
        let took_ms = took_ns / 1_000_000;
        if threshold_ms > 0 && took_ms >= threshold_ms {
            let now_s = (self.clock.now / 1000) as i64;
            let latency = &mut self.local.telemetry.latency;
            latency.record(event, now_s, took_ms);
        }
    }

    /// Shows a command to every core that has MONITOR clients, unless its row
    /// hides it.
    pub(super) fn feed(&mut self, id: SessionId, database: usize, entry: &Entry, args: Args<'_>) {
        let hidden = entry.flags().has(Flags::SKIP_MONITOR) || entry.flags().has(Flags::ADMIN);
        if !hidden && let Some(address) = self.shown_address(id) {
            self.show(database, &address, entry, args);
        }
    }

    /// What MONITOR calls a client, if anybody monitors.
    pub(super) fn shown_address(&mut self, id: SessionId) -> Option<Box<str>> {
        let session = self.local.roster.find(id)?;
        (self.local.monitored != 0).then(|| session.client.origin.address.clone())
    }

    /// Shows a command whatever its row says. A script stands above what it
    /// calls, so it is shown before it runs and hidden afterwards.
    pub(super) fn show(&mut self, database: usize, address: &str, entry: &Entry, args: Args<'_>) {
        let now_us = crate::runtime::clock::unix_us();
        let words = shown_words(entry, args);
        self.feed_all(monitor_line(now_us, database, address, &words));
    }

    /// Gives a line to the MONITOR clients of all cores.
    fn feed_all(&mut self, line: Vec<u8>) {
        let line = Bytes::from(line);
        for core in 0..self.local.placement.cores() {
            if self.local.monitored >> core & 1 == 0 {
                continue;
            }
            if core == self.local.core {
                self.feed_monitors(&line);
            } else {
                self.post.post(core, Letter::Feed(line.clone()));
            }
        }
    }

    /// Shows a command that a script runs.
    pub(super) fn feed_script(&mut self, database: usize, entry: &Entry, args: Args<'_>) {
        let hidden = entry.flags().has(Flags::SKIP_MONITOR) || entry.flags().has(Flags::ADMIN);
        if self.local.monitored != 0 && !hidden {
            self.show(database, "lua", entry, args);
        }
    }

    /// Gives a line to this core's MONITOR clients.
    pub(super) fn feed_monitors(&mut self, line: &Bytes) {
        let mut fed = Vec::new();
        for (id, session) in self.local.roster.iter_mut() {
            if session.client.is_monitor {
                let mut out = session.outbox.begin();
                out.extend_from_slice(line);
                session.outbox.restore(out);
                fed.push(id);
            }
        }
        for id in fed {
            self.mark_dirty(id);
        }
    }

    /// A client of this core monitors no longer; after the last one the other
    /// cores are told.
    pub(super) fn monitor_left(&mut self) {
        let others = self.local.roster.iter();
        if others.into_iter().any(|(_, other)| other.client.is_monitor) {
            return;
        }
        let me = self.local.core;
        self.local.monitored &= !(1 << me);
        for core in self.local.placement.others(me) {
            self.post.post(core, Letter::Unmonitored);
        }
    }

    /// Makes a reply outside the session's outbox; `None` if the session is
    /// gone.
    pub(super) fn compose(
        &mut self,
        id: SessionId,
        write: impl FnOnce(&mut Scene<'_>, &mut Reply<'_>) -> Outcome,
    ) -> Option<(Vec<u8>, Option<Refusal>)> {
        let version = self.local.roster.find(id)?.client.version;
        let now_ms = self.clock.now;
        let mut out = Vec::new();
        let mut scene = Scene {
            local: &mut self.local,
            me: id,
            now_ms,
        };
        let outcome = write(&mut scene, &mut Reply::new(&mut out, version));
        super::serve::finish(&mut out, 0, version, &outcome);
        Some((out, outcome.err()))
    }
}

/// `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"` as a status reply.
fn monitor_line(now_us: u64, database: usize, address: &str, words: &[&[u8]]) -> Vec<u8> {
    let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
    let mut line = format!("+{seconds}.{micros:06} [{database} {address}]").into_bytes();
    for word in words {
        line.extend_from_slice(b" \"");
        for &byte in *word {
            quote(&mut line, byte);
        }
        line.push(b'"');
    }
    line.extend_from_slice(b"\r\n");
    line
}

fn quote(line: &mut Vec<u8>, byte: u8) {
    match byte {
        b'\\' | b'"' => line.extend_from_slice(&[b'\\', byte]),
        b'\n' => line.extend_from_slice(b"\\n"),
        b'\r' => line.extend_from_slice(b"\\r"),
        b'\t' => line.extend_from_slice(b"\\t"),
        7 => line.extend_from_slice(b"\\a"),
        8 => line.extend_from_slice(b"\\b"),
        b' '..=b'~' => line.push(byte),
        _ => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
    }
}
