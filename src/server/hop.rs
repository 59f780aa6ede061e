//! One key, another core: requests out in one box per core and turn, replies
//! back in the same box. A walk over all keys (SCAN) goes from core to core in the
//! same way, always by way of its client's, until it has met enough.

use crate::command::{Asker, Data, Entry, First, Onward, Run, Side, Turn, Waiting, Walked};
use crate::resp::{Args, Reply};
use crate::session::{Regard, SessionId};
use crate::spec::Flags;

use super::ahead::prefetch;
use super::core::Work;
use super::letter::{Batch, Carried, Letter, WHOLE};
use super::serve::{finish, is_muted};
use super::vault::Waiter;

/// A box this full is posted at once, so that big values do not pile up.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Empty boxes kept for the next turns.
const SPARE_MAX: usize = 64;

#[expect(
    clippy::vec_box,
    reason = "the boxes travel: a spare one is posted without an allocation"
)]
/// The boxes being filled in this turn, by core.
pub(super) struct Hops {
    staged: Vec<Option<Box<Batch>>>,
    spare: Vec<Box<Batch>>,
}

impl Hops {
    pub(super) fn new(cores: usize) -> Hops {
        Hops {
            staged: (0..cores).map(|_| None).collect(),
            spare: Vec::new(),
        }
    }

    /// Whether no box is being filled.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.staged.iter().all(Option::is_none)
    }
}

/// What came of a request of another core.
#[derive(Default)]
struct Ran {
    took_ns: u64,
    /// See `Carried::until`.
    until: u64,
    side: Option<Side>,
}

impl Work {
    /// Sends a request of one key to the core that owns it.
    pub(super) fn hop(
        &mut self,
        id: SessionId,
        core: usize,
        entry: &'static Entry,
        first: Option<First>,
        args: Args<'_>,
    ) {
        if let Some(carried) = self.carried(id, entry, first) {
            self.stage_hop(core, carried, args);
        }
    }

    /// A request of a session, with its place among the replies.
    pub(super) fn carried(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        first: Option<First>,
    ) -> Option<Carried> {
        let session = self.local.roster.find(id)?;
        let is_muted = is_muted(&mut session.client.reply_mode);
        let gap = session.outbox.leave_gap();
        let client = &session.client;
        let place = (entry.index, client.database as u16);
        Some(Carried {
            is_muted,
            first,
            ..Carried::new((id, gap), place, client.version, client.regard)
        })
    }

    /// A walk over the keys has done its part here, where the client is, and goes on
    /// at another core. `took_ns` is what it took, and everything up to `until` must
    /// have run before the client may know.
    pub(super) fn walk_on(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
        out: Vec<u8>,
        (walked, took_ns, until): (Box<Walked>, u64, u64),
    ) {
        if let Some(session) = self.local.roster.find(id) {
            session.outbox.restore(out);
        }
        if let Some(carried) = self.carried(id, entry, None) {
            let carried = Carried {
                took_ns,
                until,
                ..carried
            };
            self.stage_walk(carried, args, walked);
        }
    }

    /// Sends a walk on its way to the core where it goes on.
    fn stage_walk(&mut self, carried: Carried, args: Args<'_>, walked: Box<Walked>) {
        let core = walked.core(self.local.placement);
        if core == self.local.core {
            self.stay_behind(carried.session);
        }
        let batch = self.box_for(core);
        batch.walks.push((batch.requests.len(), walked));
        self.stage_hop(core, carried, args);
    }

    /// Adds a request to the box for `core`.
    pub(super) fn stage_hop(&mut self, core: usize, carried: Carried, args: Args<'_>) {
        let giant = self.giant.take();
        let batch = self.box_for(core);
        batch.add(carried, args, giant);
        if batch.len() > BATCH_BYTES_MAX {
            self.post_hop(core);
        }
    }

    /// Posts this turn's boxes, those with parts under one stamp.
    pub(super) fn post_hops(&mut self) {
        let stamp = match self.scatters.has_staged() {
            true => {
                let stamp = self.post.stamp(true);
                self.scatters.close_group(stamp);
                stamp
            }
            false => 0,
        };
        for core in 0..self.hops.staged.len() {
            self.post_box(core, stamp);
        }
    }

    /// Posts the box for `core`, and all others if parts may be in them: these
    /// have one stamp, and later ones another.
    pub(super) fn post_hop(&mut self, core: usize) {
        if self.scatters.has_staged() {
            self.post_hops();
        } else {
            self.post_box(core, 0);
        }
    }

    fn post_box(&mut self, core: usize, stamp: u64) {
        let Some(mut batch) = self.hops.staged[core].take() else {
            return;
        };
        batch.stamp = if batch.has_parts { stamp } else { 0 };
        if core == self.local.core {
            // Behind the parts that wait for their place at this core.
            let stamp = batch.stamp;
            self.sequence.stand(core, stamp, Letter::Batch(batch));
            return;
        }
        let count = self.local.count();
        count.hop_batches.add(1);
        count.hops_sent.add(batch.requests.len() as u64);
        self.post.post(core, Letter::Batch(batch));
    }

    /// The box being filled for `core`.
    pub(super) fn box_for(&mut self, core: usize) -> &mut Batch {
        let hops = &mut self.hops;
        hops.staged[core].get_or_insert_with(|| hops.spare.pop().unwrap_or_default())
    }

    /// Posts the boxes if one is full.
    pub(super) fn post_full_hops(&mut self) {
        let mut staged = self.hops.staged.iter().flatten();
        if staged.any(|batch| batch.len() > BATCH_BYTES_MAX) {
            self.post_hops();
        }
    }

    /// Runs another core's requests, now or when the keyspace is here.
    pub(super) fn on_batch(&mut self, from: usize, batch: Box<Batch>) {
        if self.vault_is_open() {
            self.run_batch(from, batch);
        } else if self.local.busy.is_some() && self.vault.at_home().is_none() && !batch.has_parts {
            self.refuse_batch(from, batch);
        } else {
            self.vault.wait(Waiter::Batch { from, batch });
        }
    }

    /// Runs another core's requests on the keyspace, which is at home.
    pub(super) fn run_batch(&mut self, from: usize, mut batch: Box<Batch>) {
        self.prefetch_batch(&batch);
        self.begin_lap();
        let mut replies = std::mem::take(&mut batch.replies);
        let mut transactions = std::mem::take(&mut batch.transactions);
        let mut has_run = 0;
        for index in 0..batch.requests.len() {
            self.note_part(batch.stamp, &batch.requests[index]);
            if let Some((of, exec)) = transactions.get_mut(has_run)
                && *of == index
            {
                has_run += 1;
                let request = &mut batch.requests[index];
                match request.scatter {
                    WHOLE => self.run_sent_exec(exec, request, &mut replies),
                    _ => self.run_exec_part(exec, batch.stamp, request, &mut replies),
                }
                continue;
            }
            let giant = batch.giants.iter_mut().find(|(of, _)| *of == index);
            self.giant = giant.map(|(_, giant)| std::mem::take(giant));
            let walked = batch.take_walked(index);
            let ran = self.run_carried(from, (&batch, index), walked, &mut replies);
            self.giant = None;
            batch.sides.extend(ran.side.map(|side| (index, side)));
            let request = &mut batch.requests[index];
            request.reply_end = replies.len();
            // A walk has run at other cores before.
            request.took_ns += ran.took_ns;
            request.until = request.until.max(ran.until);
        }
        self.note_no_part();
        batch.replies = replies;
        batch.transactions = transactions;
        if from == self.local.core {
            self.on_replies(from, batch);
        } else {
            self.post.post(from, Letter::Replies(batch));
        }
        self.post_outgoing();
    }

    /// What a request of a box depends on; a part leaves its marks.
    fn depends_in(&mut self, batch: &Batch, index: usize) -> u64 {
        let request = &batch.requests[index];
        let entry = self.local.table.at(request.entry);
        let writes = entry.flags().has(Flags::WRITE);
        if request.scatter == WHOLE {
            return self.depends_on(request.first.map(|first| first.slot), writes);
        }
        self.mark_part(batch.stamp, batch.slots(index), writes)
    }

    fn run_carried(
        &mut self,
        from: usize,
        (batch, index): (&Batch, usize),
        walked: Option<Box<Walked>>,
        replies: &mut Vec<u8>,
    ) -> Ran {
        let request = &batch.requests[index];
        let args = batch.args(index);
        let entry = self.local.table.at(request.entry);
        let before = replies.len();
        let is_part = request.scatter != WHOLE;
        // All parts of a command run, or none: its core has looked.
        if !is_part && let Some(refusal) = self.out_of_memory(entry) {
            Reply::new(replies, request.version).refuse(&refusal);
            self.count_rejected(Some(entry), &refusal);
            return Ran::default();
        }
        // Behind what had to be evicted for it.
        let until = self.depends_in(batch, index);
        let (Run::Data(handler) | Run::DataOrWhole(handler, _) | Run::AtCursor(handler)) =
            entry.command.run
        else {
            unreachable!("only data commands are carried to another core");
        };
        let clock = self.clock_for(request.regard);
        let shard = self.vault.at_home().expect("the caller looked");
        let mut turn = Turn::new(
            Data::Home(shard),
            self.local.placement,
            request.first,
            usize::from(request.database),
            clock,
            &mut self.local.random,
            &self.local.live,
        );
        turn.giant = self.giant.take();
        if entry.leaves_aside {
            turn.waiting = Waiting::May(Asker {
                core: from,
                session: request.session.packed(),
                entry: request.entry,
                version: request.version,
                no_touch: request.regard == Regard::NoTouch,
            });
        }
        turn.onward = match (walked, entry.command.run) {
            (Some(walked), _) => Onward::From(walked),
            (None, Run::AtCursor(_)) => Onward::May,
            (None, _) => Onward::Never,
        };
        let outcome = handler(&mut turn, args, &mut Reply::new(replies, request.version));
        let mut after = turn.end();
        let took = self.lap();
        let writes = entry.flags().has(Flags::WRITE);
        let position = self.position_of(request, (batch.stamp, until), writes);
        let has_left = self.record(&mut after, position, usize::from(request.database), args);
        if has_left && until > 0 && !is_part && request.first.is_none() {
            self.spread_marks();
        }
        self.tally(after.tally, after.discarded);
        if !matches!(after.side, Some(Side::Waits(_) | Side::GoesOn(_))) {
            finish(replies, before, request.version, &outcome);
            if !is_part {
                let took = request.took_ns + took;
                self.count_call(entry, took, outcome.as_ref().err());
            }
        }
        self.publish_events(&after.events);
        if after.has_ready {
            self.serve_ready(None);
        }
        Ran {
            took_ns: took,
            until,
            side: after.side,
        }
    }

    fn prefetch_batch(&mut self, batch: &Batch) {
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        let database = keyspace.db(0);
        // A window at a time, or the first lines would be evicted again.
        for window in batch.requests.chunks(32) {
            prefetch(database, window.iter().filter_map(|request| request.first));
        }
    }

    /// Puts the replies of a box that came back into their places.
    pub(super) fn on_replies(&mut self, from: usize, mut batch: Box<Batch>) {
        let mut start = 0;
        for index in 0..batch.requests.len() {
            let request = batch.requests[index];
            let span = start..request.reply_end;
            start = request.reply_end;
            if let Some(exec) = batch.take_transaction(index) {
                let reply = &batch.replies[span];
                if request.scatter != WHOLE {
                    self.on_exec_part(from, &request, exec, reply);
                    continue;
                }
                self.end_sent_exec(&request, &exec, reply);
                if from == self.local.core {
                    self.one_back(request.session, |session| &mut session.scattered);
                }
                continue;
            }
            let entry = self.local.table.at(request.entry);
            if request.scatter != WHOLE {
                let args = batch.args(index);
                self.log_slow(request.session, entry, args, request.took_ns);
                self.on_part(from, &request, &batch.replies[span]);
                continue;
            }
            match batch.take_side(index) {
                Some(Side::Waits(wait)) => {
                    self.feed_call(request.session, entry, batch.args(index));
                    self.block(request.session, request.gap, wait);
                    continue;
                }
                Some(Side::GoesOn(walked)) => {
                    self.stage_walk(request, batch.args(index), walked);
                    if from == self.local.core {
                        self.one_back(request.session, |session| &mut session.scattered);
                    }
                    continue;
                }
                side => self.note_side(request.session, side),
            }
            let reply = if request.is_muted {
                &[]
            } else {
                &batch.replies[span.clone()]
            };
            self.fill_settled(request.until, request.session, request.gap, reply);
            if entry.leaves_aside {
                self.resume(request.session);
            }
            if from == self.local.core {
                self.one_back(request.session, |session| &mut session.scattered);
            }
            if request.regard == Regard::Obeyed
                && batch.replies[span.clone()].first() == Some(&b'-')
            {
                self.complain_to_primary(entry.name, &batch.replies[span]);
            }
            let args = batch.args(index);
            self.log_slow(request.session, entry, args, request.took_ns);
            if self.local.monitored != 0 {
                let database = usize::from(request.database);
                self.feed(request.session, database, entry, args);
            }
        }
        if self.hops.spare.len() < SPARE_MAX {
            batch.clear();
            self.hops.spare.push(batch);
        }
    }
}
