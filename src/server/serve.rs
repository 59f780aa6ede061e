//! A session's requests, in order: here, to another core, or with several
//! cores' keyspaces borrowed.

use std::sync::Arc;

use crate::command::{Admission, DataHandler, Entry, First, Route, Run, Scene, Turn, admit, route};
use crate::command::{Asker, Data, Onward, Pause, Side, Tally, Waiting, cursor_core};
use crate::keyspace::Discarded;
use crate::resp::{Args, Outcome, OwnedArgs, ProtocolFault, Refusal, Reply, Version};
use crate::session::{Regard, ReplyMode, SessionId, Stage};
use crate::shard::Wait;
use crate::spec::Flags;

use super::afar::goes_behind_afar;
use super::ahead::Ahead;
use super::core::Work;
use super::obey::Regime;
use super::scatter::goes_behind_parts;
use super::vault::Waiter;

/// What becomes of a session after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// Take the next.
    Next,
    /// This one is under way; the next must wait.
    Pause,
    /// This one cannot run yet; it stays where it is.
    Hold,
}

impl Work {
    /// Runs requests from `bytes` until none is whole or the session must
    /// wait; says how many bytes are done with.
    pub(super) fn serve(&mut self, id: SessionId, bytes: &[u8]) -> usize {
        let mut done = 0;
        loop {
            if !self.may_run(id) || self.obeying.must_rest(id, self.lap) {
                return done;
            }
            let rest = &bytes[done..];
            match self.decode_ahead(id, rest) {
                Ahead::Staged => {
                    let (used, goes_on) = self.run_staged(id, rest);
                    done += used;
                    if !goes_on {
                        return done;
                    }
                }
                Ahead::Incomplete(wanted) => {
                    self.want(id, wanted);
                    return done;
                }
                Ahead::Inline(consumed, words) => {
                    let flow = self.run_inline(id, &words);
                    if flow == Flow::Hold {
                        return done;
                    }
                    done += consumed;
                }
                Ahead::Fault(fault) => {
                    self.break_off(id, fault);
                    return bytes.len();
                }
            }
        }
    }

    /// Whether the session takes a request now.
    pub(super) fn may_run(&mut self, id: SessionId) -> bool {
        let session = self.local.roster.find(id);
        session.is_some_and(|session| session.stage == Stage::Open && !session.outbox.is_full())
    }

    /// Runs what is staged: bytes done with, and whether to decode on.
    fn run_staged(&mut self, id: SessionId, bytes: &[u8]) -> (usize, bool) {
        self.look_up(bytes);
        self.begin_lap();
        let staged = std::mem::take(&mut self.staged);
        let spans = std::mem::take(&mut self.spans);
        let mut used = 0;
        let mut goes_on = true;
        for (index, request) in staged.iter().enumerate() {
            let words = &spans[request.first_span..request.first_span + request.spans];
            let args = Args::new(&bytes[request.start..request.end], words);
            let flow = self.run(id, request.entry, request.first, args);
            if flow != Flow::Hold {
                used = request.end;
            }
            if flow != Flow::Next || !self.may_run(id) {
                goes_on = false;
                self.look_less_ahead(id, index + 1);
                break;
            }
        }
        self.staged = staged;
        self.spans = spans;
        (used, goes_on)
    }

    fn run_inline(&mut self, id: SessionId, words: &[Vec<u8>]) -> Flow {
        if words.is_empty() {
            return Flow::Next;
        }
        self.begin_lap();
        let packed = OwnedArgs::new(words.iter().map(Vec::as_slice));
        let args = packed.args();
        let entry = self.local.table.find(args);
        self.run(id, entry, None, args)
    }

    /// Runs one request, or sends it where it runs.
    pub(super) fn run(
        &mut self,
        id: SessionId,
        entry: Option<&'static Entry>,
        first: Option<First>,
        args: Args<'_>,
    ) -> Flow {
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let entry = match admit(entry, args, &session.client, &self.local.live) {
            Admission::Run(entry) => entry,
            Admission::Refuse(refusal) => {
                if entry.is_none() && is_web_request(args.name()) {
                    self.condemned.push(id);
                    self.set_stage(id, Stage::Closing);
                    return Flow::Pause;
                }
                // A container's own row is not what was called.
                let called = entry.filter(|entry| entry.children.is_empty());
                return self.refuse_admission(id, (called, args), &refusal);
            }
        };
        session.client.last_command = Some(entry.name);
        if self.local.live.is_replica()
            && let Some(regime) = self.as_replica(id, entry, args)
        {
            match regime {
                Regime::Refuse(refusal) => {
                    return self.refuse_admission(id, (Some(entry), args), &refusal);
                }
                Regime::Wait => return Flow::Hold,
                Regime::Obey => return self.dispatch(id, entry, first, args),
            }
        }
        if self.local.is_loading && self.lacks(id, entry, Flags::LOADING) {
            return self.refuse_admission(id, (Some(entry), args), &Refusal::LOADING);
        }
        if self.local.busy.is_some()
            && let Some(refusal) = self.busy_refusal(entry)
        {
            return self.refuse_busy(id, (Some(entry), args), &refusal);
        }
        if (self.local.save_failed || self.local.live.appendonly)
            && let Some(refusal) = self.disk_refusal(id, entry, args)
        {
            return self.refuse_admission(id, (Some(entry), args), &refusal);
        }
        if self.local.live.min_replicas_to_write > 0
            && self.lacks_replicas()
            && self.writes(id, entry)
        {
            let refusal = Refusal::NO_REPLICAS;
            return self.refuse_admission(id, (Some(entry), args), &refusal);
        }
        if self.must_pause(id, entry, args)
            || self.must_slow_down(id, entry)
            || self.must_wait_for_disk(id, entry, args)
        {
            return Flow::Hold;
        }
        self.dispatch(id, entry, first, args)
    }

    /// Runs a request that may run, or sends it where it runs.
    fn dispatch(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        first: Option<First>,
        args: Args<'_>,
    ) -> Flow {
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let (is_in_multi, is_behind) = (session.transaction.is_some(), session.scattered.is_any());
        let afar = session.afar.count();
        if is_in_multi && let Some(flow) = self.put_off(id, entry, args) {
            return flow;
        }
        if is_behind && !goes_behind_parts(entry) {
            return self.await_all_back(id, |session| &mut session.scattered);
        }
        if afar > 0 && !goes_behind_afar(entry, afar) {
            return self.await_afar(id);
        }
        let me = self.local.core;
        match entry.command.run {
            Run::Here(_) | Run::Everywhere(_) if entry.tells_offset && self.must_catch_up(id) => {
                Flow::Hold
            }
            Run::Here(handler) | Run::AloneOr(handler, _) => {
                self.run_here(id, entry, args, |scene, reply| handler(scene, args, reply));
                Flow::Next
            }
            Run::Data(handler) | Run::DataOrWhole(handler, _) => {
                let placement = self.local.placement;
                let place = match first {
                    Some(first) => Route::One(placement.core_of(first.slot)),
                    None => match entry.split {
                        Some(split) if placement.cores() > 1 => {
                            self.scatters.place(split, args, placement)
                        }
                        Some(_) | None => route(entry, args, placement),
                    },
                };
                match place {
                    // Its own parts may wait for their place at this core, too.
                    Route::One(core) if core != me || is_behind => {
                        if core == me {
                            self.stay_behind(id);
                        }
                        self.hop(id, core, entry, first, args);
                        if entry.leaves_aside {
                            self.await_one(id);
                            return Flow::Pause;
                        }
                        Flow::Next
                    }
                    Route::One(_) | Route::Nowhere => {
                        self.run_home(id, entry, handler, first, args)
                    }
                    Route::Many(cores) => match entry.split {
                        Some(split) if self.may_scatter(id, entry, split, args) => {
                            self.start_scatter(id, entry, (split, cores), args);
                            Flow::Next
                        }
                        Some(_) | None => {
                            self.start_loan(id, entry, cores, args);
                            Flow::Pause
                        }
                    },
                }
            }
            Run::Whole(handler) => {
                if self.local.placement.cores() == 1 {
                    return self.run_home(id, entry, handler, None, args);
                }
                self.start_loan(id, entry, self.local.placement.all(), args);
                Flow::Pause
            }
            Run::AtCursor(handler) => {
                let core = cursor_core(args, self.local.placement);
                if core == me {
                    return self.run_home(id, entry, handler, None, args);
                }
                self.hop(id, core, entry, None, args);
                Flow::Next
            }
            Run::Everywhere(gather) | Run::EverywhereOr(gather, _) => {
                self.start_gather(id, entry, &gather, args)
            }
            Run::Led(_) => self.start_led(id, entry, args),
            Run::Script { .. } => self.start_script(id, entry, args),
            Run::KillScript { is_function } => self.ask_to_kill(id, entry, is_function),
            Run::Exec => self.start_exec(id, entry, args),
            Run::EverywhereOrNode(gather, is_node, _) if !is_node(args) => {
                self.start_gather(id, entry, &gather, args)
            }
            Run::Waits(_) if self.stands_behind(id) => Flow::Hold,
            Run::Waits(_) => {
                self.begin_replica_wait(id);
                self.ask_control(id, entry, args);
                Flow::Pause
            }
            Run::Node(_) | Run::EverywhereOrNode(..) => {
                self.ask_control(id, entry, args);
                Flow::Pause
            }
            Run::Container(_) => {
                unreachable!("a container alone has too few words, and is refused")
            }
        }
    }

    /// Runs a data handler on this core's keyspace, or gets the session in
    /// line for it.
    fn run_home(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        handler: DataHandler,
        first: Option<First>,
        args: Args<'_>,
    ) -> Flow {
        if !self.vault_is_open() {
            self.vault.wait(Waiter::Session(id));
            self.set_stage(id, Stage::Waiting);
            return Flow::Hold;
        }
        if let Some(refusal) = self.out_of_memory(entry) {
            self.reject(id, Some(entry), &refusal);
            return Flow::Next;
        }
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let client = &session.client;
        let (version, database) = (client.version, client.database);
        let regard = client.regard;
        let mut out = session.outbox.begin();
        let clock = self.clock_for(regard);
        let before = out.len();
        let writes = entry.flags().has(Flags::WRITE);
        let until = self.depends_on(first.map(|first| first.slot), writes);
        let shard = self.vault.at_home().expect("checked above");
        let mut turn = Turn::new(
            Data::Home(shard),
            self.local.placement,
            first,
            database,
            clock,
            &mut self.local.random,
            &self.local.live,
        );
        turn.giant = self.giant.take();
        if entry.leaves_aside {
            turn.waiting = Waiting::May(Asker {
                core: self.local.core,
                session: id.packed(),
                entry: entry.index,
                version,
                no_touch: regard == Regard::NoTouch,
            });
        }
        if matches!(entry.command.run, Run::AtCursor(_)) {
            turn.onward = Onward::May;
        }
        let outcome = handler(&mut turn, args, &mut Reply::new(&mut out, version));
        let mut after = turn.end();
        let took = self.lap();
        let has_left = self.record(&mut after, self.behind(until), database, args);
        if has_left && until > 0 && first.is_none() {
            self.spread_marks();
        }
        self.tally(after.tally, after.discarded);
        if let Some(Side::GoesOn(walked)) = after.side {
            self.walk_on(id, entry, args, out, (walked, took, until));
            self.publish_events(&after.events);
            return Flow::Next;
        }
        if let Some(Side::Waits(wait)) = after.side {
            out.truncate(before);
            let flow = self.block_here(id, entry, args, out, wait);
            self.publish_events(&after.events);
            return flow;
        }
        finish(&mut out, before, version, &outcome);
        if until == 0 {
            self.give_reply(id, out, before);
        } else {
            self.give_settled(until, id, out, before);
        }
        self.account(id, entry, args, took, outcome.as_ref().err());
        self.note_side(id, after.side);
        self.publish_events(&after.events);
        if after.has_ready {
            self.serve_ready(None);
            self.post_outgoing();
        }
        if std::mem::take(&mut self.pace.is_emptied) && self.is_emptying_saved() {
            let shard = self.vault.take();
            self.hand_over_emptied(vec![Some(shard)]);
        }
        Flow::Next
    }

    /// The request waits at keys of this core.
    fn block_here(
        &mut self,
        id: SessionId,
        entry: &Entry,
        args: Args<'_>,
        out: Vec<u8>,
        wait: Arc<Wait>,
    ) -> Flow {
        self.feed_call(id, entry, args);
        if let Some(session) = self.local.roster.find(id) {
            session.outbox.restore(out);
            let gap = session.outbox.leave_gap();
            self.block(id, gap, wait);
        }
        Flow::Pause
    }

    /// Runs something that needs no data.
    pub(super) fn run_here(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
        handler: impl FnOnce(&mut Scene<'_>, &mut Reply<'_>) -> Outcome,
    ) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let version = session.client.version;
        let mut out = session.outbox.begin();
        let before = out.len();
        let now_ms = self.clock.now;
        let mut scene = Scene {
            local: &mut self.local,
            me: id,
            now_ms,
        };
        let mut reply = Reply::new(&mut out, version);
        let outcome = handler(&mut scene, &mut reply);
        let has_pushed = reply.has_pushed();
        let took = self.lap();
        finish(&mut out, before, version, &outcome);
        if has_pushed || self.local.directory.has_news() {
            self.give_when_known(id, out, before, has_pushed);
        } else {
            self.give_reply(id, out, before);
        }
        self.account(id, entry, args, took, outcome.as_ref().err());
        self.grant_wishes();
    }

    /// Puts a finished reply, or none if the client asked for none, in line.
    pub(super) fn give_reply(&mut self, id: SessionId, mut out: Vec<u8>, before: usize) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let mut complaint = None;
        if is_muted(&mut session.client.reply_mode) {
            if session.client.is_obeyed() && out.get(before) == Some(&b'-') {
                let command = session.client.last_command.unwrap_or_default();
                complaint = Some((command, out[before..].to_vec()));
            }
            out.truncate(before);
        }
        session.outbox.restore(out);
        if session.client.close_asap {
            session.stage = Stage::Closing;
        }
        self.mark_dirty(id);
        if let Some((command, reply)) = complaint {
            self.complain_to_primary(command, &reply);
        }
    }

    /// Refuses a request that did not run.
    pub(super) fn reject(
        &mut self,
        id: SessionId,
        entry: Option<&'static Entry>,
        refusal: &Refusal,
    ) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let version = session.client.version;
        let mut out = session.outbox.begin();
        let before = out.len();
        Reply::new(&mut out, version).refuse(refusal);
        self.give_reply(id, out, before);
        self.count_rejected(entry, refusal);
    }

    /// Answers bytes that break the protocol, and ends the session.
    fn break_off(&mut self, id: SessionId, fault: ProtocolFault) {
        if fault == ProtocolFault::QueryTooLong {
            self.condemn_counted(id, |count| &count.query_limit_disconnections);
            return self.set_stage(id, Stage::Closing);
        }
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let mut out = session.outbox.begin();
        let before = out.len();
        fault.write(&mut out);
        session.client.close_asap = true;
        self.give_reply(id, out, before);
    }

    /// Whether CLIENT PAUSE holds this command back, or the node itself does; the
    /// session then waits.
    pub(super) fn must_pause(&mut self, id: SessionId, entry: &Entry, args: Args<'_>) -> bool {
        if !self.local.is_paused() {
            return false;
        }
        let may_write = self.may_write(entry, args);
        let session = self.local.roster.find(id);
        let transaction = session.and_then(|session| session.transaction.as_deref());
        let is_exec = matches!(entry.command.run, Run::Exec);
        let writes =
            may_write || is_exec && transaction.is_some_and(|transaction| transaction.writes);
        let now = self.clock.now;
        let pauses = |pause: Pause| pause.until_ms > now && (pause.all || writes);
        let is_held = self.local.live.holds_writes && writes;
        if !is_held && !self.local.pause.is_some_and(pauses) {
            return false;
        }
        self.paused.push(id);
        self.count_blocked();
        self.set_stage(id, Stage::Waiting);
        true
    }

    /// After a request that may have been answered by now, with everything it
    /// needs at this core.
    pub(super) fn flow_of(&mut self, id: SessionId) -> Flow {
        match self.local.roster.find(id) {
            Some(session) if session.stage == Stage::Open => Flow::Next,
            Some(_) | None => Flow::Pause,
        }
    }

    pub(super) fn set_stage(&mut self, id: SessionId, stage: Stage) {
        if let Some(session) = self.local.roster.find(id) {
            session.stage = stage;
        }
    }

    /// Adds what a turn counted to this core's counters.
    pub(super) fn tally(&mut self, tally: Tally, discarded: Vec<Discarded>) {
        let count = self.local.count();
        if tally.hits > 0 {
            count.keyspace_hits.add(tally.hits);
        }
        if tally.misses > 0 {
            count.keyspace_misses.add(tally.misses);
        }
        if tally.changes > 0 {
            count.changes.add(tally.changes);
        }
        if !discarded.is_empty() {
            let unfreed = discarded.iter().map(Discarded::unfreed).sum();
            self.local.count().values_discarded.add(unfreed);
            self.discarded.extend(discarded);
        }
    }
}

/// A refused handler leaves nothing of a reply behind but the refusal.
pub(super) fn finish(out: &mut Vec<u8>, before: usize, version: Version, outcome: &Outcome) {
    if let Err(refusal) = outcome {
        out.truncate(before);
        Reply::new(out, version).refuse(refusal);
    }
}

/// Whether a browser was tricked into speaking to this port: it would send the
/// attacker's commands next, so the connection must end here.
fn is_web_request(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// Whether this reply is dropped; moves CLIENT REPLY SKIP on by one command.
pub(super) fn is_muted(mode: &mut ReplyMode) -> bool {
    match mode {
        ReplyMode::On => false,
        ReplyMode::Off => true,
        ReplyMode::SkipNext => {
            *mode = ReplyMode::Skip;
            true
        }
        ReplyMode::Skip => {
            *mode = ReplyMode::On;
            true
        }
    }
}
