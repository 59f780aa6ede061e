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
use crate::resp::{Args, OwnedArgs, Reply, Version};
use crate::script::{Existing, Libraries};

use super::boot::SYSTEM;
use super::tick::touch_of;

/// See the module.
pub(super) struct Replay {
    table: &'static Table,
    placement: Placement,
    live: Arc<Live>,
    random: Random,
    clock: Clock,
    pub(super) shards: Lent,
    pub(super) libraries: Libraries,
    database: usize,
    /// The requests of a transaction whose EXEC has not come.
    queued: Option<Vec<OwnedArgs>>,
    /// Requests that were done.
    pub(super) done: u64,
    reply: Vec<u8>,
}

/// Why a request cannot be done again.
pub(super) struct Unknown(pub(super) String);

impl Replay {
    /// Onto all shards of a node, in the order of their cores.
    pub(super) fn new(table: &'static Table, live: &Arc<Live>, shards: Lent) -> Replay {
        Replay {
            table,
            placement: Placement::new(shards.len()),
            live: Arc::clone(live),
            random: Random::from_entropy(),
            clock: Clock {
                now: 0,
                touch: touch_of(live),
                overdue: Overdue::Left,
            },
            shards,
            libraries: Libraries::new(REDIS_VERSION),
            database: 0,
            queued: None,
            done: 0,
            reply: Vec::new(),
        }
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
        (self.shards, texts)
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
            (_, Some(queued)) => queued.push(OwnedArgs::new(args.iter())),
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
            | Run::EverywhereOr(_, handler) => self.turn(handler, args),
            Run::Led(_) => {
                let mut host = LibraryHost::unhurried(SYSTEM);
                let changed = change_libraries(entry, &mut self.libraries, &mut host, args);
                changed.map_err(|refusal| Unknown(refusal.text().into_owned()))?;
            }
            Run::Here(_) if entry.name == "select" => {
                let index = std::str::from_utf8(args.get(1)).ok();
                let index = index.and_then(|index| index.parse::<usize>().ok());
                let databases = self.live.databases as usize;
                self.database = index
                    .filter(|index| *index < databases)
                    .ok_or_else(|| Unknown("a database beyond `databases`".to_owned()))?;
            }
            // They change nothing: PING, PUBLISH.
            Run::Here(_) | Run::AloneOr(..) | Run::Everywhere(_) => {}
            Run::Exec
            | Run::Script { .. }
            | Run::KillScript { .. }
            | Run::Node(_)
            | Run::Waits(_)
            | Run::EverywhereOrNode(..)
            | Run::Container(_) => return Err(unknown(args)),
        }
        self.done += 1;
        Ok(())
    }

    fn turn(&mut self, handler: DataHandler, args: Args<'_>) {
        let mut turn = Turn::new(
            Data::Lent(&mut self.shards),
            self.placement,
            None,
            self.database,
            self.clock,
            &mut self.random,
            &self.live,
        );
        self.reply.clear();
        let mut reply = Reply::new(&mut self.reply, Version::Two);
        // Stock passes over what is refused, too.
        let _refused = handler(&mut turn, args, &mut reply).is_err();
        drop(turn.end().discarded);
    }
}

fn unknown(args: Args<'_>) -> Unknown {
    let name = args.name().escape_ascii();
    Unknown(format!(
        "Unknown command '{name}' reading the append only file"
    ))
}
