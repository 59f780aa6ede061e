//! Between MULTI and EXEC: requests are put off, and EXEC runs them with the
//! shards of all their keys, and of the watched ones, in its hands.

use std::sync::Arc;

use crate::command::{
    DataHandler, Entry, Lent, Route, Run, Scene, Side, Subject, Table, Turn, Waiting, Wish,
};
use crate::command::{cores_needed, route};
use crate::journal::Position;
use crate::resp::{Args, Outcome, OwnedArgs, Refusal, Reply, Version};
use crate::session::{Gap, Queued, Regard, SessionId, Transaction};
use crate::shard::{Observer, Watch};
use crate::spec::Flags;

use super::core::Work;
use super::loan::Job;
use super::script::digest;
use super::serve::{Flow, finish};
use super::waiting::data;

/// What EXEC runs.
pub(super) struct Exec {
    pub(super) session: SessionId,
    pub(super) gap: Gap,
    /// EXEC's own row, and its word if somebody monitors.
    pub(super) entry: &'static Entry,
    shown: Option<OwnedArgs>,
    pub(super) transaction: Box<Transaction>,
    pub(super) watches: Vec<Arc<Watch>>,
    /// Nanoseconds that each of them took, where they ran at another core.
    pub(super) took_ns: Vec<u64>,
    /// How long the reply of each is, where they ran so.
    pub(super) reply_bytes: Vec<usize>,
}

impl Exec {
    /// One that runs at another core.
    pub(super) fn to_be_sent(
        session: SessionId,
        gap: Gap,
        entry: &'static Entry,
        transaction: Box<Transaction>,
        watches: Vec<Arc<Watch>>,
    ) -> Exec {
        Exec {
            session,
            gap,
            entry,
            shown: None,
            took_ns: Vec::with_capacity(transaction.commands.len()),
            reply_bytes: Vec::with_capacity(transaction.commands.len()),
            transaction,
            watches,
        }
    }

    /// Bytes of memory that its requests use.
    pub(super) fn memory_bytes(&self) -> usize {
        self.transaction.memory_bytes()
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Whether a script is among its requests.
    pub(super) fn has_scripts(&self) -> bool {
        self.transaction.has_scripts
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.transaction.commands.len()
    }

    pub(super) fn command<'a>(
        &'a self,
        table: &'static Table,
        index: usize,
    ) -> (&'static Entry, Args<'a>) {
        let queued = &self.transaction.commands[index];
        (table.at(queued.entry), queued.words.args())
    }
}

/// A transaction that runs: its reply so far.
pub(super) struct Going {
    pieces: Vec<Piece>,
    made: Vec<u8>,
}

impl Going {
    /// Where the next reply is written.
    pub(super) fn made(&mut self) -> &mut Vec<u8> {
        &mut self.made
    }
}

/// A part of EXEC's reply.
enum Piece {
    Made(Vec<u8>),
    /// The reply of a command that needs other cores than the shards': it runs
    /// behind the others.
    Elsewhere(usize),
}

impl Work {
    /// Puts a request off; `None` if there is no MULTI, or the request runs in
    /// spite of it.
    pub(super) fn put_off(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Option<Flow> {
        if entry.runs_in_multi {
            let refusal = Refusal::WATCH_IN_MULTI;
            let is_refused = entry.name == "watch";
            return is_refused.then(|| {
                self.reject(id, Some(entry), &refusal);
                Flow::Next
            });
        }
        let refusal = if entry.flags().has(Flags::NO_MULTI) {
            Some(Refusal::NOT_IN_MULTI)
        } else {
            self.out_of_memory(entry)
        };
        if let Some(refusal) = refusal {
            self.break_transaction(id);
            self.reject(id, Some(entry), &refusal);
            return Some(Flow::Next);
        }
        let words = match self.giant.take() {
            None => OwnedArgs::from(args),
            Some(giant) => OwnedArgs::new(args.head(2).iter().chain([giant.as_slice()])),
        };
        let writes = self.may_write(entry, args);
        let session = self.local.roster.find(id)?;
        let version = session.client.version;
        let transaction = session.transaction.as_mut()?;
        transaction.writes |= writes;
        transaction.grows |= entry.flags().has(Flags::DENYOOM);
        transaction.has_scripts |= matches!(entry.command.run, Run::Script { .. });
        transaction.needs_client |=
            !matches!(entry.command.run, Run::Data(_) | Run::DataOrWhole(..));
        transaction.queue(Queued {
            entry: entry.index,
            words,
        });
        let mut out = session.outbox.begin();
        let before = out.len();
        Reply::new(&mut out, version).simple("QUEUED");
        self.give_reply(id, out, before);
        Some(Flow::Next)
    }

    /// A request was refused: its transaction, if there is one, will not run.
    pub(super) fn break_transaction(&mut self, id: SessionId) {
        let session = self.local.roster.find(id);
        if let Some(transaction) = session.and_then(|session| session.transaction.as_mut()) {
            transaction.is_broken = true;
        }
    }

    /// EXEC.
    pub(super) fn start_exec(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Flow {
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let needs_client = |transaction: &Transaction| transaction.needs_client;
        if session.afar.is_any() && session.transaction.as_deref().is_some_and(needs_client) {
            return self.await_afar(id);
        }
        let Some(transaction) = session.transaction.take() else {
            return self.abort(id, (entry, args), Vec::new(), &Refusal::EXEC_WITHOUT_MULTI);
        };
        let watches = session.watches.take();
        if transaction.is_broken {
            return self.abort(id, (entry, args), watches, &Refusal::EXEC_ABORTED);
        }
        let cores = self.cores_of(&transaction, &watches);
        if watches.is_empty()
            && let Some(owners) = self.place_in_parts(id, &transaction, cores)
        {
            return self.start_parts(id, entry, *transaction, (owners, cores));
        }
        if let Some(core) = self.place_afar(id, &transaction, cores) {
            return self.send_exec(id, core, entry, transaction, watches);
        }
        if let Some(session) = self.local.roster.find(id)
            && session.scattered.is_any()
        {
            session.transaction = Some(transaction);
            watches
                .into_iter()
                .for_each(|watch| session.watches.push(watch));
            return self.await_all_back(id, |session| &mut session.scattered);
        }
        if transaction.grows
            && let Some(refusal) = self.out_of_memory_for_growth(true)
        {
            let refusal = Refusal::exec_aborted_because(&refusal);
            return self.abort(id, (entry, args), watches, &refusal);
        }
        let is_shown = self.local.monitored != 0;
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let exec = Exec {
            session: id,
            gap: session.await_reply(),
            entry,
            shown: is_shown.then(|| OwnedArgs::from(args)),
            transaction,
            watches,
            took_ns: Vec::new(),
            reply_bytes: Vec::new(),
        };
        self.borrow_for(Job::Exec(Box::new(exec)), cores);
        self.flow_of(id)
    }

    /// Ends a transaction that does not run.
    fn abort(
        &mut self,
        id: SessionId,
        (entry, args): (&'static Entry, Args<'_>),
        watches: Vec<Arc<Watch>>,
        refusal: &Refusal,
    ) -> Flow {
        for watch in watches {
            self.forget_everywhere(Observer::Watch(watch), 0);
        }
        self.reject(id, Some(entry), refusal);
        self.feed_call(id, entry, args);
        Flow::Next
    }

    /// Ends a transaction that waited for its shards.
    pub(super) fn refuse_exec(&mut self, exec: Exec, refusal: &Refusal) {
        for watch in exec.watches {
            self.forget_everywhere(Observer::Watch(watch), 0);
        }
        let refusal = Refusal::exec_aborted_because(refusal);
        self.count_rejected(Some(exec.entry), &refusal);
        let session = self.local.roster.find(exec.session);
        if let Some(version) = session.map(|session| session.client.version) {
            let mut reply = Vec::new();
            Reply::new(&mut reply, version).refuse(&refusal);
            self.fill(exec.session, exec.gap, &reply);
        }
        self.resume(exec.session);
    }

    /// EXEC with wrong words: stock ends the transaction with its own text.
    fn abort_by_words(
        &mut self,
        id: SessionId,
        (entry, args): (&'static Entry, Args<'_>),
        refusal: &Refusal,
    ) -> Flow {
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        session.transaction = None;
        let watches = session.watches.take();
        let refusal = Refusal::exec_aborted_because(refusal);
        self.abort(id, (entry, args), watches, &refusal)
    }

    /// The cores of all keys that a transaction names or that are watched, one
    /// bit each.
    fn cores_of(&mut self, transaction: &Transaction, watches: &[Arc<Watch>]) -> u64 {
        let placement = self.local.placement;
        let mut cores = 0;
        for queued in &transaction.commands {
            let entry = self.local.table.at(queued.entry);
            let args = queued.words.args();
            cores |= match entry.command.run {
                // Its library may be another one when the transaction runs.
                Run::Script {
                    subject: Subject::Function,
                    ..
                } => placement.all(),
                Run::Script { .. } => {
                    let sha = digest(entry, args);
                    self.cores_of_script(entry, args, sha) | 1 << self.local.core
                }
                // Without keys it is refused, or reads what is the same
                // everywhere.
                Run::Data(_) | Run::DataOrWhole(..)
                    if route(entry, args, placement) == Route::Nowhere =>
                {
                    1 << self.local.core
                }
                _ => cores_needed(entry, args, placement),
            };
        }
        let watched = watches.iter().flat_map(|watch| &watch.keys);
        cores | placement.cores_of_keys(watched.map(|key| &**key))
    }

    /// Runs a transaction without scripts; all shards it needs are in `held`.
    pub(super) fn run_exec(&mut self, exec: &Exec, held: &mut Lent) {
        let Some(mut going) = self.begin_exec(exec, held) else {
            return;
        };
        for index in 0..exec.len() {
            self.run_step(exec, index, held, &mut going);
        }
        self.end_exec(exec, going, held);
    }

    /// Looks at the watched keys; nothing if the transaction does not run,
    /// and its client was told so.
    pub(super) fn begin_exec(&mut self, exec: &Exec, held: &mut Lent) -> Option<Going> {
        let id = exec.session;
        let Some(version) = self.local.roster.find(id).map(|found| found.client.version) else {
            // Nobody would learn of it; as if the client had gone before EXEC.
            self.are_untouched(&exec.watches, Some(held));
            return None;
        };
        let mut made = Vec::new();
        if !self.are_untouched(&exec.watches, Some(held)) {
            Reply::new(&mut made, version).null_array();
            self.fill(id, exec.gap, &made);
            self.end_call(exec);
            self.resume(id);
            return None;
        }
        self.mark_in_exec(id, true);
        self.begin_unit();
        Reply::new(&mut made, version).array(exec.len());
        self.begin_lap();
        Some(Going {
            pieces: Vec::new(),
            made,
        })
    }

    /// Runs one request of a transaction, or leaves its place in the reply.
    pub(super) fn run_step(
        &mut self,
        exec: &Exec,
        index: usize,
        held: &mut Lent,
        going: &mut Going,
    ) {
        let queued = &exec.transaction.commands[index];
        if !self.run_queued(exec.session, queued, held, &mut going.made) {
            let made = std::mem::take(&mut going.made);
            going.pieces.push(Piece::Made(made));
            going.pieces.push(Piece::Elsewhere(index));
        }
    }

    /// Serves who waited for what the transaction touched, and replies.
    pub(super) fn end_exec(&mut self, exec: &Exec, going: Going, held: &mut Lent) {
        let id = exec.session;
        let Going { mut pieces, made } = going;
        self.end_unit(Position::FREE);
        pieces.push(Piece::Made(made));
        self.end_call(exec);
        self.give_pieces(exec, pieces);
        self.mark_in_exec(id, false);
        self.grant_wishes();
        self.serve_ready(Some(held));
        self.resume(id);
    }

    /// Books EXEC itself, behind the commands it ran.
    fn end_call(&mut self, exec: &Exec) {
        self.count_call(exec.entry, 0, None);
        if let Some(words) = &exec.shown {
            self.feed_call(exec.session, exec.entry, words.args());
        }
    }

    /// Whether nobody has touched the watched keys; ends the watches.
    pub(super) fn are_untouched(
        &mut self,
        watches: &[Arc<Watch>],
        mut lent: Option<&mut Lent>,
    ) -> bool {
        let (now, placement) = (self.clock.now, self.local.placement);
        let mut are_untouched = true;
        for watch in watches {
            are_untouched &= watch.ends_ms.is_none_or(|ends| ends > now);
            for bytes in &watch.keys {
                let core = placement.core_of(crate::base::slot_of(bytes));
                let shard = match &mut lent {
                    Some(held) => held[core].as_deref_mut(),
                    None => self.vault.at_home(),
                };
                let shard = shard.expect("watched keys are in hand, too");
                let key = shard.keyspace.key(bytes);
                are_untouched &= shard.observers.is_watched(&key, watch);
                let observer = Observer::Watch(Arc::clone(watch));
                shard.observers.forget(&key, &observer);
            }
        }
        are_untouched
    }

    /// Runs one request of a transaction, if its data is here or it needs
    /// none; `false` if it must be run elsewhere.
    fn run_queued(
        &mut self,
        id: SessionId,
        queued: &Queued,
        held: &mut Lent,
        made: &mut Vec<u8>,
    ) -> bool {
        let entry = self.local.table.at(queued.entry);
        let args = queued.words.args();
        let before = made.len();
        let Some(session) = self.local.roster.find(id) else {
            return true;
        };
        let version = session.client.version;
        let outcome = match entry.command.run {
            Run::Data(handler)
            | Run::DataOrWhole(handler, _)
            | Run::Whole(handler)
            | Run::AtCursor(handler)
            | Run::EverywhereOr(_, handler) => {
                let client = &session.client;
                let client = (client.database, client.version, client.regard);
                self.run_data(client, Waiting::Never, handler, args, Some(held), made)
            }
            Run::Here(handler) | Run::AloneOr(handler, _) => {
                let now_ms = self.clock.now;
                let mut scene = Scene {
                    local: &mut self.local,
                    me: id,
                    now_ms,
                };
                handler(&mut scene, args, &mut Reply::new(made, version))
            }
            Run::Everywhere(_)
            | Run::Led(_)
            | Run::Node(_)
            | Run::Waits(_)
            | Run::EverywhereOrNode(..) => {
                return false;
            }
            Run::KillScript { .. } => Err(Refusal::NOT_BUSY),
            Run::Script { .. } => unreachable!("a core runs it, not its work"),
            Run::Container(_) | Run::Exec => unreachable!("neither is put off"),
        };
        let took = self.lap();
        finish(made, before, version, &outcome);
        self.account(id, entry, args, took, outcome.as_ref().err());
        true
    }

    /// Runs a data handler on borrowed shards, or on this core's, for a client of this
    /// database, protocol version, and regard.
    pub(super) fn run_data(
        &mut self,
        (database, version, regard): (usize, Version, Regard),
        waiting: Waiting,
        handler: DataHandler,
        args: Args<'_>,
        lent: Option<&mut Lent>,
        made: &mut Vec<u8>,
    ) -> Outcome {
        let clock = self.clock_for(regard);
        let mut turn = Turn::new(
            data(&mut self.vault, lent),
            self.local.placement,
            None,
            database,
            clock,
            &mut self.local.random,
            &self.local.live,
        );
        turn.waiting = waiting;
        let outcome = handler(&mut turn, args, &mut Reply::new(made, version));
        let mut after = turn.end();
        self.record(&mut after, Position::FREE, database, args);
        self.tally(after.tally, after.discarded);
        // Told with what it publishes, in order, behind the reply.
        self.pace.is_emptied |= matches!(after.side, Some(Side::Emptied));
        let wishes = &mut self.local.wishes;
        wishes.extend(after.events.into_iter().map(Wish::Tell));
        outcome
    }

    /// Puts EXEC's reply together, and starts what runs elsewhere: each fills
    /// a gap of its own in it.
    fn give_pieces(&mut self, exec: &Exec, pieces: Vec<Piece>) {
        let id = exec.session;
        let mut gap = Some(exec.gap);
        for piece in pieces {
            match (piece, gap.take()) {
                (Piece::Made(bytes), Some(gap)) => self.fill_knowing(id, gap, bytes),
                (Piece::Made(bytes), None) => {
                    if let Some(session) = self.local.roster.find(id) {
                        let gap = session.outbox.leave_gap();
                        self.fill(id, gap, &bytes);
                    }
                }
                (Piece::Elsewhere(index), _) => {
                    let queued = &exec.transaction.commands[index];
                    let entry = self.local.table.at(queued.entry);
                    match entry.command.run {
                        Run::Everywhere(gather) => {
                            self.start_gather(id, entry, &gather, queued.words.args());
                        }
                        Run::EverywhereOrNode(gather, is_node, _)
                            if !is_node(queued.words.args()) =>
                        {
                            self.start_gather(id, entry, &gather, queued.words.args());
                        }
                        Run::Led(_) => {
                            self.start_led(id, entry, queued.words.args());
                        }
                        _ => self.ask_control(id, entry, queued.words.args()),
                    }
                }
            }
        }
    }

    /// What a transaction's client is at this point of it: its database,
    /// protocol version, and regard.
    pub(super) fn client_of(&mut self, exec: &Exec) -> Option<(usize, Version, Regard)> {
        let client = &self.local.roster.find(exec.session)?.client;
        Some((client.database, client.version, client.regard))
    }

    fn mark_in_exec(&mut self, id: SessionId, is_in_exec: bool) {
        if let Some(session) = self.local.roster.find(id) {
            session.is_in_exec = is_in_exec;
        }
    }

    /// What refuses a request leaves its transaction broken; EXEC itself ends.
    pub(super) fn refuse_admission(
        &mut self,
        id: SessionId,
        (called, args): (Option<&'static Entry>, Args<'_>),
        refusal: &Refusal,
    ) -> Flow {
        if let Some(entry) = called
            && matches!(entry.command.run, Run::Exec)
        {
            return self.abort_by_words(id, (entry, args), refusal);
        }
        self.break_transaction(id);
        self.reject(id, called, refusal);
        Flow::Next
    }
}
