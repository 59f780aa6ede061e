//! What a script calls: admitted, run on the shards in its hands, and for what
//! every core has a part in, with the shards lent back for that part.

use std::sync::Arc;

use crate::command::{
    Caller as Asker, Entry, Gather, Lent, Run, Scene, Waiting, Wish, cores_needed,
};
use crate::resp::{Args, Outcome, OwnedArgs, Refusal, Reply, Version};
use crate::runtime::core::Kernel;
use crate::script::{Effects, Host, LogLevel, Pace, Permission};
use crate::session::{Regard, SessionId};
use crate::shard::Shard;
use crate::spec::Flags;

use super::core::{Core, Work};
use super::gather::make_part;
use super::letter::{Letter, Question};
use super::reach::cores_in;
use super::serve::finish;

/// What a script runs as.
pub(super) struct State {
    pub(super) database: usize,
    pub(super) regard: Regard,
    pub(super) limits: Limits,
}

/// What a script may not do.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// It runs at a replica that may not answer from its data now.
    pub(super) is_stale: bool,
    /// It runs at a replica whose clients may not write.
    pub(super) is_read_only_replica: bool,
    pub(super) reads_only: bool,
    /// Memory was over its limit when it began, and it may not grow it.
    pub(super) is_out_of_memory: bool,
}

/// Answers a running script.
pub(super) struct Caller<'a, K> {
    pub(super) core: &'a mut Core<K>,
    pub(super) held: &'a mut Lent,
    /// The request that runs the script.
    pub(super) words: Args<'a>,
    pub(super) state: State,
}

impl<K: Kernel> Host for Caller<'_, K> {
    fn call(&mut self, words: Args<'_>, version: Version, reply: &mut Vec<u8>) {
        let before = reply.len();
        let outcome = self.run(words, version, reply);
        finish(reply, before, version, &outcome);
    }

    fn permission(&mut self, words: Args<'_>) -> Permission {
        match self.core.work.local.table.find(words) {
            Some(_) => Permission::Granted,
            None => Permission::Unknown,
        }
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        let text = String::from_utf8_lossy(message).into_owned();
        self.core.work.log_of_script(level, text);
    }

    fn set_effects(&mut self, effects: Effects) {
        let work = &mut self.core.work;
        work.choose_readers(effects.file, effects.replicas);
    }

    fn pace(&mut self) -> Pace {
        self.core.pace(self.words)
    }
}

impl<K: Kernel> Caller<'_, K> {
    /// Runs a command for a script.
    fn run(&mut self, args: Args<'_>, version: Version, out: &mut Vec<u8>) -> Outcome {
        let work = &mut self.core.work;
        let entry = match work.admit_from_script(&self.state, self.held, args) {
            Ok(entry) => entry,
            Err(refusal) => {
                let called = work.local.table.find(args);
                work.count_rejected(called, &refusal);
                return Err(refusal);
            }
        };
        if let Some(running) = &mut work.scripts.running {
            running.has_written |= entry.flags().has(Flags::WRITE);
        }
        work.begin_lap();
        let outcome = match &entry.command.run {
            Run::Everywhere(gather) => self.gather(entry, gather, args, version, out),
            Run::EverywhereOrNode(gather, is_node, _) if !is_node(args) => {
                self.gather(entry, gather, args, version, out)
            }
            _ => work.call_from_script(&mut self.state, self.held, entry, args, version, out),
        };
        let work = &mut self.core.work;
        let took = work.lap();
        work.count_call(entry, took, outcome.as_ref().err());
        work.feed_script(self.state.database, entry, args);
        outcome
    }

    /// Runs a part at every core. Each gets its shard back for as long as its
    /// part takes, so that nobody else sees it meanwhile.
    fn gather(
        &mut self,
        entry: &Entry,
        gather: &Gather,
        args: Args<'_>,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let database = self.state.database;
        let work = &mut self.core.work;
        let me = work.local.core;
        (gather.check)(&mut work.scene_of_script(database, version), args)?;
        let request = Arc::new(Question {
            entry: entry.index,
            packed: OwnedArgs::from(args),
            caller: Asker {
                core: me,
                session: SessionId::SCRIPT,
                client: 0,
                database,
            },
        });
        for core in work.local.placement.others(me) {
            let shard = self.held[core].take().expect(HOLDS_ALL);
            let request = Arc::clone(&request);
            work.post.post(core, Letter::AskHolder { request, shard });
        }
        let clock = work.clock_for(Regard::NoTouch);
        let own = self.held[me].as_mut().expect(HOLDS_ALL);
        let part = make_part(&mut work.local, own, clock, &request);
        let mut answers = self.core.await_parts(self.held);
        answers[me] = part;
        let work = &mut self.core.work;
        let mut scene = work.scene_of_script(database, version);
        (gather.merge)(&mut scene, args, &answers, &mut Reply::new(out, version))
    }
}

const HOLDS_ALL: &str = "a script that may ask every core holds every shard";

impl<K: Kernel> Core<K> {
    /// Waits until every shard that was lent back is here again, each with its
    /// core's part. What else arrives is left for after the script.
    fn await_parts(&mut self, held: &mut Lent) -> Vec<Vec<u8>> {
        let mut answers = vec![Vec::new(); held.len()];
        self.submit_mail();
        while held.iter().any(Option::is_none) {
            let mut is_quiet = true;
            for from in 0..held.len() {
                match self.work.post.receive(from) {
                    Some(Letter::HeldAnswer { bytes, shard }) => {
                        held[from] = Some(shard);
                        answers[from] = bytes;
                        is_quiet = false;
                    }
                    Some(other) => {
                        self.work.scripts.put_by.push_back((from, other));
                        is_quiet = false;
                    }
                    None => {}
                }
            }
            if is_quiet {
                // The others need the processor more, if they have none.
                std::thread::yield_now();
                self.submit_mail();
            }
        }
        answers
    }

    fn submit_mail(&mut self) {
        self.post_mail();
        self.ring.enter(None);
    }
}

impl Work {
    /// Runs this core's part for a script that holds its shard, and gives the
    /// shard back.
    pub(super) fn answer_holder(&mut self, from: usize, request: &Question, mut shard: Box<Shard>) {
        let clock = self.clock_for(Regard::NoTouch);
        let bytes = make_part(&mut self.local, &mut shard, clock, request);
        self.grant_wishes();
        self.post.post(from, Letter::HeldAnswer { bytes, shard });
    }

    /// A scene whose client is the script.
    fn scene_of_script(&mut self, database: usize, version: Version) -> Scene<'_> {
        let now_ms = self.clock.now;
        self.local.roster.begin_script(database, version);
        Scene {
            local: &mut self.local,
            me: SessionId::SCRIPT,
            now_ms,
        }
    }

    /// Runs a command for a script on the shards it holds.
    fn call_from_script(
        &mut self,
        state: &mut State,
        held: &mut Lent,
        entry: &Entry,
        args: Args<'_>,
        version: Version,
        out: &mut Vec<u8>,
    ) -> Outcome {
        match entry.command.run {
            Run::Data(handler)
            | Run::DataOrWhole(handler, _)
            | Run::Whole(handler)
            | Run::AtCursor(handler)
            | Run::EverywhereOr(_, handler) => {
                let client = (state.database, version, state.regard);
                self.run_data(
                    client,
                    Waiting::NeverInScript,
                    handler,
                    args,
                    Some(held),
                    out,
                )
            }
            Run::Here(handler) | Run::AloneOr(handler, _) => {
                let wished = self.local.wishes.len();
                let mut scene = self.scene_of_script(state.database, version);
                let outcome = handler(&mut scene, args, &mut Reply::new(out, version));
                state.database = scene.client().database;
                if self.leaves_replicas_out() {
                    let own = self.local.wishes.split_off(wished);
                    let stays = |wish: &Wish| !matches!(wish, Wish::TellReplicas(_));
                    self.local.wishes.extend(own.into_iter().filter(stays));
                }
                outcome
            }
            Run::Everywhere(_) => unreachable!("its parts are gathered"),
            Run::Led(_)
            | Run::Node(_)
            | Run::Waits(_)
            | Run::EverywhereOrNode(..)
            | Run::Container(_)
            | Run::Exec
            | Run::Script { .. }
            | Run::KillScript { .. } => Err(Refusal::SCRIPT_NOT_ALLOWED),
        }
    }

    /// Whether a script may call this, and has the shards for it.
    fn admit_from_script(
        &mut self,
        state: &State,
        held: &Lent,
        args: Args<'_>,
    ) -> Result<&'static Entry, Refusal> {
        let unknown = Refusal::SCRIPT_UNKNOWN_COMMAND;
        let entry = self.local.table.find(args).ok_or(unknown.clone())?;
        let is_container = matches!(entry.command.run, Run::Container(_) | Run::AloneOr(..));
        if is_container && args.len() > 1 {
            return Err(unknown);
        }
        if !entry.takes(args.len()) {
            return Err(Refusal::SCRIPT_WRONG_ARITY);
        }
        let flags = entry.flags();
        if flags.has(Flags::NOSCRIPT) && !self.local.scripts_may_all {
            return Err(Refusal::SCRIPT_NOT_ALLOWED);
        }
        if state.limits.reads_only && entry.may_write() {
            return Err(Refusal::SCRIPT_READS_ONLY);
        }
        if state.limits.is_stale && !flags.has(Flags::STALE) {
            return Err(Refusal::SCRIPT_STALE);
        }
        // One that has written may write on: half of what it does would be worse.
        let running = self.scripts.running.as_ref();
        if !running.is_some_and(|running| running.has_written) {
            self.admit_first_write(state, flags)?;
        }
        let placement = self.local.placement;
        let needed = match entry.command.run {
            Run::Everywhere(_) | Run::EverywhereOrNode(..) => placement.all(),
            _ => cores_needed(entry, args, placement),
        };
        if needed & !cores_in(held) != 0 {
            // Never by what `Work::cores_of_script` promises.
            return Err(Refusal::SCRIPT_UNDECLARED_KEY);
        }
        Ok(entry)
    }

    /// What a script that has not written yet may meet when it would.
    fn admit_first_write(&mut self, state: &State, flags: Flags) -> Result<(), Refusal> {
        if flags.has(Flags::WRITE) {
            if state.limits.is_read_only_replica {
                return Err(Refusal::READ_ONLY);
            }
            if self.lacks_replicas() {
                return Err(Refusal::NO_REPLICAS);
            }
            if self.refuses_unsaved() {
                return Err(Refusal::SAVE_FAILED);
            }
        }
        if state.limits.is_out_of_memory && flags.has(Flags::DENYOOM) {
            return Err(Refusal::OUT_OF_MEMORY);
        }
        Ok(())
    }

    /// A line for the log, if it is loud enough.
    pub(super) fn log_of_script(&mut self, level: LogLevel, text: String) {
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Log { level, text });
    }
}
