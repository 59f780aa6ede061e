//! The thread that writes the append-only file: it puts what the cores recorded
//! in order, writes it, and syncs as `appendfsync` says.
//!
//! With `always` one sync stands for everything that came while the one before
//! went on, of all cores; `Reached` tells the cores how far it came, and they
//! let the replies go. Else nobody waits for this thread: it sleeps for a moment
//! after each write, so that one write takes what many turns left, and with `everysec`
//! another thread syncs, however long that takes.

use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::journal::{BaseForm, Manifest, Merged, Slice};
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::core::Bell;
use crate::runtime::ear::Ear;
use crate::server::log::Log;
use crate::server::recording::{FILE_CUT, FILE_LANE, Journal};
use crate::server::save::reason;
use crate::telemetry::Persistence;

use super::folder::Folder;
use super::increment::{Open, take_idle_base};
use super::restraint::{Restraint, Verdict};
use super::syncer::Syncer;

/// Written at once at most, while more is at hand.
const WRITE_BYTES: usize = 4 << 20;

/// How long the thread leaves the cores alone after a write, where nobody waits.
const PAUSE: Duration = Duration::from_millis(2);

/// Between two tries to write what could not be written.
const RETRY: Duration = Duration::from_millis(100);

/// How often a file that is to begin anew is tried again, and how long between two tries.
const ANEW_TRIES: usize = 10;
const ANEW_PAUSE: Duration = Duration::from_secs(1);

/// Between two looks at whether a base that could not be had is tried again.
const LACKING_LOOK: Duration = Duration::from_secs(1);

/// The log says once in so many nanoseconds that writing fails.
const COMPLAIN_EVERY_NS: u64 = 30_000_000_000;

/// When what was written is synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) enum Sync {
    Always,
    #[default]
    EverySecond,
    Never,
}

/// What the settings say of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Policy {
    pub(in crate::server) sync: Sync,
    /// None while the base is written.
    pub(in crate::server) rests_on_rewrite: bool,
    pub(in crate::server) writes_times: bool,
    pub(in crate::server) keeps_history: bool,
    /// Grown by so many percent, and to so many bytes, it is written anew; not
    /// at 0 percent.
    pub(in crate::server) rewrite_percent: u64,
    pub(in crate::server) rewrite_min_bytes: u64,
}

/// What the control core wants.
pub(in crate::server) enum Order {
    Follow(Policy),
    /// Write what has this ticket or a later one.
    Begin {
        ticket: u64,
        folder: Folder,
        manifest: Manifest,
    },
    /// The same, but it counts only when the base of the cut is there.
    BeginAnew {
        ticket: u64,
        folder: Folder,
    },
    /// That base is whole, and lies here; of a file that is not written to, if
    /// there is a folder.
    Based {
        base: PathBuf,
        form: BaseForm,
        idle: Option<Folder>,
    },
    /// It was not to be had.
    Unbased,
    /// End at this ticket.
    Stop {
        ticket: u64,
    },
    /// Write what has come, and say so.
    Flush(mpsc::Sender<()>),
    /// Write everything, and end.
    End,
}

/// See the module.
pub(in crate::server) struct FileThread {
    pub(in crate::server) journal: Journal,
    pub(in crate::server) orders: mpsc::Receiver<Order>,
    pub(in crate::server) ear: Ear,
    pub(in crate::server) log: Log,
    pub(in crate::server) persistence: Arc<Persistence>,
    /// The cores', and the control core's.
    pub(in crate::server) bells: Vec<Bell>,
    pub(in crate::server) control: Bell,
    pub(in crate::server) policy: Policy,
    /// What came for the next file while the last one was written to its end.
    pub(in crate::server) early: Vec<(u64, Slice)>,
    pub(in crate::server) restraint: Restraint,
}

impl FileThread {
    /// Lives until it is told to end.
    pub(in crate::server) fn run(mut self) {
        let watch = Stopwatch::start();
        let mut open: Option<Open> = None;
        let mut is_ending = false;
        loop {
            // What is to stop is written to its end first.
            while open.as_ref().is_none_or(|file| file.stops_at.is_none())
                && let Ok(order) = self.orders.try_recv()
            {
                is_ending |= matches!(order, Order::End);
                self.obey(order, &mut open, watch.ns());
            }
            let Some(file) = &mut open else {
                if is_ending {
                    return;
                }
                self.ear.wait(None);
                continue;
            };
            let has_worked = self.write_on(file, watch.ns());
            let is_over = |ticket| file.merge.ticket() > ticket;
            if file.stops_at.is_some_and(is_over) {
                self.sync(file, watch.ns());
                self.publish_off();
                self.early = open.take().into_iter().flat_map(Open::into_rest).collect();
                continue;
            }
            if is_ending && !has_worked && file.pending.is_empty() {
                self.sync(file, watch.ns());
                return;
            }
            if is_ending && file.failing_since_ns.is_some() {
                return;
            }
            self.rest(file, has_worked, watch.ns());
        }
    }

    /// Sleeps as long as nothing need be done.
    fn rest(&mut self, file: &Open, has_worked: bool, now_ns: u64) {
        if file.failing_since_ns.is_some() {
            return self.ear.wait(Some(RETRY));
        }
        if has_worked && self.policy.sync != Sync::Always {
            // Nobody rings: what comes meanwhile is written together.
            return std::thread::sleep(PAUSE);
        }
        let until_sync = match self.policy.sync {
            Sync::EverySecond => file
                .sync_due_ns()
                .map(|due| Duration::from_nanos(due.saturating_sub(now_ns).max(1000))),
            Sync::Always | Sync::Never => None,
        };
        let until_look =
            (file.lacks_base && self.persistence.aof_rewriting.read() == 0).then_some(LACKING_LOOK);
        if self.journal.feed.fall_asleep(FILE_LANE) {
            self.ear.wait(until_sync.or(until_look));
        }
        self.journal.feed.wake_up(FILE_LANE);
    }

    /// Takes what came, writes and syncs; whether there was anything.
    fn write_on(&mut self, file: &mut Open, now_ns: u64) -> bool {
        self.hear_of_sync(file, now_ns);
        if file.failing_since_ns.is_none() {
            let merge = &mut file.merge;
            self.journal
                .feed
                .receive(FILE_LANE, |ticket, slice| merge.put(ticket, slice));
        }
        let before = file.merge.ticket();
        while file.failing_since_ns.is_none()
            && file
                .stops_at
                .is_none_or(|ticket| file.merge.ticket() <= ticket)
        {
            let Some(merged) = file.merge.next() else {
                break;
            };
            self.take(file, merged, now_ns);
            if file.pending.len() > WRITE_BYTES {
                self.write(file, now_ns);
            }
        }
        // Also without anything to write: of units of nothing, what waits for them must know.
        let has_worked = file.merge.ticket() > before;
        self.write(file, now_ns);
        let is_due = match self.policy.sync {
            Sync::Always => true,
            Sync::EverySecond => file.sync_due_ns().is_some_and(|due| due <= now_ns),
            Sync::Never => false,
        };
        let rests = self.policy.rests_on_rewrite
            && self.policy.sync != Sync::Always
            && file.rotation.is_some();
        let is_failing = file.failing_since_ns.is_some();
        if is_due && !rests && !is_failing && file.pending.is_empty() {
            self.begin_sync(file, now_ns);
        }
        let is_synced = !file.is_unsynced && !file.is_being_synced();
        let failed_before = file.failing_since_ns.is_some_and(|since| since < now_ns);
        if failed_before && file.pending.is_empty() {
            // It was a sync that failed: it is tried again.
            self.sync(file, now_ns);
        } else if has_worked && is_synced && file.pending.is_empty() {
            // What came was for replicas only: it needs no sync.
            self.advance(file);
        }
        self.tell(file, now_ns);
        has_worked
    }

    /// One slice, in its place.
    fn take(&mut self, file: &mut Open, merged: Merged, now_ns: u64) {
        if merged.cut.is_some_and(|cut| cut & FILE_CUT != 0) {
            self.write(file, now_ns);
            self.rotate(file, now_ns);
        }
        if merged.bytes.is_empty() {
            // A cut, or what replicas alone are told.
            return;
        }
        if self.policy.writes_times {
            let now_s = unix_ms() / 1000;
            if now_s > file.said_s {
                file.said_s = now_s;
                let line = format!("#TS:{now_s}\r\n");
                file.pending.extend_from_slice(line.as_bytes());
            }
        }
        file.pending.extend(merged.select.iter().flatten());
        file.pending.extend_from_slice(&merged.bytes);
        file.unsettled += merged.weight;
    }

    /// Writes what is pending: all of it, or nothing that counts.
    fn write(&mut self, file: &mut Open, now_ns: u64) {
        if file.pending.is_empty() {
            return;
        }
        match file.file.write_all(&file.pending) {
            Ok(()) => {
                file.written += file.pending.len() as u64;
                file.pending.clear();
                file.pending.shrink_to(WRITE_BYTES * 2);
                self.journal.feed.settle(FILE_LANE, file.unsettled);
                file.unsettled = 0;
                file.is_unsynced = true;
                self.end_failure(file);
            }
            Err(error) => self.begin_failure(file, &error, "Error writing to the AOF file", now_ns),
        }
    }

    /// Syncs what is written, beside the writing if nobody waits for it.
    fn begin_sync(&mut self, file: &mut Open, now_ns: u64) {
        let is_beside = self.policy.sync == Sync::EverySecond && file.failing_since_ns.is_none();
        let bell = self.journal.bells[FILE_LANE];
        if !is_beside || file.begin_sync(bell).is_err() {
            return self.sync(file, now_ns);
        }
        file.is_unsynced = false;
        file.synced_at_ns = now_ns;
    }

    /// What came of a sync beside the writing.
    fn hear_of_sync(&mut self, file: &mut Open, now_ns: u64) {
        match file.syncer.as_mut().and_then(Syncer::outcome) {
            None => {}
            Some((_, Ok(()))) if !file.is_unsynced && file.pending.is_empty() => self.advance(file),
            Some((ticket, Ok(()))) => self.advance_to(ticket),
            Some((_, Err(error))) => {
                file.is_unsynced = true;
                self.begin_failure(file, &error, "Error syncing the AOF file", now_ns);
            }
        }
    }

    fn sync(&mut self, file: &mut Open, now_ns: u64) {
        if !file.is_unsynced && !file.is_being_synced() && file.failing_since_ns.is_none() {
            self.advance(file);
            return;
        }
        // This one covers what another may be at.
        file.syncer = None;
        match file.file.sync_data() {
            Ok(()) => {
                file.is_unsynced = false;
                file.synced_at_ns = now_ns;
                self.advance(file);
                if file.pending.is_empty() {
                    self.end_failure(file);
                }
            }
            Err(error) => {
                self.begin_failure(file, &error, "Error syncing the AOF file", now_ns);
            }
        }
    }

    /// Tells who waits how much is on disk.
    fn advance(&self, file: &Open) {
        self.advance_to(file.merge.ticket() - 1);
    }

    fn advance_to(&self, ticket: u64) {
        self.journal.synced.advance(ticket, |core| self.wake(core));
    }

    /// Wakes a core that waits for the disk, or the control core.
    fn wake(&self, core: usize) {
        self.bells.get(core).unwrap_or(&self.control).ring();
    }

    /// Nobody need wait for the disk.
    fn publish_off(&self) {
        self.journal
            .synced
            .advance(u64::MAX, |core| self.wake(core));
        self.persistence.aof_broken.set(0);
        self.persistence.aof_is_new.set(0);
    }

    /// Writes are refused from now on, and what was not written is tried again;
    /// where replies promise the disk, nothing else is left than to end.
    fn begin_failure(&mut self, file: &mut Open, error: &io::Error, what: &str, now_ns: u64) {
        let reason = reason(error);
        let is_silent = file
            .complained_at_ns
            .is_some_and(|at| now_ns - at < COMPLAIN_EVERY_NS);
        if !is_silent {
            self.log.warning(&format!("{what}: {reason}"));
            file.complained_at_ns = Some(now_ns);
        }
        if self.policy.sync == Sync::Always {
            self.log.warning(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
            );
            std::process::exit(1);
        }
        // A part of a request must not stand before the next one.
        let cut = file
            .file
            .set_len(file.written)
            .and_then(|()| file.file.seek(SeekFrom::Start(file.written)));
        if cut.is_err() && !is_silent {
            self.log
                .warning("Could not remove short write from the append-only file.");
        }
        file.failing_since_ns.get_or_insert(now_ns);
        self.persistence
            .aof_broken
            .set(error.raw_os_error().map_or(1, |number| number as u64));
    }

    fn end_failure(&mut self, file: &mut Open) {
        if file.failing_since_ns.take().is_some() {
            file.complained_at_ns = None;
            self.persistence.aof_broken.set(0);
            self.log
                .warning("AOF write error looks solved. The server can write again.");
        }
    }

    fn obey(&mut self, order: Order, open: &mut Option<Open>, now_ns: u64) {
        match order {
            Order::Follow(policy) => self.policy = policy,
            Order::End => {}
            Order::Flush(done) => {
                if let Some(file) = open {
                    self.write_on(file, now_ns);
                }
                // Who asked waits, or has ended.
                let _unheard = done.send(()).is_err();
            }
            Order::Begin {
                ticket,
                folder,
                manifest,
            } => *open = self.begin(Open::of(folder, manifest, ticket)),
            Order::BeginAnew { ticket, folder } => *open = self.begin_anew(&folder, ticket),
            Order::Based { base, form, idle } => {
                // What came before the cut is written by now, if it was recorded.
                let done = match (open.as_mut(), idle) {
                    (Some(file), _) => {
                        self.write_on(file, now_ns);
                        let taken = file.take_base((&base, form), self.policy.keeps_history);
                        file.lacks_base = file.is_new;
                        taken
                    }
                    (None, Some(folder)) => take_idle_base(&folder, (&base, form)),
                    // The file ended meanwhile.
                    (None, None) => std::fs::remove_file(&base),
                };
                if done.is_err() {
                    // It may lie where it was written, and is of no use there.
                    let _left = std::fs::remove_file(&base).is_err();
                }
                self.end_rewrite(done);
            }
            Order::Unbased => {
                if let Some(file) = open.as_mut() {
                    file.rotation = None;
                    file.lacks_base = file.is_new;
                }
                self.end_rewrite(Err(io::Error::other("no base")));
            }
            Order::Stop { ticket } => {
                if let Some(file) = open {
                    file.stops_at = Some(ticket);
                }
            }
        }
    }

    /// Begins in a file that counts only with its base. Everybody records for it by
    /// now, so it is tried again for a while, as stock does behind a synchronisation.
    fn begin_anew(&mut self, folder: &Folder, ticket: u64) -> Option<Open> {
        for _ in 0..ANEW_TRIES {
            let error = match Open::anew(folder.clone(), ticket) {
                Ok(opened) => return self.begin(Ok(opened)),
                Err(error) => reason(&error),
            };
            self.log.warning(&format!(
                "Can't open the append-only file: {error}. It is tried again in a second."
            ));
            std::thread::sleep(ANEW_PAUSE);
        }
        self.begin(Open::anew(folder.clone(), ticket))
    }

    /// A file begins, with what has come for it.
    fn begin(&mut self, opened: io::Result<Open>) -> Option<Open> {
        match opened {
            Ok(mut file) => {
                for (ticket, slice) in self.early.drain(..) {
                    file.merge.put(ticket, slice);
                }
                Some(file)
            }
            Err(error) => self.give_up(&error),
        }
    }

    fn end_rewrite(&self, done: io::Result<()>) {
        let since_s = self.persistence.aof_rewriting_since_s.read();
        let took_s = (unix_ms() / 1000).saturating_sub(since_s);
        self.persistence.aof_rewrite_took_s.set(took_s + 1);
        self.persistence.aof_rewriting.set(0);
        self.persistence.aof_rewrite_wanted.set(0);
        match done {
            Ok(()) => {
                self.persistence.aof_rewrite_failed.set(0);
                self.persistence.aof_rewrite_failures.set(0);
                self.log
                    .notice("Background AOF rewrite finished successfully");
            }
            Err(error) => {
                self.persistence.aof_rewrite_failed.set(1);
                let failures = self.persistence.aof_rewrite_failures.read();
                self.persistence.aof_rewrite_failures.set(failures + 1);
                self.log.warning(&format!(
                    "The AOF base could not be put in its place: {}",
                    reason(&error)
                ));
            }
        }
        self.control.ring();
    }

    fn give_up(&self, error: &io::Error) -> ! {
        self.log.warning(&format!(
            "Can't open the append-only file: {}. Exiting.",
            reason(error)
        ));
        std::process::exit(1)
    }

    /// The cut of a base: the file goes on in another increment, or begins. Where that
    /// cannot be had it goes on as it is, and the base will not be taken.
    fn rotate(&mut self, file: &mut Open, now_ns: u64) {
        if !file.is_new && self.policy.sync != Sync::Never {
            if let Err(error) = file.file.sync_data() {
                file.is_unsynced = true;
                file.has_missed_cut = true;
                return self.begin_failure(file, &error, "Error syncing the AOF file", now_ns);
            }
            file.is_unsynced = false;
            file.synced_at_ns = now_ns;
        }
        let turned = if file.is_new {
            file.begin_again()
        } else {
            file.next_increment()
        };
        file.has_missed_cut = turned.is_err();
        if let Err(error) = turned {
            let reason = reason(&error);
            self.log.warning(&format!(
                "Can't open the append-only file for the next increment: {reason}"
            ));
        }
    }

    /// What INFO and the control core read.
    fn tell(&mut self, file: &Open, now_ns: u64) {
        let persistence = &self.persistence;
        let current = file.base + file.before + file.written;
        persistence.aof_current_bytes.set(current);
        persistence.aof_base_bytes.set(file.base);
        persistence.aof_pending_bytes.set(file.pending.len() as u64);
        let syncing = u64::from(file.is_being_synced());
        persistence.aof_syncing.set(syncing);
        let was_new = persistence.aof_is_new.read() == 1;
        persistence.aof_is_new.set(u64::from(file.is_new));
        if was_new && !file.is_new {
            self.control.ring();
        }
        let policy = &self.policy;
        let grown = current.saturating_sub(file.base) * 100 / file.base.max(1);
        let is_large = policy.rewrite_percent > 0
            && current > policy.rewrite_min_bytes
            && grown >= policy.rewrite_percent;
        let is_due = is_large && file.rotation.is_none() && !file.is_new || file.lacks_base;
        let is_idle =
            persistence.aof_rewriting.read() == 0 && persistence.aof_rewrite_wanted.read() == 0;
        if !is_due || !is_idle || !self.may_rewrite(now_ns) {
            return;
        }
        if is_large {
            let line = format!("Starting automatic rewriting of AOF on {grown}% growth");
            self.log.notice(&line);
        }
        self.persistence.aof_rewrite_wanted.set(1);
        self.control.ring();
    }

    /// Whether a base may be written that nobody asked for.
    fn may_rewrite(&mut self, now_ns: u64) -> bool {
        let failures = self.persistence.aof_rewrite_failures.read();
        let restraint = self.restraint.look(failures, now_ns);
        if let Verdict::FromNow(minutes) = restraint {
            self.log.warning(&format!(
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {minutes} minutes"
            ));
        }
        restraint == Verdict::Go
    }
}
