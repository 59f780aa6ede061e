//! The control core's side: settings that begin and end the file, and bases.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use bytes::Bytes;

use crate::base::HashKey;
use crate::command::{Errand, Lent, rules};
use crate::config::Settings;
use crate::journal::{BaseForm, Manifest};
use crate::keyspace::Noted;
use crate::runtime::clock::unix_ms;
use crate::runtime::core::Bell;
use crate::server::control::Control;
use crate::server::load;
use crate::server::log::Log;
use crate::server::recording::{FILE, FILE_CUT, Journal};
use crate::server::save::{Manner, Temporary, reason, save};
use crate::server::snapshot::{self, Failure, Target};
use crate::shard::Shard;

use super::folder::Folder;
use super::requests::AsRequests;
use super::writer::{Order, Policy, Sync};

/// What the control core knows of the file.
pub(in crate::server) struct FileState {
    pub(in crate::server) orders: Sender<Order>,
    /// The thread's.
    pub(in crate::server) bell: Bell,
    pub(in crate::server) journal: Journal,
    /// It is written, or about to be.
    pub(in crate::server) is_on: bool,
    pub(in crate::server) cuts: u64,
    /// The base that is to be written when nothing stands in its way.
    pub(in crate::server) wanted: Option<Base>,
}

/// Why a base is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Base {
    /// The file is to be as short as the data is.
    Anew,
    /// The file begins.
    OfNewFile,
}

impl FileState {
    /// Has the thread write everything and end.
    pub(in crate::server) fn ending(&self) -> impl FnOnce() + use<> {
        let (orders, bell) = (self.orders.clone(), self.bell);
        move || {
            let _gone = orders.send(Order::End).is_err();
            bell.ring();
        }
    }

    /// Tells the thread something.
    pub(in crate::server) fn order(&self, order: Order) {
        // It is gone only at the end.
        let _unheard = self.orders.send(order).is_err();
        self.bell.ring();
    }
}

impl FileState {
    /// The file goes on behind what was loaded, or begins; before anybody can
    /// write.
    pub(in crate::server) fn begin(&self, folder: Folder, manifest: Manifest) {
        let ticket = self.journal.feed.last() + 1;
        self.journal.hold_to(ticket - 1);
        self.order(Order::Begin {
            ticket,
            folder,
            manifest,
        });
        // The file is there when clients are served.
        self.flush();
    }

    /// Waits until the thread has done all that it was told.
    fn flush(&self) {
        let (done, written) = mpsc::channel();
        self.order(Order::Flush(done));
        // The thread ends behind this one.
        let _gone = written.recv().is_err();
    }
}

/// Makes the file of a node that begins empty: a base of nothing.
pub(in crate::server) fn found(settings: &Settings, log: &Log) -> Result<(), String> {
    let folder = Folder::of(settings);
    let base = PathBuf::from(format!("temp-rewriteaof-{}.aof", std::process::id()));
    let failed =
        |error: std::io::Error| format!("Can't make the append-only file: {}", reason(&error));
    let form = form_of(settings);
    match form {
        BaseForm::Rdb => save(&mut [], &[], &Manner::of_base(settings, base.clone()), None)?,
        BaseForm::Requests => {
            let mut file = Temporary::at(base.clone(), false).map_err(failed)?;
            let begin = as_requests(settings).begin();
            file.write(&begin).map_err(failed)?;
            file.sync().map_err(failed)?;
            file.keep();
        }
    }
    let name = folder.found(&base, form).map_err(failed)?;
    log.notice(&format!("Creating AOF base file {name} on server start"));
    Ok(())
}

/// As what bases are written.
fn form_of(settings: &Settings) -> BaseForm {
    if settings.is_on("aof-use-rdb-preamble") {
        BaseForm::Rdb
    } else {
        BaseForm::Requests
    }
}

fn as_requests(settings: &Settings) -> AsRequests {
    let live = settings.live();
    let rules = rules(&live.encodings, HashKey::random());
    let says_time = settings.is_on("aof-timestamp-enabled");
    let said_s = says_time.then(|| unix_ms() / 1000);
    AsRequests::new(rules, live.databases as usize, said_s)
}

/// The file that `found` made.
pub(in crate::server) fn founded(settings: &Settings) -> Result<(Folder, Manifest), String> {
    let folder = Folder::of(settings);
    let manifest = folder.read()?.unwrap_or_default();
    Ok((folder, manifest))
}

impl Policy {
    pub(in crate::server) fn of(settings: &Settings) -> Policy {
        let sync = match settings.bytes("appendfsync") {
            b"always" => Sync::Always,
            b"no" => Sync::Never,
            _ => Sync::EverySecond,
        };
        Policy {
            sync,
            rests_on_rewrite: settings.is_on("no-appendfsync-on-rewrite"),
            writes_times: settings.is_on("aof-timestamp-enabled"),
            keeps_history: settings.is_on("aof-disable-auto-gc"),
            rewrite_percent: settings.number("auto-aof-rewrite-percentage"),
            rewrite_min_bytes: settings.number("auto-aof-rewrite-min-size"),
        }
    }
}

impl Control {
    /// Acts by what the settings say of the file now.
    pub(in crate::server) fn follow_file_settings(&mut self) {
        self.file.order(Order::Follow(Policy::of(&self.settings)));
        let wanted = self.settings.is_on("appendonly");
        if self.loading.is_some() {
            // It is looked at when that is over.
            return;
        }
        if wanted != self.file.is_on {
            self.file.is_on = wanted;
            if wanted {
                self.file.wanted = Some(Base::OfNewFile);
                self.look_at_file();
            } else {
                self.file.wanted = None;
                self.tell_scheduled();
                if self.persistence.aof_rewriting.read() == 1 {
                    // Nobody wants the base that is being written.
                    self.give_up_snapshot();
                }
                self.ask_for_shards(Errand::EndFile, None);
            }
        }
    }

    /// Begins to write a base, if one is wanted and nothing stands in its way.
    pub(in crate::server) fn look_at_file(&mut self) {
        let persistence = &self.persistence;
        if persistence.aof_rewriting.read() == 1
            || self.loading.is_some()
            || self.has_snapshot()
            || self.is_stopping
        {
            return self.tell_scheduled();
        }
        let has_grown = persistence.aof_rewrite_wanted.read() == 1;
        let wanted = self.file.wanted.take();
        if let Some(base) = wanted.or(has_grown.then_some(Base::Anew)) {
            self.begin_base(base);
        }
        self.tell_scheduled();
    }

    fn tell_scheduled(&self) {
        let is_scheduled = u64::from(self.file.wanted.is_some());
        self.persistence.aof_rewrite_scheduled.set(is_scheduled);
    }

    /// BGREWRITEAOF: whether it begins at once.
    pub(in crate::server) fn want_rewrite(&mut self) -> bool {
        self.file.wanted.get_or_insert(Base::Anew);
        self.look_at_file();
        self.file.wanted.is_none()
    }

    /// A snapshot into a base; at its cut the file goes on in another increment,
    /// or begins.
    fn begin_base(&mut self, wanted: Base) {
        let persistence = &self.persistence;
        persistence.aof_rewrites.add(1);
        persistence.aof_rewriting_since_s.set(unix_ms() / 1000);
        persistence.aof_rewriting.set(1);
        if wanted == Base::OfNewFile {
            persistence.aof_is_new.set(1);
        }
        let path = PathBuf::from(format!("temp-rewriteaof-bg-{}.aof", std::process::id()));
        let form = form_of(&self.settings);
        let mut manner = Manner::of_base(&self.settings, path.clone());
        let mut turned = None;
        if form == BaseForm::Requests {
            manner = manner.plain();
            turned = Some(as_requests(&self.settings));
        }
        let file = create_base(&path, manner.syncs);
        if wanted == Base::Anew
            && let Err(why) = &file
        {
            self.log.warning(why);
            return self.file.order(Order::Unbased);
        }
        // The file begins at the cut in any case: its base is tried again.
        let target = Box::new(BaseFile { file, turned });
        let folder = Folder::of(&self.settings);
        let idle = (wanted == Base::Anew && !self.file.is_on).then(|| folder.clone());
        self.file.cuts += 1;
        let number = FILE_CUT | self.file.cuts;
        let (orders, bell) = (self.file.orders.clone(), self.file.bell);
        let journal = self.file.journal.clone();
        let order = snapshot::Order {
            target,
            manner,
            at_cut: Box::new(move |work, held| match wanted {
                Base::Anew => {
                    work.mark(held, number);
                }
                Base::OfNewFile => {
                    work.seal();
                    for shard in held.iter_mut().flatten() {
                        shard.recorded_by |= FILE;
                    }
                    let ticket = journal.feed.last() + 1;
                    journal.hold_to(ticket - 1);
                    // The thread is gone only at the end.
                    let _gone = orders.send(Order::BeginAnew { ticket, folder }).is_err();
                    bell.ring();
                }
            }),
            when_cut: Box::new(|_, _| {}),
            offset: None,
            when_over: Box::new(move |control, outcome| {
                let order = match outcome {
                    Ok(_) => Order::Based {
                        base: path,
                        form,
                        idle,
                    },
                    Err(Failure::Fault(why)) => {
                        control.log.warning(&why);
                        Order::Unbased
                    }
                    Err(Failure::GivenUp) => Order::Unbased,
                };
                control.file.order(order);
            }),
        };
        self.begin_snapshot(0, order);
    }

    /// All data is other data now: the file begins anew, if there is one.
    pub(in crate::server) fn renew_file(&mut self, shards: &mut [Box<Shard>]) {
        if shards.iter().any(|shard| shard.recorded_by & FILE != 0) {
            self.end_file(shards);
            self.file.wanted = Some(Base::OfNewFile);
        }
    }

    /// The file ends, with all shards in hand.
    pub(in crate::server) fn end_file(&mut self, shards: &mut [Box<Shard>]) {
        let lanes = shards.first().map_or(0, |shard| shard.recorded_by);
        if lanes & FILE == 0 {
            return;
        }
        for shard in shards.iter_mut() {
            shard.recorded_by &= !FILE;
        }
        let ticket = self.file.journal.publish_cut(shards.len(), lanes, 0);
        self.file.order(Order::Stop { ticket });
    }

    /// DEBUG LOADAOF: the file into the shards in hand, instead of what is there.
    /// They are gone if it is not right, and the node ends.
    pub(in crate::server) fn load_file(&mut self, mut shards: Lent) -> Result<Lent, ()> {
        self.file.flush();
        let opened = super::load::open(&self.settings, self.table);
        let opened = opened.and_then(|opened| {
            opened.ok_or_else(|| "There is no append-only file to load".to_owned())
        });
        for shard in shards.iter_mut().flatten() {
            // Nobody is told of keys that come from a file.
            shard.keyspace.note(Noted::default());
            let databases = 0..shard.keyspace.databases();
            databases.for_each(|index| drop(shard.keyspace.db_mut(index).clear()));
        }
        let manner = self.file_manner();
        let loaded = opened.and_then(|mut opened| super::load::load(&mut opened, shards, &manner));
        match loaded {
            Ok((shards, functions)) => {
                self.give_libraries(functions.into(), true);
                self.log.warning("Append Only File loaded by DEBUG LOADAOF");
                Ok(shards)
            }
            Err(why) => {
                self.log.warning(&why);
                self.fail("Fatal error loading the DB, check server logs. Exiting.");
                Err(())
            }
        }
    }

    fn file_manner(&self) -> load::Manner {
        let (log, persistence) = (self.log.clone(), Arc::clone(&self.persistence));
        let mut manner = load::Manner::of(&self.settings, log, persistence);
        manner.keeps_what_is_recorded();
        manner
    }
}

/// A base that is being written, or why it is not.
struct BaseFile {
    file: Result<Temporary, String>,
    /// What makes requests of it, if it is to be such.
    turned: Option<AsRequests>,
}

fn create_base(path: &Path, syncs: bool) -> Result<Temporary, String> {
    Temporary::at(path.to_owned(), syncs).map_err(|error| {
        let reason = reason(&error);
        format!(
            "Opening the temp file {} for an AOF base: {reason}",
            path.display()
        )
    })
}

fn unwritten(error: &std::io::Error) -> String {
    format!("Write error writing the AOF base: {}", reason(error))
}

impl Target for BaseFile {
    fn write(&mut self, bytes: Bytes, _: &dyn Fn() -> bool) -> Result<(), String> {
        let file = self.file.as_mut().map_err(|why| why.clone())?;
        let written = match &mut self.turned {
            None => file.write(&bytes),
            Some(turned) => {
                let requests = turned.on_bytes(&bytes);
                file.write(&requests.map_err(|fault| fault.to_string())?)
            }
        };
        written.map_err(|error| unwritten(&error))
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        let mut file = self.file?;
        file.sync().map_err(|error| unwritten(&error))?;
        file.keep();
        Ok(())
    }
}
