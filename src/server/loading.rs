//! The start with a file: the cores serve what needs no data while a thread of
//! its own loads, and get their keyspaces when it has.

use std::sync::{Arc, mpsc};
use std::thread;

use crate::command::{Errand, Lent, LibraryHost, noted};
use crate::keyspace::Keyspace;
use crate::replication::Standing;
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::core::Bell;
use crate::script::Existing;
use crate::shard::Shard;

use super::aof::{self, Opened};
use super::boot::SYSTEM;
use super::control::Control;
use super::core::Work;
use super::letter::Letter;
use super::load::{Loaded, Manner, Source, load};
use super::log::Log;
use super::vault::Waiter;

/// A load under way, as the control core sees it.
pub(super) struct Loading {
    pub(super) outcome: mpsc::Receiver<Result<Whole, String>>,
    /// Cores that have not taken over their keyspaces.
    missing: usize,
    /// It is the append-only file.
    is_aof: bool,
    /// Where in a history the data stands.
    standing: Option<Standing>,
}

/// Everything of a file.
pub(super) struct Whole {
    pub(super) keyspaces: Vec<Keyspace>,
    pub(super) loaded: Loaded,
    took_ns: u64,
    /// The append-only file, if that is what was loaded.
    opened: Option<Opened>,
}

/// What is loaded.
pub(super) enum Origin {
    Rdb(Source),
    Aof(Box<Opened>),
}

impl Origin {
    /// Bytes; 0 if nobody knows.
    fn size(&self) -> u64 {
        match self {
            Origin::Rdb(source) if source.total < u64::MAX => source.total,
            Origin::Rdb(_) => 0,
            Origin::Aof(opened) => opened.size(),
        }
    }
}

impl From<Source> for Origin {
    fn from(source: Source) -> Origin {
        Origin::Rdb(source)
    }
}

impl Whole {
    /// Tells the log what came.
    pub(super) fn tell(&self, log: &Log) {
        let seconds = self.took_ns as f64 / 1e9;
        if self.opened.is_some() {
            return log.notice(&format!(
                "DB loaded from append only file: {seconds:.3} seconds"
            ));
        }
        log.notice(&self.loaded.line());
        log.notice(&format!("DB loaded from disk: {seconds:.3} seconds"));
    }
}

impl Loading {
    /// Begins to load a file into these keyspaces, when others have been freed;
    /// rings when it is over.
    pub(super) fn begin(
        origin: impl Into<Origin>,
        (keyspaces, freed): (Vec<Keyspace>, Vec<Keyspace>),
        manner: Manner,
        bell: Bell,
    ) -> Result<Loading, String> {
        let origin = origin.into();
        let (tell, outcome) = mpsc::channel();
        let missing = keyspaces.len();
        let is_aof = matches!(origin, Origin::Aof(_));
        let persistence = &manner.persistence;
        persistence.loading_since_s.set(unix_ms() / 1000);
        persistence.loading_total_bytes.set(origin.size());
        persistence.loading_loaded_bytes.set(0);
        let life = move || {
            drop(freed);
            let whole = match origin {
                Origin::Rdb(source) => load_rdb(source, keyspaces, &manner),
                Origin::Aof(opened) => load_aof(*opened, keyspaces, manner),
            };
            // Nobody hears it at a node that has been ended.
            let _unheard = tell.send(whole).is_err();
            bell.ring();
        };
        thread::Builder::new()
            .name("loader".to_owned())
            .spawn(life)
            .map_err(|error| format!("Can't start a thread: {error}"))?;
        Ok(Loading {
            outcome,
            missing,
            is_aof,
            standing: None,
        })
    }
}

fn load_rdb(
    mut source: Source,
    mut keyspaces: Vec<Keyspace>,
    manner: &Manner,
) -> Result<Whole, String> {
    let watch = Stopwatch::start();
    let mut all: Vec<&mut Keyspace> = keyspaces.iter_mut().collect();
    let loaded = load(&mut source, &mut all, manner)
        .map_err(|why| format!("{}: {}", source.name, why.text()))?;
    Ok(Whole {
        keyspaces,
        loaded,
        took_ns: watch.ns(),
        opened: None,
    })
}

fn load_aof(
    mut opened: Opened,
    keyspaces: Vec<Keyspace>,
    mut manner: Manner,
) -> Result<Whole, String> {
    let watch = Stopwatch::start();
    manner.keeps_what_is_recorded();
    let shards: Lent = keyspaces
        .into_iter()
        .enumerate()
        .map(|(core, keyspace)| Some(Box::new(Shard::around(core, keyspace))))
        .collect();
    let (shards, functions) = aof::load(&mut opened, shards, &manner)?;
    let shards = shards.into_iter().flatten();
    Ok(Whole {
        keyspaces: shards.map(|shard| shard.keyspace).collect(),
        loaded: Loaded::of_functions(functions),
        took_ns: watch.ns(),
        opened: Some(opened),
    })
}

impl Control {
    /// Looks whether the loader is done, and gives the cores their keyspaces.
    pub(super) fn look_at_loader(&mut self) {
        let Some(loading) = &self.loading else { return };
        match loading.outcome.try_recv() {
            Ok(Ok(whole)) => self.hand_out(whole),
            // The last line says what is wrong, and where, as by stock.
            Ok(Err(why)) if loading.is_aof => self.fail(&why),
            Ok(Err(why)) => {
                self.log.warning(&why);
                let text = "Fatal error loading the DB, check server logs. Exiting.";
                self.fail(text);
            }
            Err(mpsc::TryRecvError::Empty | mpsc::TryRecvError::Disconnected) => {}
        }
    }

    fn hand_out(&mut self, whole: Whole) {
        whole.tell(&self.log);
        let standing = whole.loaded.standing();
        if let Some(loading) = &mut self.loading {
            loading.standing = standing;
        }
        if whole.opened.is_none() {
            self.start_with(whole.loaded.lineage.as_deref(), standing);
        } else if !whole.keyspaces.iter().any(|keyspace| keyspace.has_keys()) {
            self.start_empty();
        }
        if let Some(opened) = whole.opened {
            // Before anybody can write.
            self.file.begin(opened.folder, opened.manifest);
        }
        let functions: Arc<[Vec<u8>]> = whole.loaded.functions.into();
        for (core, keyspace) in whole.keyspaces.into_iter().enumerate() {
            let functions = Arc::clone(&functions);
            let letter = Letter::Loaded {
                keyspace: Box::new(keyspace),
                functions,
            };
            self.post.post(core, letter);
        }
    }

    /// A core has its keyspace. After the last all may serve: before, a request
    /// could reach a core that is still empty.
    pub(super) fn on_installed(&mut self) {
        let loading = self.loading.as_mut().expect("only what was loaded comes");
        loading.missing -= 1;
        if loading.missing > 0 {
            return;
        }
        match loading.standing {
            None => self.serve_loaded(),
            Some(standing) if self.settings.primary().is_some() => {
                self.stand_behind_primary(standing);
                self.serve_loaded();
            }
            // The shards are recorded before anybody can write.
            Some(_) => self.borrow_all(Errand::Resume),
        }
    }

    /// All shards are here: what is written from now on follows what was loaded, and
    /// who has that can go on with it.
    pub(super) fn resume(&mut self, shards: &mut [Box<Shard>]) {
        if self.settings.primary().is_some() {
            // It is to be another's data by now.
            return;
        }
        let loading = self.loading.as_ref();
        if let Some(standing) = loading.and_then(|loading| loading.standing) {
            self.lead_from(standing, shards);
        }
    }

    /// What was loaded is served.
    pub(super) fn serve_loaded(&mut self) {
        self.loading = None;
        self.persistence.loading.set(0);
        self.post_all(|| Letter::LoadingOver);
        // Settings may have changed meanwhile.
        self.follow_file_settings();
        self.announced.ready(&self.log);
        self.log.notice("Ready to accept connections");
        self.begin_following();
    }
}

impl Work {
    /// What was loaded for this core; nobody has used its keyspace so far.
    pub(super) fn on_loaded(&mut self, keyspace: Box<Keyspace>, functions: &[Vec<u8>]) {
        self.load_libraries(functions);
        if self.vault_is_open() {
            self.install(*keyspace);
        } else {
            self.vault.wait(Waiter::Loaded(keyspace));
        }
    }

    /// Puts it in the place of the empty one.
    pub(super) fn install(&mut self, keyspace: Keyspace) {
        let shard = self.vault.at_home().expect("the caller looked");
        shard.keyspace = keyspace;
        let is_recorded = shard.recorded_by != 0;
        shard
            .keyspace
            .note(noted(self.local.live.events, is_recorded));
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Installed);
    }

    /// Loads libraries that were tried before.
    pub(super) fn load_libraries(&mut self, functions: &[Vec<u8>]) {
        for text in functions {
            let mut host = LibraryHost::unhurried(SYSTEM);
            let libraries = &mut self.local.functions;
            let loaded = libraries.load(text, Existing::Replaced, &mut host);
            loaded.expect("the loader has tried it");
        }
    }
}
