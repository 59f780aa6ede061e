//! BGSAVE: a snapshot into the file of `dbfilename`, when a client asks for it or a
//! save point says so.

use bytes::Bytes;

use std::sync::Arc;

use crate::command::{Background, Lent, SavePoint};
use crate::resp::Refusal;
use crate::runtime::clock::unix_ms;
use crate::runtime::permit::Permit;
use crate::server::control::Control;
use crate::server::core::Work;
use crate::server::errand::Client;
use crate::server::hub::{Placed, Settling};
use crate::server::letter::Letter;
use crate::server::save::{Manner, Temporary, reason};
use crate::shard::Shard;

use super::order::Order;
use super::writer::{Failure, Target};

/// A save that failed is tried again by a save point after so many seconds.
const RETRY_S: u64 = 5;

const OTHER_CHILD: Refusal = Refusal::Stated(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
);
const FAILED: Refusal = Refusal::Stated("ERR");

/// What the control core knows of background saves.
#[derive(Default)]
pub(in crate::server) struct Saves {
    /// The snapshot under way is one.
    is_saving: bool,
    /// One is to begin when the snapshot under way, which is another's, is over.
    is_scheduled: bool,
    /// When the last one was tried, in Unix seconds.
    tried_at_s: u64,
    /// What the cores' `changes` added up to at the cut.
    changes_at_cut: u64,
    /// The one under way may still take its file's name.
    may_take_name: Arc<Permit>,
}

impl Work {
    /// Whether the control core has to do with a FLUSHALL.
    pub(in crate::server) fn is_emptying_saved(&self) -> bool {
        let is_saving = self.local.persistence.saving.read() == 1;
        is_saving || !self.local.live.save_points.is_empty()
    }

    /// Sends all shards there, which come home when it has.
    pub(in crate::server) fn hand_over_emptied(&mut self, held: Lent) {
        let libraries = self.local.functions.iter();
        let functions = libraries.map(|library| library.code.to_vec()).collect();
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Emptied { held, functions });
    }
}

/// The file of `dbfilename`.
struct RdbFile {
    file: Temporary,
    name: std::path::PathBuf,
    may_take_name: Arc<Permit>,
}

impl Target for RdbFile {
    fn write(&mut self, bytes: Bytes, _: &dyn Fn() -> bool) -> Result<(), String> {
        self.file.write(&bytes).map_err(|error| unwritten(&error))
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        self.file.sync().map_err(|error| unwritten(&error))?;
        // Whoever gives it up knows that this name is not taken afterwards.
        let RdbFile {
            file,
            name,
            may_take_name,
        } = *self;
        let done = may_take_name.used(|| file.become_file(&name));
        done.unwrap_or_else(|| Err("It is not wanted any more".to_owned()))
    }
}

fn unwritten(error: &std::io::Error) -> String {
    format!("Write error saving DB on disk: {}", reason(error))
}

impl Control {
    /// BGSAVE.
    pub(in crate::server) fn background_save(&mut self, asked: Background, client: Client) {
        if self.saves.is_saving {
            return self.answer(client, Some(Refusal::SAVING));
        }
        if !self.has_snapshot() {
            return self.begin_save(Some(client));
        }
        if asked.schedules {
            self.saves.is_scheduled = true;
            return self.answer_simple(client, "Background saving scheduled");
        }
        self.answer(client, Some(OTHER_CHILD));
    }

    /// Whether a background save is under way.
    pub(in crate::server) fn is_saving(&self) -> bool {
        self.saves.is_saving
    }

    /// Whether a snapshot is under way, or about to be.
    pub(in crate::server) fn has_snapshot(&self) -> bool {
        self.snapshot.is_some() || self.saves.is_saving
    }

    /// A core has seen that a save point is due.
    pub(in crate::server) fn on_save_point(&mut self, due: SavePoint) {
        let persistence = &self.persistence;
        let has_failed = persistence.save_failed.read() == 1;
        let retries_at_s = self.saves.tried_at_s + RETRY_S;
        let is_too_soon = has_failed && unix_ms() / 1000 < retries_at_s;
        if self.has_snapshot() || self.is_loading() || is_too_soon {
            return;
        }
        let SavePoint { seconds, changes } = due;
        let line = format!("{changes} changes in {seconds} seconds. Saving...");
        self.log.notice(&line);
        self.begin_save(None);
    }

    fn begin_save(&mut self, client: Option<Client>) {
        let now_s = unix_ms() / 1000;
        self.saves.is_saving = true;
        self.saves.is_scheduled = false;
        self.saves.tried_at_s = now_s;
        let persistence = &self.persistence;
        persistence.saves.add(1);
        persistence.saving_since_s.set(now_s);
        persistence.saving.set(1);
        self.when_settled(Settling::Save(client));
    }

    /// The same, when it can be said where the data stands.
    pub(in crate::server) fn write_save(&mut self, client: Option<Client>) {
        let manner = Manner::of(&self.settings);
        let file = match Temporary::create("temp-bgsave", manner.syncs) {
            Ok(file) => file,
            Err(why) => {
                if let Some(client) = client {
                    self.answer(client, Some(FAILED));
                }
                return self.end_save(Err(Failure::Fault(why)), 0);
            }
        };
        let Placed {
            number,
            history,
            offset,
        } = self.place_snapshot();
        let may_take_name = Arc::new(Permit::default());
        self.saves.may_take_name = Arc::clone(&may_take_name);
        let target = RdbFile {
            file,
            name: manner.name.clone(),
            may_take_name,
        };
        let order = Order {
            target: Box::new(target),
            manner: manner.of_data(history).of_lineage(self.lineage()),
            at_cut: Box::new(move |work, held| {
                if history.is_some() {
                    work.mark(held, number);
                }
            }),
            when_cut: Box::new(move |control, changes| {
                control.on_placed_cut(number);
                control.save_begins(client, changes);
            }),
            when_over: Box::new(|control, outcome| {
                let outcome = if control.saves.may_take_name.is_withdrawn() {
                    Err(Failure::GivenUp)
                } else {
                    outcome.map(|_| ())
                };
                let changes = control.saves.changes_at_cut;
                control.end_save(outcome, changes);
            }),
            offset: Some(offset),
        };
        self.begin_snapshot(client.map_or(0, |client| client.core), order);
    }

    /// The cut is made: what is saved stands.
    fn save_begins(&mut self, client: Option<Client>, changes: u64) {
        self.saves.changes_at_cut = changes;
        let pid = std::process::id();
        let line = format!("Background saving started by pid {pid}");
        self.log.notice(&line);
        if let Some(client) = client {
            self.answer_simple(client, "Background saving started");
        }
    }

    fn end_save(&mut self, outcome: Result<(), Failure>, changes: u64) {
        let now_s = unix_ms() / 1000;
        self.let_stream_go();
        self.saves.is_saving = false;
        let persistence = &self.persistence;
        persistence.saving.set(0);
        let took_s = now_s.saturating_sub(persistence.saving_since_s.read());
        persistence.save_took_s.set(took_s + 1);
        match outcome {
            Ok(()) => {
                persistence.changes_at_save.set(changes);
                persistence.saved_at_s.set(now_s);
                self.log.notice("DB saved on disk");
                self.log.notice("Background saving terminated with success");
                self.note_save(true);
            }
            Err(Failure::GivenUp) => self.log.warning("Background saving was given up"),
            Err(Failure::Fault(why)) => {
                self.log.warning(&why);
                self.log.warning("Background saving error");
                self.note_save(false);
            }
        }
    }

    /// FLUSHALL has thrown all data away: no file shall bring it back. A background
    /// save is given up, and with save points a file of nothing takes its place.
    pub(in crate::server) fn on_emptied(&mut self, held: Lent, functions: &[Vec<u8>]) {
        let mut shards: Vec<Box<Shard>> = held.into_iter().flatten().collect();
        if self.saves.is_saving {
            self.saves.may_take_name.withdraw();
            self.give_up_snapshot();
        }
        let is_saved = !self.settings.bytes("save").is_empty() && !self.is_loading();
        if is_saved && self.save(&mut shards, functions).is_err() {
            self.log
                .warning("The file of before FLUSHALL is still there.");
        }
        self.bring_home(shards);
    }

    /// Begins the save that waits for the end of another's snapshot.
    pub(in crate::server) fn begin_scheduled(&mut self) {
        if self.saves.is_scheduled && !self.has_snapshot() && !self.is_stopping {
            self.begin_save(None);
        }
    }

    /// Whether the last save succeeded: while it did not, cores may refuse writes.
    pub(in crate::server) fn note_save(&mut self, is_good: bool) {
        let failed = u64::from(!is_good);
        if self.persistence.save_failed.read() == failed {
            return;
        }
        self.persistence.save_failed.set(failed);
        self.post_all(|| Letter::SaveFailed(!is_good));
    }
}
