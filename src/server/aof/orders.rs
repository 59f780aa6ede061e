//! The control core's side: settings that begin and end the file, and bases.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};

use crate::command::{Errand, Lent};
use crate::config::Settings;
use crate::journal::{Manifest, Slice};
use crate::keyspace::Noted;
use crate::runtime::core::Bell;
use crate::server::control::Control;
use crate::server::load;
use crate::server::log::Log;
use crate::server::recording::{FILE, FILE_CUT, Journal};
use crate::server::save::{Manner, save};
use crate::shard::Shard;

use super::folder::Folder;
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
    let manner = Manner::of_base(settings, base.clone());
    save(&mut [], &[], &manner)?;
    let failed = |error: std::io::Error| {
        format!(
            "Can't make the append-only file: {}",
            crate::server::save::reason(&error)
        )
    };
    let name = folder.found(&base).map_err(failed)?;
    log.notice(&format!("Creating AOF base file {name} on server start"));
    Ok(())
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
            let errand = if wanted {
                Errand::BeginFile
            } else {
                Errand::EndFile
            };
            self.ask_for_shards(errand, None);
        }
    }

    /// Whether the file has grown so much that it is to be written anew.
    pub(in crate::server) fn look_at_file(&mut self) {
        let persistence = &self.persistence;
        if persistence.aof_rewrite_wanted.read() == 1
            && persistence.aof_rewriting.read() == 0
            && self.loading.is_none()
        {
            self.begin_rewrite();
        }
    }

    /// A base is written as soon as all shards are here.
    pub(in crate::server) fn begin_rewrite(&mut self) {
        self.persistence.aof_rewriting.set(1);
        self.ask_for_shards(Errand::Rewrite, None);
    }

    /// BGREWRITEAOF, with all shards in hand.
    pub(in crate::server) fn rewrite(&mut self, shards: &mut [Box<Shard>], functions: &[Vec<u8>]) {
        let lanes = shards.first().map_or(0, |shard| shard.recorded_by);
        if lanes & FILE != 0 {
            self.file.cuts += 1;
            let cut = Slice {
                cut: Some(FILE_CUT | self.file.cuts),
                ..Slice::default()
            };
            self.file.journal.publish(shards.len(), lanes, cut);
        }
        let idle = (lanes & FILE == 0).then(|| Folder::of(&self.settings));
        self.write_base(shards, functions, idle);
    }

    /// The file begins, with all shards in hand.
    pub(in crate::server) fn begin_file(
        &mut self,
        shards: &mut [Box<Shard>],
        functions: &[Vec<u8>],
    ) {
        for shard in shards.iter_mut() {
            shard.recorded_by |= FILE;
        }
        let journal = &self.file.journal;
        let ticket = journal.feed.last() + 1;
        journal.hold_to(ticket - 1);
        self.file.order(Order::BeginAnew {
            ticket,
            folder: Folder::of(&self.settings),
        });
        self.persistence.aof_rewriting.set(1);
        self.write_base(shards, functions, None);
    }

    /// All data is other data now: the file begins anew, if there is one.
    pub(in crate::server) fn renew_file(
        &mut self,
        shards: &mut [Box<Shard>],
        functions: &[Vec<u8>],
    ) {
        if shards.iter().any(|shard| shard.recorded_by & FILE != 0) {
            self.end_file(shards);
            self.begin_file(shards, functions);
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
        let cut = Slice {
            cut: Some(0),
            ..Slice::default()
        };
        let ticket = self.file.journal.publish(shards.len(), lanes, cut);
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
        // That they went was recorded.
        manner.keeps_expired = true;
        manner
    }

    fn write_base(
        &mut self,
        shards: &mut [Box<Shard>],
        functions: &[Vec<u8>],
        idle: Option<Folder>,
    ) {
        let base = PathBuf::from(format!("temp-rewriteaof-bg-{}.aof", std::process::id()));
        let manner = Manner::of_base(&self.settings, base.clone());
        match save(shards, functions, &manner) {
            Ok(()) => self.file.order(Order::Based { base, idle }),
            Err(why) => {
                self.log.warning(&why);
                self.file.order(Order::Unbased);
            }
        }
    }
}
