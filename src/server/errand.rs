//! What the control core does with the data of every core: a core borrows all
//! shards and sends them here, and they go home afterwards. Nothing else can
//! touch them meanwhile, so it is done at one moment for everybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Errand, Lent, Reload, Saving, Shutdown};
use crate::keyspace::{Keyspace, Noted};
use crate::resp::{Refusal, Reply, Version};
use crate::runtime::clock::unix_ms;
use crate::script::Existing;
use crate::session::{Gap, SessionId};
use crate::shard::Shard;
use crate::telemetry::totals;

use super::control::Control;
use super::core::Work;
use super::hub::Settling;
use super::letter::{Decided, Decision, Letter};
use super::load::{self, Source};
use super::loan::Job;
use super::save::{Manner, save};

/// Errands whose shards are on their way, by number.
#[derive(Default)]
pub(super) struct Errands {
    open: BTreeMap<u64, (Errand, Option<Client>)>,
    next: u64,
}

/// Who waits for the reply.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) core: usize,
    session: SessionId,
    gap: Gap,
    entry: u16,
    version: Version,
}

const SAVE_FAILED: Refusal = Refusal::Stated("ERR");
const LOAD_FAILED: Refusal =
    Refusal::Stated("ERR Error trying to load the RDB dump, check server logs.");
const FILE_LOAD_FAILED: Refusal =
    Refusal::Stated("ERR Error trying to load the AOF files, check server logs.");
const SHUTDOWN_FAILED: Refusal = Refusal::Stated("ERR Errors trying to SHUTDOWN. Check logs.");

impl Control {
    /// Begins what a client's command left to do.
    pub(super) fn begin_errand(&mut self, from: usize, decision: &Decision, errand: Errand) {
        let client = Client {
            core: from,
            session: decision.session,
            gap: decision.gap,
            entry: decision.entry,
            version: decision.version,
        };
        match errand {
            Errand::Shutdown(shutdown) => self.begin_shutdown(shutdown, Some(client)),
            Errand::Rewrite => self.begin_asked_rewrite(&client),
            Errand::Wait(wait) => self.begin_wait(client, wait, decision.may_wait),
            Errand::EndFile
            | Errand::Clear
            | Errand::Exchange
            | Errand::Lead
            | Errand::Demote
            | Errand::Resume
            | Errand::Halt
            | Errand::Cease => {
                unreachable!("no client asks for these")
            }
            Errand::Save | Errand::Background(_) | Errand::Reload(_) | Errand::LoadFile
                if self.is_loading() =>
            {
                self.answer(client, Some(Refusal::LOADING));
            }
            Errand::Background(asked) => self.background_save(asked, client),
            Errand::Save if self.is_saving() => self.answer(client, Some(Refusal::SAVING)),
            Errand::Save | Errand::Reload(_) | Errand::LoadFile => {
                self.when_settled(Settling::Shards(errand, Some(client)));
            }
            Errand::Follow { .. } | Errand::Unfollow if self.is_failing_over() => {
                self.answer(client, Some(Refusal::REPLICAOF_IN_FAILOVER));
            }
            Errand::FailOver(failover) => self.begin_failover(client, failover),
            Errand::AbortFailover => self.abort_failover(client),
            Errand::AbortShutdown => self.abort_shutdown(client),
            Errand::Follow { host, port } => self.follow(client, host, port),
            Errand::Unfollow => self.unfollow(client),
        }
    }

    /// A signal asks for the end, in the way this setting says.
    pub(super) fn end_by_signal(&mut self, setting: &'static str) {
        let words = self.settings.bytes(setting).to_ascii_lowercase();
        let says = |word: &[u8]| words.split(|byte| *byte == b' ').any(|said| said == word);
        let save = match (says(b"save"), says(b"nosave")) {
            (true, _) => Saving::Asked,
            (_, true) => Saving::Never,
            (false, false) => Saving::IfConfigured,
        };
        let force = says(b"force");
        let now = says(b"now");
        self.begin_shutdown(Shutdown { save, now, force }, None);
    }

    /// Whether the shards for the last save are on their way.
    pub(super) fn is_ending(&self) -> bool {
        let mut open = self.errands.open.values();
        let is_saving = open.any(|(errand, _)| matches!(errand, Errand::Shutdown(_)));
        is_saving || self.is_ending_when_replicated()
    }

    fn begin_shutdown(&mut self, shutdown: Shutdown, client: Option<Client>) {
        self.log.notice("User requested shutdown...");
        if !self.waits_for_replicas(shutdown, client) {
            self.finish_shutdown(shutdown, client);
        }
    }

    /// The same, with nobody to wait for.
    pub(super) fn finish_shutdown(&mut self, shutdown: Shutdown, client: Option<Client>) {
        if self.settings.is_on("appendonly") && self.persistence.aof_is_new.read() == 1 {
            // Started again, the node would read that file, and there is none.
            if !shutdown.force {
                self.log.warning("Writing initial AOF, can't exit.");
                return self.fail_shutdown(client);
            }
            self.log.warning("Writing initial AOF. Exit anyway.");
        }
        if self.is_saving() {
            let line = "There is a background save under way: it is given up.";
            self.log.warning(line);
        }
        self.give_up_snapshot();
        let has_save_points = !self.settings.bytes("save").is_empty();
        let saves = match shutdown.save {
            // What is on disk is more than what is in memory.
            _ if self.is_loading() => false,
            Saving::Asked => true,
            Saving::IfConfigured => has_save_points,
            Saving::Never => false,
        };
        if saves {
            self.when_settled(Settling::Shards(Errand::Shutdown(shutdown), client));
        } else {
            self.is_stopping = true;
        }
    }

    /// The node goes on, and who asked for its end hears of it.
    fn fail_shutdown(&mut self, client: Option<Client>) {
        let text = "Errors trying to shut down the server. Check the logs for more information.";
        self.log.warning(text);
        self.end_failed_shutdown();
        if let Some(client) = client {
            self.answer(client, Some(SHUTDOWN_FAILED));
        }
    }

    /// Whether what the cores have is not all of the data.
    pub(super) fn is_loading(&self) -> bool {
        self.loading.is_some() || self.upstream.is_loading()
    }

    /// Borrows every shard for an errand that no client waits for.
    pub(super) fn borrow_all(&mut self, errand: Errand) {
        self.ask_for_shards(errand, None);
    }

    /// The core of the client borrows them, so that what the client sent to
    /// other cores before runs before.
    pub(super) fn ask_for_shards(&mut self, errand: Errand, client: Option<Client>) {
        let number = self.errands.next;
        self.errands.next += 1;
        self.errands.open.insert(number, (errand, client));
        let core = client.map_or(0, |client| client.core);
        self.post.post(core, Letter::LendAll { errand: number });
    }

    /// All shards are here.
    pub(super) fn on_all_lent(&mut self, number: u64, held: Lent, functions: &[Vec<u8>]) {
        let (errand, client) = self
            .errands
            .open
            .remove(&number)
            .expect("an errand is open until its shards have come");
        let mut shards: Vec<Box<Shard>> = held.into_iter().flatten().collect();
        let holds_stream = matches!(
            errand,
            Errand::Save | Errand::Reload(_) | Errand::LoadFile | Errand::Shutdown(_)
        );
        let refusal = match errand {
            Errand::Save => self
                .save(&mut shards, functions)
                .err()
                .map(|()| SAVE_FAILED),
            Errand::Background(_) | Errand::Rewrite => {
                unreachable!("these need no shards")
            }
            Errand::EndFile => {
                self.end_file(&mut shards);
                None
            }
            Errand::LoadFile => {
                let held = shards.drain(..).map(Some).collect();
                match self.load_file(held) {
                    Ok(held) => {
                        shards.extend(held.into_iter().flatten());
                        None
                    }
                    Err(()) => Some(FILE_LOAD_FAILED),
                }
            }
            Errand::Reload(reload) => self.reload(reload, &mut shards, functions).err(),
            Errand::Shutdown(shutdown) => {
                self.log
                    .notice("Saving the final RDB snapshot before exiting.");
                if self.save(&mut shards, functions).is_ok() {
                    self.is_stopping = true;
                    return;
                }
                if shutdown.force {
                    self.log
                        .warning("Error trying to save the DB. Exit anyway.");
                    self.is_stopping = true;
                    return;
                }
                self.log.warning("Error trying to save the DB, can't exit.");
                self.end_failed_shutdown();
                Some(SHUTDOWN_FAILED)
            }
            Errand::Clear => {
                self.give_up_snapshot();
                self.clear_for_primary(&mut shards);
                return self.bring_home(shards);
            }
            Errand::Exchange => {
                // What it shows will not be this node's data any more.
                self.give_up_snapshot();
                self.exchange(&mut shards);
                return self.bring_home(shards);
            }
            Errand::Lead => {
                self.begin_leading(&mut shards);
                self.bring_home(shards);
                return self.free_of_primary();
            }
            // Who was told otherwise meanwhile goes on as before.
            Errand::Demote if !self.is_demoting() => return self.bring_home(shards),
            Errand::Demote => {
                self.end_stream(&mut shards);
                self.bring_home(shards);
                return self.demote();
            }
            Errand::Cease => {
                self.cease(&mut shards);
                return self.bring_home(shards);
            }
            Errand::Resume => {
                self.resume(&mut shards);
                self.bring_home(shards);
                return self.serve_loaded();
            }
            Errand::Halt => {
                self.on_halted();
                return self.bring_home(shards);
            }
            Errand::Follow { .. }
            | Errand::Unfollow
            | Errand::Wait(_)
            | Errand::FailOver(_)
            | Errand::AbortFailover
            | Errand::AbortShutdown => {
                unreachable!("these need no shards")
            }
        };
        if holds_stream {
            self.let_stream_go();
        }
        self.bring_home(shards);
        match client {
            Some(client) => self.answer(client, refusal),
            None if refusal.is_some() => self.log.warning(
                "Errors trying to shut down the server. Check the logs for more information.",
            ),
            None => {}
        }
    }

    /// The shards go back to their cores.
    pub(super) fn bring_home(&mut self, shards: impl IntoIterator<Item = Box<Shard>>) {
        for shard in shards {
            self.post.post(shard.core, Letter::Return { shard });
        }
    }

    /// BGREWRITEAOF is answered when it begins.
    fn begin_asked_rewrite(&mut self, client: &Client) {
        let answer = if self.is_loading() {
            Err(Refusal::LOADING)
        } else if self.persistence.aof_rewriting.read() == 1 {
            Err(Refusal::REWRITE_UNDER_WAY)
        } else {
            Ok(match self.want_rewrite() {
                true => "Background append only file rewriting started",
                false => "Background append only file rewriting scheduled",
            })
        };
        self.post.post(client.core, client.told(answer));
    }

    pub(super) fn answer(&mut self, client: Client, refusal: Option<Refusal>) {
        self.post.post(client.core, client.answer(refusal));
    }

    /// The same with a line of its own.
    pub(super) fn answer_simple(&mut self, client: Client, line: &str) {
        let mut reply = Vec::new();
        Reply::new(&mut reply, client.version).simple(line);
        self.post.post(client.core, client.reply(reply, None));
    }

    /// Writes the file, and tells the log and INFO.
    pub(super) fn save(
        &mut self,
        shards: &mut [Box<Shard>],
        functions: &[Vec<u8>],
    ) -> Result<(), ()> {
        let standing = self.standing_now();
        let history = standing.map(|standing| (standing.id, standing.database));
        let manner = Manner::of(&self.settings)
            .of_data(history)
            .of_lineage(self.lineage());
        let offset = standing.map(|standing| standing.offset);
        // Those that fail count, too, as with stock.
        self.persistence.saves.add(1);
        if let Err(why) = save(shards, functions, &manner, offset) {
            self.log.warning(&why);
            return Err(());
        }
        self.log.notice("DB saved on disk");
        // Nobody changes anything while the shards are here, so the cores'
        // counts are exact.
        let changes = totals(self.counters.iter()).changes;
        self.persistence.changes_at_save.set(changes);
        self.persistence.saved_at_s.set(unix_ms() / 1000);
        self.note_save(true);
        Ok(())
    }

    /// DEBUG RELOAD. A file that is not right ends the node, as at the start:
    /// the data may be half of it by then.
    fn reload(
        &mut self,
        reload: Reload,
        shards: &mut [Box<Shard>],
        functions: &[Vec<u8>],
    ) -> Result<(), Refusal> {
        if reload.saves {
            self.save(shards, functions).map_err(|()| SAVE_FAILED)?;
        }
        let opened =
            load::open(&self.settings).and_then(|file| file.map(Source::of_file).transpose());
        let mut source = match opened {
            Ok(Some(source)) => source,
            Ok(None) => return Err(LOAD_FAILED),
            Err(why) => {
                self.log.warning(&why);
                return Err(LOAD_FAILED);
            }
        };
        let (log, persistence) = (self.log.clone(), Arc::clone(&self.persistence));
        let mut manner = load::Manner::of(&self.settings, log, persistence);
        if reload.merges {
            manner.existing = Existing::Replaced;
        }
        if !reload.flushes {
            manner.libraries = functions.to_vec();
        }
        let mut keyspaces: Vec<&mut Keyspace> =
            shards.iter_mut().map(|shard| &mut shard.keyspace).collect();
        for keyspace in &mut keyspaces {
            // Nobody is told of keys that come from a file.
            keyspace.note(Noted::default());
            if reload.flushes {
                let databases = 0..keyspace.databases();
                databases.for_each(|index| drop(keyspace.db_mut(index).clear()));
            }
        }
        let loaded = match load::load(&mut source, &mut keyspaces, &manner) {
            Ok(loaded) => loaded,
            // Nothing is lost: libraries come before keys.
            Err(load::Failure::Library(why)) if !reload.flushes => {
                self.log.warning(&why);
                return Err(LOAD_FAILED);
            }
            Err(why) => {
                self.log.warning(why.text());
                self.fail("Fatal error loading the DB, check server logs. Exiting.");
                return Err(LOAD_FAILED);
            }
        };
        self.log.notice(&loaded.line());
        self.log.warning("DB reloaded by DEBUG RELOAD");
        self.give_libraries(loaded.functions.into(), reload.flushes);
        Ok(())
    }

    /// Gives every core libraries that were read from a file.
    pub(super) fn give_libraries(&mut self, functions: Arc<[Vec<u8>]>, flush: bool) {
        self.post_all(|| Letter::Libraries {
            functions: Arc::clone(&functions),
            flush,
        });
    }
}

impl Client {
    /// What it is told.
    pub(super) fn answer(&self, refusal: Option<Refusal>) -> Letter {
        self.told(refusal.map_or(Ok("OK"), Err))
    }

    /// Whether it is this session.
    pub(super) fn is(&self, core: usize, session: SessionId) -> bool {
        self.core == core && self.session == session
    }

    /// A number.
    pub(super) fn number(&self, number: u64) -> Letter {
        let mut reply = Vec::new();
        Reply::new(&mut reply, self.version).int(number as i64);
        self.reply(reply, None)
    }

    /// Two of them.
    pub(super) fn numbers(&self, numbers: [u64; 2]) -> Letter {
        let mut reply = Vec::new();
        let mut writer = Reply::new(&mut reply, self.version);
        writer.array(2);
        for number in numbers {
            writer.int(number as i64);
        }
        self.reply(reply, None)
    }

    fn told(&self, answer: Result<&str, Refusal>) -> Letter {
        let mut reply = Vec::new();
        let mut writer = Reply::new(&mut reply, self.version);
        match &answer {
            Err(refusal) => writer.refuse(refusal),
            Ok(text) => writer.simple(text),
        }
        self.reply(reply, answer.err())
    }

    fn reply(&self, reply: Vec<u8>, refusal: Option<Refusal>) -> Letter {
        Letter::Decided(Box::new(Decided {
            session: self.session,
            gap: self.gap,
            reply,
            entry: self.entry,
            refusal,
            ran: None,
        }))
    }
}

impl Work {
    /// Borrows every shard for the control core.
    pub(super) fn on_lend_all(&mut self, errand: u64) {
        self.borrow_for(Job::Errand(errand), self.local.placement.all());
    }

    /// Sends them there; they come home from there.
    pub(super) fn hand_over(&mut self, errand: u64, held: Lent) {
        let libraries = self.local.functions.iter();
        let functions = libraries.map(|library| library.code.to_vec()).collect();
        let control = self.local.placement.cores();
        let letter = Letter::AllLent {
            errand,
            held,
            functions,
        };
        self.post.post(control, letter);
    }
}
