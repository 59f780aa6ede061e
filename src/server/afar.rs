//! Transactions and scripts of which all keys live on one other core: they are
//! sent there, and their session goes on meanwhile.
//!
//! A transaction travels in the box of its turn's hops, a request among the
//! others, and is run on the shard as one of them. So it keeps its place among
//! its session's requests for that core. What a session sends behind it that
//! is no business of keys waits until it has ended.

use std::sync::Arc;

use crate::command::{Entry, Run, Subject, Waiting};
use crate::journal::Position;
use crate::resp::{Args, Refusal, Reply, Version};
use crate::script::Sha;
use crate::session::{Away, Regard, Session, SessionId, Stage, Transaction};
use crate::shard::{Observer, Watch};
use crate::spec::Flags;

use super::core::Work;
use super::letter::{Carried, Letter};
use super::loan::{Call, Job, call_in};
use super::script::{Place, ScriptCall, Scripted};
use super::serve::{Flow, finish, is_muted};
use super::transaction::Exec;

/// Transactions and scripts of a session that are afar at once: others at that core
/// wait for so many at most.
const AFAR_MAX: u32 = 64;

impl Work {
    /// The core where a transaction runs that needs those of these cores, if it is
    /// another one, and nothing of the transaction is to be done for its client. It is
    /// this one, too, where there would be something to wait for: what of its session
    /// has not run here yet, or what the reply has to wait for.
    pub(super) fn place_afar(
        &mut self,
        id: SessionId,
        transaction: &Transaction,
        cores: u64,
    ) -> Option<usize> {
        let core = cores.trailing_zeros() as usize;
        let is_at_hand = self.is_at_hand();
        let session = self.local.roster.find(id)?;
        // The primary's commands keep their order over all cores, and MONITOR is fed
        // where the client is known.
        let may_go = cores.count_ones() == 1
            && (core != self.local.core || session.scattered.is_any() || !is_at_hand)
            && !transaction.needs_client
            && session.client.regard != Regard::Obeyed
            && self.local.monitored == 0;
        may_go.then_some(core)
    }

    /// Puts a transaction into the box for the core of all its keys.
    pub(super) fn send_exec(
        &mut self,
        id: SessionId,
        core: usize,
        entry: &'static Entry,
        transaction: Box<Transaction>,
        watches: Vec<Arc<Watch>>,
    ) -> Flow {
        let Some(request) = self.carried(id, entry, None) else {
            return Flow::Pause;
        };
        self.one_afar_more(id);
        if core == self.local.core {
            self.stay_behind(id);
        }
        let exec = Exec::to_be_sent(id, request.gap, entry, transaction, watches);
        self.box_for(core).add_transaction(request, Box::new(exec));
        self.post_full_hops();
        Flow::Next
    }

    /// Runs a transaction of another core's session on this core's shard, which is at
    /// home.
    pub(super) fn run_sent_exec(
        &mut self,
        exec: &mut Exec,
        request: &mut Carried,
        replies: &mut Vec<u8>,
    ) {
        let version = request.version;
        if let Some(refusal) = self.out_of_memory_for_growth(exec.transaction.grows) {
            self.refuse_sent(exec, version, replies, &refusal);
        } else {
            request.until = self.depends_on(None, exec.transaction.writes);
            if self.are_untouched(&exec.watches, None) {
                self.run_untouched(exec, request, replies);
            } else {
                Reply::new(replies, version).null_array();
                self.count_call(exec.entry, 0, None);
            }
        }
        request.reply_end = replies.len();
    }

    fn run_untouched(&mut self, exec: &mut Exec, request: &Carried, replies: &mut Vec<u8>) {
        Reply::new(replies, request.version).array(exec.len());
        let position = self.behind(request.until);
        self.run_sent_commands(exec, request, position, replies);
        self.count_call(exec.entry, 0, None);
    }

    /// Runs all commands of a transaction, or of this core's part of one, as one unit.
    pub(super) fn run_sent_commands(
        &mut self,
        exec: &mut Exec,
        request: &Carried,
        position: Position,
        replies: &mut Vec<u8>,
    ) {
        let version = request.version;
        let client = (usize::from(request.database), version, request.regard);
        self.begin_unit();
        self.begin_lap();
        for queued in &exec.transaction.commands {
            let entry = self.local.table.at(queued.entry);
            let (Run::Data(handler) | Run::DataOrWhole(handler, _)) = entry.command.run else {
                unreachable!("one that needs its client is not sent");
            };
            let before = replies.len();
            let args = queued.words.args();
            let outcome = self.run_data(client, Waiting::Never, handler, args, None, replies);
            let took_ns = self.lap();
            finish(replies, before, version, &outcome);
            self.count_call(entry, took_ns, outcome.as_ref().err());
            exec.took_ns.push(took_ns);
            exec.reply_bytes.push(replies.len() - before);
        }
        let has_left = self.end_unit(position);
        if has_left && !exec.transaction.writes && request.until > 0 {
            self.spread_marks();
        }
        self.grant_wishes();
        self.serve_ready(None);
    }

    /// A transaction that was sent here does not run: a script takes long.
    pub(super) fn refuse_sent_exec(
        &mut self,
        exec: &mut Exec,
        version: Version,
        replies: &mut Vec<u8>,
    ) {
        if let Some(refusal) = self.busy_refusal(exec.entry) {
            self.refuse_sent(exec, version, replies, &refusal);
        }
    }

    fn refuse_sent(
        &mut self,
        exec: &mut Exec,
        version: Version,
        replies: &mut Vec<u8>,
        refusal: &Refusal,
    ) {
        for watch in exec.watches.drain(..) {
            self.forget_everywhere(Observer::Watch(watch), 0);
        }
        let refusal = Refusal::exec_aborted_because(refusal);
        Reply::new(replies, version).refuse(&refusal);
        self.count_rejected(Some(exec.entry), &refusal);
    }

    /// A transaction of one of this core's sessions has run at another.
    pub(super) fn end_sent_exec(&mut self, request: &Carried, exec: &Exec, reply: &[u8]) {
        let id = request.session;
        let reply = if request.is_muted { &[] } else { reply };
        self.fill_settled(request.until, id, request.gap, reply);
        for (queued, took_ns) in exec.transaction.commands.iter().zip(&exec.took_ns) {
            let entry = self.local.table.at(queued.entry);
            self.log_slow(id, entry, queued.words.args(), *took_ns);
        }
        self.one_back(id, |session| &mut session.afar);
    }

    /// Whether a script that is new here must wait before all cores hear of it: what its
    /// session has sent before may name it by its digest, and must not find it.
    pub(super) fn must_stay_unknown(
        &mut self,
        id: SessionId,
        entry: &Entry,
        sha: Option<&Sha>,
    ) -> bool {
        let session = self.local.roster.find(id);
        let is_by_text = matches!(
            entry.command.run,
            Run::Script {
                subject: Subject::Body,
                ..
            }
        );
        session.is_some_and(|session| session.afar.is_any())
            && is_by_text
            && sha.is_some_and(|sha| self.local.scripts.find(sha).is_none())
    }

    /// A script as it goes to another core, and how its session goes on.
    pub(super) fn call_afar(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Option<(Call, Place)> {
        let session = self.local.roster.find(id)?;
        if session.client.regard == Regard::Obeyed {
            // The primary's commands keep their order over all cores.
            return Some((self.call_of(id, entry, args)?, Place::Awaited));
        }
        session.afar.go();
        let place = Place::Afar {
            is_muted: is_muted(&mut session.client.reply_mode),
        };
        let gap = session.outbox.leave_gap();
        Some((call_in(session, id, gap, entry, args), place))
    }

    /// Sends a script to the core of all its keys.
    pub(super) fn send_script(&mut self, core: usize, script: Box<ScriptCall>) -> Flow {
        let args = script.call.packed.args();
        if let (Run::Script { subject, .. }, Some(sha)) =
            (script.call.entry.command.run, script.sha)
            && subject == Subject::Body
        {
            // What stands behind it may name it by its digest, and go to any core: all
            // hear of it first. If it is wrong, that is said where it runs.
            self.learn_script(&sha, args.get(1)).unwrap_or_default();
        }
        let flow = match script.place {
            Place::Awaited => Flow::Pause,
            Place::Afar { .. } => Flow::Next,
        };
        self.post_hop(core);
        self.post.post(core, Letter::RunScript(script));
        flow
    }

    /// Runs a script for a client of another core.
    pub(super) fn on_run_script(&mut self, script: Box<ScriptCall>) {
        let is_behind_its_own = self.runs_for(script.home, script.call.session);
        if let Some(refusal) = self.busy_refusal(script.call.entry)
            && !is_behind_its_own
        {
            return self.refuse_script(script, &refusal);
        }
        let me = self.local.core;
        self.borrow_for(Job::Script(script), 1 << me);
    }

    /// A script of one of this core's sessions has run.
    pub(super) fn on_scripted(&mut self, scripted: &Scripted) {
        let Scripted {
            script,
            reply,
            took_ns,
        } = scripted;
        let call = &script.call;
        match script.place {
            Place::Awaited => self.fill(call.session, call.gap, reply),
            Place::Afar { is_muted } => {
                let reply: &[u8] = if is_muted { &[] } else { reply };
                self.fill_settled(0, call.session, call.gap, reply);
            }
        }
        let args = call.packed.args();
        self.log_slow(call.session, call.entry, args, *took_ns);
        match script.place {
            Place::Awaited => self.resume(call.session),
            Place::Afar { .. } => self.one_back(call.session, |session| &mut session.afar),
        }
    }

    /// Whether the script that runs here is of this session of that core.
    pub(super) fn runs_for(&self, home: usize, id: SessionId) -> bool {
        let running = self.scripts.running.as_ref();
        running.is_some_and(|running| running.client == (home, id))
    }

    /// A session's next request waits until nothing of it is afar.
    pub(super) fn await_afar(&mut self, id: SessionId) -> Flow {
        self.await_all_back(id, |session| &mut session.afar)
    }

    fn one_afar_more(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.afar.go();
        }
    }

    /// A session's next request waits until all of this is back.
    pub(super) fn await_all_back(
        &mut self,
        id: SessionId,
        away: impl FnOnce(&mut Session) -> &mut Away,
    ) -> Flow {
        if let Some(session) = self.local.roster.find(id) {
            away(session).await_all();
            session.stage = Stage::Waiting;
        }
        Flow::Hold
    }

    /// One of it is.
    pub(super) fn one_back(&mut self, id: SessionId, away: impl FnOnce(&mut Session) -> &mut Away) {
        let session = self.local.roster.find(id);
        if session.is_some_and(|session| away(session).come_back()) {
            self.resume(id);
        }
    }
}

/// Whether a request may be begun while so many things of its session are afar: it is
/// about keys, whose cores keep the order, or nobody but its client hears of it.
pub(super) fn goes_behind_afar(entry: &Entry, afar: u32) -> bool {
    match entry.command.run {
        Run::Here(_) | Run::AloneOr(..) => !entry.flags().has(Flags::PUBSUB),
        Run::Data(_) | Run::DataOrWhole(..) | Run::Whole(_) | Run::AtCursor(_) => true,
        Run::Exec | Run::Script { .. } => afar < AFAR_MAX,
        Run::Everywhere(_)
        | Run::EverywhereOr(..)
        | Run::EverywhereOrNode(..)
        | Run::Led(_)
        | Run::Node(_)
        | Run::Waits(_)
        | Run::KillScript { .. }
        | Run::Container(_) => false,
    }
}
