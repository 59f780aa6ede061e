//! The control core: everything slow or rare, on one glommio executor.
//!
//! It owns the settings and publishes them to the shard cores; it decides
//! CONFIG SET and CONFIG REWRITE, so that every core sees changes in one
//! order; signals arrive here, and it stops the node.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::command::{Node, Run, Table};
use crate::config::{Added, Settings, version_line};
use crate::resp::Reply;
use crate::runtime::clock::Stopwatch;
use crate::runtime::control::Doorbell;
use crate::runtime::core::{Bell, Postbox};
use crate::runtime::process;
use crate::runtime::signal::{self, Signal};
use crate::telemetry::{Counters, Persistence};

use super::aof::{FileState, Folder};

use super::boot::possible_clients;
use super::crash;
use super::door::Announced;
use super::door::Doors;
use super::errand::Errands;
use super::hub::Hub;
use super::letter::{Decision, Letter};
use super::loading::Loading;
use super::log::Log;
use super::save::reason;
use super::serve::finish;
use super::shown::Shown;
use super::snapshot::{Running, Saves, follow_delays};
use super::upstream::Upstream;
use super::weight::heaviest;

/// The control core's state.
pub(super) struct Control {
    pub(super) settings: Settings,
    pub(super) table: &'static Table,
    pub(super) post: Postbox<Letter>,
    /// Its own bell, for threads that work for it.
    pub(super) bell: Bell,
    /// The shard cores' bells.
    pub(super) bells: Vec<Bell>,
    /// Where CONFIG REWRITE writes, if the node was started with a file.
    pub(super) config_file: Option<PathBuf>,
    /// The process's title.
    pub(super) shown: Shown,
    pub(super) log: Log,
    /// What the shard cores count, by core.
    pub(super) counters: Arc<Vec<Counters>>,
    /// Changes of settings that some core has not taken over yet, the oldest
    /// first.
    pub(super) changes: Changes,
    pub(super) errands: Errands,
    /// What becomes of the data on disk.
    pub(super) persistence: Arc<Persistence>,
    /// The link to this node's primary.
    pub(super) upstream: Upstream,
    /// The replicas, and the stream for them.
    pub(super) hub: Hub,
    /// A snapshot that is being written, and what is known of background saves.
    pub(super) snapshot: Option<Running>,
    pub(super) saves: Saves,
    /// The append-only file.
    pub(super) file: FileState,
    /// A file that is being loaded.
    pub(super) loading: Option<Loading>,
    /// Told when clients are served.
    pub(super) announced: Announced,
    /// Why the node ends that was not asked to.
    pub(super) failure: mpsc::Sender<String>,
    /// The TCP sockets of the core that accepts.
    pub(super) doors: Doors,
    /// Who changed settings, and what they are told once clients are within
    /// their limit.
    pub(super) unrelieved: Vec<(usize, Letter)>,
    /// Cores that are closing clients for that, and whether they were asked to
    /// since the last answer.
    pub(super) relieving: usize,
    pub(super) has_asked: bool,
    /// `maxmemory-clients` in bytes.
    pub(super) clients_limit: u64,
    pub(super) is_stopping: bool,
}

/// Changes of settings under way. Whoever made one hears of it when every
/// core has it, so that no client anywhere sees the old settings after that.
#[derive(Default)]
pub(super) struct Changes {
    under_way: VecDeque<Change>,
    /// How many came before `under_way`.
    done: u64,
}

struct Change {
    /// Cores that have not said that they have it.
    missing: usize,
    /// Who made it, and what it is told.
    answer: Option<(usize, Letter)>,
}

impl Changes {
    /// Notes a change that `cores` cores must take over; gives its number.
    fn begin(&mut self, cores: usize, answer: Option<(usize, Letter)>) -> u64 {
        self.under_way.push_back(Change {
            missing: cores,
            answer,
        });
        self.done + self.under_way.len() as u64 - 1
    }

    /// Whether every core has a change.
    pub(super) fn is_over(&self, number: u64) -> bool {
        number < self.done
    }

    /// One more core has the change: the answer and for whom, from the last.
    fn taken_over(&mut self, number: u64) -> Option<(usize, Letter)> {
        let index = number.checked_sub(self.done)? as usize;
        let change = self.under_way.get_mut(index)?;
        change.missing -= 1;
        if change.missing > 0 {
            return None;
        }
        let answer = change.answer.take();
        while self
            .under_way
            .front()
            .is_some_and(|change| change.missing == 0)
        {
            self.under_way.pop_front();
            self.done += 1;
        }
        answer
    }
}

impl Control {
    /// Runs until the node is to stop, then stops the shard cores.
    pub(super) async fn run(mut self, mut doorbell: Doorbell) {
        self.take_settings();
        self.clients_limit = self.settings.live().maxmemory_clients;
        if self.clients_limit > 0 {
            self.trust_weights();
        }
        while !self.is_stopping {
            self.post.wake_up();
            self.hub.wake_up();
            self.read_mail();
            self.read_signals();
            self.look_at_loader();
            self.tend_upstream();
            self.tend_hub();
            self.look_at_writer();
            self.look_at_file();
            self.deliver();
            // A letter that came after the look into the boxes has rung.
            if !self.is_stopping
                && self.post.fall_asleep()
                && self.hub.fall_asleep()
                && self.may_sleep_for_disk()
            {
                let wires = self.upstream.wires().chain(self.hub.wires());
                let longest = [self.upstream.left(), self.hub.left()];
                let longest = longest.into_iter().flatten().min();
                doorbell.wait(wires, longest).await;
            }
        }
        self.announced.stopping(&self.log);
        self.end_snapshot();
        // Nobody gets in who would not be served.
        self.doors.close();
        self.post_all(|| Letter::Stop);
        self.deliver();
    }

    /// Ends the node with an exit code that says so. A log file hears of it when
    /// the main thread does.
    pub(super) fn fail(&mut self, why: &str) {
        if self.settings.bytes("logfile").is_empty() {
            self.log.warning(why);
        }
        let told = self.failure.send(why.to_owned());
        told.expect("the main thread waits for it");
        self.is_stopping = true;
    }

    /// Posts a letter to every shard core.
    pub(super) fn post_all(&mut self, letter: impl Fn() -> Letter) {
        for core in 0..self.bells.len() {
            self.post.post(core, letter());
        }
    }

    fn deliver(&mut self) {
        let bells = &self.bells;
        self.post.deliver(|core| {
            if let Some(bell) = bells.get(core) {
                bell.ring();
            }
        });
    }

    pub(super) fn read_mail(&mut self) {
        for from in 0..self.bells.len() {
            while let Some(letter) = self.post.receive(from) {
                match letter {
                    Letter::Decide(decision) => self.decide(from, &decision),
                    Letter::TakenOver { change } => {
                        if let Some(author) = self.changes.taken_over(change) {
                            self.unrelieved.push(author);
                            self.relieve_clients();
                        }
                        self.on_taken_over();
                    }
                    Letter::Relieved => {
                        self.relieving -= 1;
                        self.relieve_clients();
                    }
                    Letter::Log { level, text } => self.log.line(level.into(), &text),
                    Letter::Sleep(ns) => thread::sleep(Duration::from_nanos(ns)),
                    Letter::CatchUp(session) => self.catch_up(from, session),
                    Letter::AllLent {
                        errand,
                        held,
                        functions,
                    } => self.on_all_lent(errand, held, &functions),
                    Letter::Emptied { held, functions } => self.on_emptied(held, &functions),
                    Letter::CutMade { changes } => self.on_cut_made(changes),
                    Letter::SavePoint(due) => self.on_save_point(due),
                    Letter::Installed => self.on_installed(),
                    Letter::Applied { end } => self.on_share_applied(from, end),
                    Letter::Drained => self.on_drained(),
                    Letter::EndWait { session, error } => {
                        self.end_wait_of(from, session, error);
                    }
                    Letter::Recruit(recruit) => self.on_recruit(from, *recruit),
                    _ => unreachable!("shard cores send the control core nothing else"),
                }
            }
        }
    }

    fn read_signals(&mut self) {
        while let Some(signal) = signal::pending() {
            match signal {
                Signal::Interrupt if self.is_ending() => {
                    self.log.warning("You insist... exiting now.");
                    self.is_stopping = true;
                }
                Signal::Terminate => {
                    self.log.notice("Received SIGTERM scheduling shutdown...");
                    self.end_by_signal("shutdown-on-sigterm");
                }
                Signal::Interrupt => {
                    self.log.notice("Received SIGINT scheduling shutdown...");
                    self.end_by_signal("shutdown-on-sigint");
                }
                Signal::Report => self.report(),
            }
        }
    }

    /// Runs a command of the control core and sends its reply back.
    fn decide(&mut self, from: usize, decision: &Decision) {
        let entry = self.table.at(decision.entry);
        let (Run::Node(handler) | Run::Waits(handler) | Run::EverywhereOrNode(.., handler)) =
            entry.command.run
        else {
            unreachable!("only the control core's commands come here");
        };
        let config_file = self.config_file.clone();
        let mut rewrite = |settings: &Settings, added| match &config_file {
            Some(file) => rewrite_file(file, settings, added),
            None => Err("The server is running without a config file".to_owned()),
        };
        let mut opened = None;
        let mut listen = |settings: &Settings| match self.doors.move_to(settings) {
            Ok(listeners) => {
                opened = Some(listeners);
                true
            }
            Err(why) => {
                self.log.warning(&why);
                false
            }
        };
        let mut can_begin_file = |settings: &Settings| {
            let tried = Folder::of(settings).try_out();
            tried.map_err(|why| self.log.warning(&why)).is_ok()
        };
        let mut node = Node {
            author: decision.author,
            busy: decision.busy.clone(),
            is_loading: self.persistence.is_loading(),
            settings: &mut self.settings,
            rewrite: &mut rewrite,
            listen: &mut listen,
            enter: &mut enter,
            can_begin_file: &mut can_begin_file,
            possible_clients,
            has_changed: false,
            errand: None,
        };
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, decision.version);
        let began = Stopwatch::start();
        let outcome = handler(&mut node, decision.packed.args(), &mut reply);
        let has_changed = node.has_changed;
        if let Some(errand) = node.errand {
            return self.begin_errand(from, decision, errand);
        }
        finish(&mut out, 0, decision.version, &outcome);
        if let Some(listeners) = opened {
            // The core that accepts.
            self.post.post(0, Letter::Listen(listeners));
        }
        let letter = Letter::Decided(Box::new(decision.decided(out, outcome.err(), began.ns())));
        if has_changed {
            self.publish(Some((from, letter)));
        } else {
            self.post.post(from, letter);
        }
    }

    /// Gives every core the settings as they are now, and a core that answer when all
    /// have them. Says the change's number.
    pub(super) fn publish(&mut self, answer: Option<(usize, Letter)>) -> u64 {
        let change = self.changes.begin(self.bells.len(), answer);
        let settings = Arc::new(self.settings.clone());
        let live = Arc::new(self.settings.live());
        self.clients_limit = live.maxmemory_clients;
        self.take_settings();
        self.follow_file_settings();
        self.post_all(|| Letter::Settings {
            change,
            settings: Arc::clone(&settings),
            live: Arc::clone(&live),
        });
        change
    }

    /// Answers those who changed settings. With a limit of clients' memory not
    /// before every core has acted by it, so that nobody meets a client that
    /// should be closed.
    fn relieve_clients(&mut self) {
        if self.relieving > 0 || self.unrelieved.is_empty() {
            return;
        }
        let limit = self.clients_limit;
        let is_within = self.has_asked && heaviest(&self.counters, limit).is_none();
        if limit > 0 && !is_within {
            return self.trust_weights();
        }
        self.has_asked = false;
        for (author, answer) in std::mem::take(&mut self.unrelieved) {
            self.post.post(author, answer);
        }
    }

    /// Every core knows the limit: all may close clients now.
    fn trust_weights(&mut self) {
        self.has_asked = true;
        self.relieving = self.bells.len();
        self.post_all(|| Letter::TrustWeights);
    }

    /// Acts by what the control core itself reads of the settings.
    fn take_settings(&mut self) {
        self.log = Log::of(&self.settings);
        crash::follow(&self.settings);
        follow_delays(&self.settings, &self.persistence);
        self.introduce();
        self.follow_hub_settings();
        self.shown.show(&self.settings, self.config_file.as_deref());
    }

    /// SIGUSR2: what the node is doing, into the log.
    fn report(&self) {
        let usage = process::usage();
        self.log.warning(&format!(
            "--- report: {}, {} shards, {} bytes used, {} bytes resident, {} us user, {} us system",
            version_line(),
            self.bells.len(),
            crate::memory::used_memory(),
            process::resident_bytes(),
            usage.user_us,
            usage.system_us,
        ));
        for (core, count) in self.counters.iter().enumerate() {
            self.log.warning(&format!(
                "shard {core}: {} keys, {} clients, {} commands, {} errors, {} us busy, \
                 {} turns, {} commands sent to other cores, {} letters held up",
                count.keys.read(),
                count.clients_connected.read(),
                count.commands_processed.read(),
                count.error_replies.read(),
                count.busy_ns.read() / 1000,
                count.loop_turns.read(),
                count.hops_sent.read(),
                count.mailbox_full.read(),
            ));
        }
        self.log.warning("--- end of the report");
    }
}

/// Makes this the working directory.
fn enter(directory: &[u8]) -> Result<Vec<u8>, String> {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    std::env::set_current_dir(OsStr::from_bytes(directory))
        .and_then(|()| std::env::current_dir())
        .map(|here| OsString::from(here).into_vec())
        .map_err(|error| reason(&error))
}

/// Replaces the file by its rewritten text: whole or not at all.
fn rewrite_file(file: &Path, settings: &Settings, added: Added) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("Rewriting config file: {error}");
    let old = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    let new = crate::config::rewrite(&old, settings, added);
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!("-{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let write = || {
        use std::io::Write;
        let mut out = std::fs::File::create(&temporary)?;
        out.write_all(&new)?;
        out.sync_all()?;
        std::fs::rename(&temporary, file)
    };
    write().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::{Changes, Letter};

    #[test]
    fn an_author_is_answered_when_every_core_has_the_change() {
        let mut changes = Changes::default();
        let first = changes.begin(2, Some((0, Letter::Stop)));
        let second = changes.begin(2, Some((1, Letter::Stop)));
        let mut answered = |number| changes.taken_over(number).map(|(author, _)| author);
        assert_eq!(answered(first), None);
        assert_eq!(answered(second), None);
        // The other core's letters come in order, but a test need not.
        assert_eq!(answered(second), Some(1));
        assert_eq!(answered(first), Some(0));
        let third = changes.begin(1, Some((0, Letter::Stop)));
        assert_eq!(third, 2);
        assert!(changes.taken_over(third).is_some());
    }
}
