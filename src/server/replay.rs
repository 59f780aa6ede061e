//! What was recorded, done again on shards in hand: a file at the start.
//!
//! No time passes meanwhile. Nothing expires by itself, for what did is
//! recorded, and deadlines are moments that were decided when they were set.
//! A transaction is done when its EXEC has come, and not at all before.

use std::sync::Arc;

use crate::base::Random;
use crate::command::{
    Data, DataHandler, Entry, Lent, LibraryHost, Placement, REDIS_VERSION, Run, Table, Turn,
    change_libraries,
};
use crate::config::Live;
use crate::keyspace::{Clock, Overdue};
use crate::resp::{Args, Outcome, OwnedArgs, Reply, Version};
use crate::runtime::clock::unix_ms;
use crate::script::{Engine, Existing, Libraries};

use super::boot::SYSTEM;
use super::replay_script::{Rerun, run_again};
use super::tick::touch_of;

/// See the module.
pub(super) struct Replay {
    table: &'static Table,
    data: Onto,
    pub(super) libraries: Libraries,
    /// What scripts were run so far: later ones may be named by their digests.
    scripts: Engine,
    database: usize,
    /// The requests of a transaction whose EXEC has not come.
    queued: Option<Vec<OwnedArgs>>,
    /// Requests that were done.
    pub(super) done: u64,
    reply: Vec<u8>,
}

/// The shards on which it is done, and what a turn needs beside them.
pub(super) struct Onto {
    pub(super) shards: Lent,
    placement: Placement,
    live: Arc<Live>,
    random: Random,
    clock: Clock,
}

/// Why a request cannot be done again.
pub(super) struct Unknown(pub(super) String);

impl Replay {
    /// Onto all shards of a node, in the order of their cores.
    pub(super) fn new(table: &'static Table, live: &Arc<Live>, shards: Lent) -> Replay {
        Replay {
            table,
            data: Onto {
                placement: Placement::new(shards.len()),
                shards,
                live: Arc::clone(live),
                random: Random::from_entropy(),
                clock: Clock {
                    now: 0,
                    touch: touch_of(live).as_new(unix_ms()),
                    overdue: Overdue::Left,
                },
            },
            libraries: Libraries::new(REDIS_VERSION),
            scripts: Engine::new(REDIS_VERSION),
            database: 0,
            queued: None,
            done: 0,
            reply: Vec::new(),
        }
    }

    /// As they are by now.
    #[cfg(test)]
    pub(super) fn shards(&self) -> &Lent {
        &self.data.shards
    }

    /// Forgets a transaction that has begun and not ended; whether there was
    /// one.
    pub(super) fn give_up_transaction(&mut self) -> bool {
        self.queued.take().is_some()
    }

    /// Takes libraries in that came with a base.
    pub(super) fn load_libraries(&mut self, texts: &[Vec<u8>]) -> Result<(), String> {
        for text in texts {
            let mut host = LibraryHost::unhurried(SYSTEM);
            let loaded = self.libraries.load(text, Existing::Refused, &mut host);
            loaded.map_err(|refusal| refusal.text().into_owned())?;
        }
        Ok(())
    }

    /// The shards, and the texts of the libraries.
    pub(super) fn end(self) -> (Lent, Vec<Vec<u8>>) {
        let libraries = self.libraries.iter();
        let texts = libraries.map(|library| library.code.to_vec()).collect();
        (self.data.shards, texts)
    }

    /// Does a request again, or keeps it for its EXEC. That it is refused is no
    /// failure: stock leaves such requests, too.
    pub(super) fn run(&mut self, args: Args<'_>) -> Result<(), Unknown> {
        let Some(entry) = self.table.find(args) else {
            return Err(unknown(args));
        };
        match (entry.name, &mut self.queued) {
            ("multi", None) => self.queued = Some(Vec::new()),
            ("multi", Some(_)) => {
                return Err(Unknown("MULTI inside of MULTI".to_owned()));
            }
            ("exec", _) => {
                let queued = self.queued.take();
                let queued = queued.ok_or_else(|| Unknown("EXEC without MULTI".to_owned()))?;
                for words in &queued {
                    let args = words.args();
                    let entry = self.table.find(args).ok_or_else(|| unknown(args))?;
                    self.act(entry, args)?;
                }
            }
            (_, Some(queued)) => queued.push(OwnedArgs::from(args)),
            (_, None) => self.act(entry, args)?,
        }
        Ok(())
    }

    fn act(&mut self, entry: &'static Entry, args: Args<'_>) -> Result<(), Unknown> {
        if !entry.takes(args.len()) {
            return Err(Unknown(format!(
                "wrong number of words for '{}'",
                entry.name
            )));
        }
        match entry.command.run {
            Run::Data(handler)
            | Run::DataOrWhole(handler, _)
            | Run::Whole(handler)
            | Run::AtCursor(handler)
            | Run::EverywhereOr(_, handler) => {
                self.reply.clear();
                let manner = (self.database, self.data.clock, Version::Two);
                // Stock passes over what is refused, too.
                let _refused = self
                    .data
                    .turn(handler, manner, args, &mut self.reply)
                    .is_err();
            }
            Run::Led(_) => {
                let mut host = LibraryHost::unhurried(SYSTEM);
                let changed = change_libraries(entry, &mut self.libraries, &mut host, args);
                changed.map_err(|refusal| Unknown(refusal.text().into_owned()))?;
            }
            Run::Here(_) if entry.name == "select" => {
                let index = std::str::from_utf8(args.get(1)).ok();
                let index = index.and_then(|index| index.parse::<usize>().ok());
                let databases = self.data.databases();
                self.database = index
                    .filter(|index| *index < databases)
                    .ok_or_else(|| Unknown("a database beyond `databases`".to_owned()))?;
            }
            Run::Script { subject, .. } => {
                self.reply.clear();
                let rerun = Rerun {
                    table: self.table,
                    data: &mut self.data,
                    database: self.database,
                };
                let lua = (&mut self.scripts, &mut self.libraries);
                // That it fails is no failure: as with what is refused.
                let mut reply = Reply::new(&mut self.reply, Version::Two);
                let _refused = run_again(rerun, subject, args, lua, &mut reply).is_err();
            }
            Run::Everywhere(_) if entry.name == "script|load" => {
                // What was no script then was told so.
                let _refused = self.scripts.load(args.get(2)).is_err();
            }
            // They change nothing: PING, PUBLISH.
            Run::Here(_) | Run::AloneOr(..) | Run::Everywhere(_) => {}
            Run::Exec
            | Run::KillScript { .. }
            | Run::Node(_)
            | Run::Waits(_)
            | Run::EverywhereOrNode(..)
            | Run::Container(_) => return Err(unknown(args)),
        }
        self.done += 1;
        Ok(())
    }
}

impl Onto {
    /// Runs a handler, and writes its reply or its refusal, for a client of this
    /// database, clock and protocol version.
    pub(super) fn turn(
        &mut self,
        handler: DataHandler,
        (database, clock, version): (usize, Clock, Version),
        args: Args<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let mut turn = Turn::new(
            Data::Lent(&mut self.shards),
            self.placement,
            None,
            database,
            clock,
            &mut self.random,
            &self.live,
        );
        let outcome = handler(&mut turn, args, &mut Reply::new(out, version));
        drop(turn.end().discarded);
        outcome
    }

    /// How many databases there are.
    pub(super) fn databases(&self) -> usize {
        self.live.databases as usize
    }

    /// The clock of a script: it may count from now on, as where it ran first.
    pub(super) fn clock_of_script(&self) -> Clock {
        Clock {
            now: unix_ms(),
            overdue: Overdue::Found,
            ..self.clock
        }
    }
}

fn unknown(args: Args<'_>) -> Unknown {
    let name = args.name().escape_ascii();
    Unknown(format!(
        "Unknown command '{name}' reading the append only file"
    ))
}
