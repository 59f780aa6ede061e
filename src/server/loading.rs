//! The start with a file: the cores serve what needs no data while a thread of
//! its own loads, and get their keyspaces when it has.

use std::sync::{Arc, mpsc};
use std::thread;

use crate::command::{LibraryHost, noted};
use crate::keyspace::Keyspace;
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::core::Bell;
use crate::script::Existing;

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
}

/// Everything of a file.
pub(super) struct Whole {
    pub(super) keyspaces: Vec<Keyspace>,
    pub(super) loaded: Loaded,
    took_ns: u64,
}

impl Whole {
    /// Tells the log what came.
    pub(super) fn tell(&self, log: &Log) {
        log.notice(&self.loaded.line());
        let seconds = self.took_ns as f64 / 1e9;
        log.notice(&format!("DB loaded from disk: {seconds:.3} seconds"));
    }
}

impl Loading {
    /// Begins to load a file into these keyspaces, when others have been freed;
    /// rings when it is over.
    pub(super) fn begin(
        mut source: Source,
        (mut keyspaces, freed): (Vec<Keyspace>, Vec<Keyspace>),
        manner: Manner,
        bell: Bell,
    ) -> Result<Loading, String> {
        let (tell, outcome) = mpsc::channel();
        let missing = keyspaces.len();
        manner.persistence.loading_since_s.set(unix_ms() / 1000);
        let life = move || {
            let watch = Stopwatch::start();
            drop(freed);
            let mut all: Vec<&mut Keyspace> = keyspaces.iter_mut().collect();
            let whole = load(&mut source, &mut all, &manner)
                .map(|loaded| Whole {
                    keyspaces,
                    loaded,
                    took_ns: watch.ns(),
                })
                .map_err(|why| format!("{}: {}", source.name, why.text()));
            // Nobody hears it at a node that has been ended.
            let _unheard = tell.send(whole).is_err();
            bell.ring();
        };
        thread::Builder::new()
            .name("loader".to_owned())
            .spawn(life)
            .map_err(|error| format!("Can't start a thread: {error}"))?;
        Ok(Loading { outcome, missing })
    }
}

impl Control {
    /// Looks whether the loader is done, and gives the cores their keyspaces.
    pub(super) fn look_at_loader(&mut self) {
        let Some(loading) = &self.loading else { return };
        match loading.outcome.try_recv() {
            Ok(Ok(whole)) => self.hand_out(whole),
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
        self.loading = None;
        self.persistence.loading.set(0);
        for core in 0..self.bells.len() {
            self.post.post(core, Letter::LoadingOver);
        }
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
