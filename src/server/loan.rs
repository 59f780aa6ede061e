//! Keys of several cores: their shards move to the client's core, the
//! command runs as on one core, and they move back.
//!
//! All cores are asked at once, with one stamp (`sequence`), and each lends its
//! shard in the order of stamps; one that is away is waited for in line. So a
//! coordinator only ever waits for those with lower stamps: no two can wait for
//! each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Asker, Data, Entry, Lent, Run, Side, Turn, Waiting, noted};
use crate::journal::Position;
use crate::resp::{Args, OwnedArgs, Reply, Version};
use crate::script::LogLevel;
use crate::session::{Gap, Regard, Session, SessionId};
use crate::shard::{Shard, Wait};

use super::core::Work;
use super::letter::Letter;
use super::script::{Due, ScriptCall};
use super::serve::finish;
use super::snapshot::CutOrder;
use super::transaction::Exec;
use super::vault::Waiter;

/// The log tells of a job that waits for longer.
const LONG_MS: u64 = 5_000;

/// A command that is collecting its shards.
struct Loan {
    job: Job,
    /// Cores whose shards have not come, one bit each.
    wanted: u64,
    held: Lent,
    /// When it began, until the log has told that it takes long.
    since_ms: Option<u64>,
}

impl Job {
    fn name(&self) -> &'static str {
        match self {
            Job::Call(call) => call.entry.name,
            Job::Exec(exec) => exec.entry().name,
            Job::Script(script) => script.call.entry.name,
            Job::Again(_) => "of a client that is blocked",
            Job::Errand(_) => "of the control core",
            Job::Cut(_) => "of a snapshot",
            Job::GivenUp => "that was given up",
        }
    }
}

/// What is done with the shards when all are here.
pub(super) enum Job {
    /// One command.
    Call(Box<Call>),
    /// A transaction.
    Exec(Box<Exec>),
    /// A script.
    Script(Box<ScriptCall>),
    /// A blocked command is looked at again.
    Again(Arc<Wait>),
    /// The control core does something with all shards.
    Errand(u64),
    /// A cut is made through all shards.
    Cut(Box<CutOrder>),
    /// Nothing: its client has heard that the node is busy.
    GivenUp,
}

/// A request that runs when its shards are together, and what it needs of its
/// client.
pub(super) struct Call {
    pub(super) session: SessionId,
    pub(super) gap: Gap,
    pub(super) entry: &'static Entry,
    pub(super) database: usize,
    pub(super) version: Version,
    pub(super) regard: Regard,
    pub(super) packed: OwnedArgs,
}

/// This core's loans, by number.
#[derive(Default)]
pub(super) struct Loans {
    open: BTreeMap<u64, Loan>,
    next: u64,
    /// Without shards, to be used again.
    spare: Option<Lent>,
}

#[cfg(test)]
impl Loans {
    /// Whether none is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Work {
    /// Begins a command over `cores`; its session waits.
    pub(super) fn start_loan(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        cores: u64,
        args: Args<'_>,
    ) {
        if let Some(call) = self.call_of(id, entry, args) {
            self.borrow_for(Job::Call(Box::new(call)), cores);
        }
    }

    /// The session waits for something that is under way.
    pub(super) fn await_one(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.await_one();
        }
    }

    /// A request as it waits for its shards; its session waits for the reply.
    pub(super) fn call_of(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Option<Call> {
        let session = self.local.roster.find(id)?;
        let gap = session.await_reply();
        Some(call_in(session, id, gap, entry, args))
    }

    /// Collects the shards of `cores` for a job.
    pub(super) fn borrow_for(&mut self, job: Job, cores: u64) {
        let me = self.local.core;
        let mut held = self.nothing_held();
        if cores == 1 << me && self.is_at_hand() {
            held[me] = Some(self.vault.take());
            return self.run_job(job, held);
        }
        let loan = Loan {
            job,
            wanted: cores,
            held,
            since_ms: Some(self.clock.now),
        };
        let number = self.loans.next;
        self.loans.next += 1;
        self.loans.open.insert(number, loan);
        self.ask_for_shards(number, cores);
    }

    /// Room for the shards of all cores.
    fn nothing_held(&mut self) -> Lent {
        let spare = self.loans.spare.take();
        spare.unwrap_or_else(|| (0..self.local.placement.cores()).map(|_| None).collect())
    }

    /// Whether this core's shard is here, and what was done to it may be known.
    pub(super) fn is_at_hand(&mut self) -> bool {
        self.vault_is_open() && {
            let shard = self.vault.at_home();
            let newest = shard.map_or(0, |shard| shard.marks.newest());
            self.has_finished(newest)
        }
    }

    /// Asks all cores for their shards at once. Those of several cores have a
    /// stamp, and each core lends its shard in the order of stamps.
    fn ask_for_shards(&mut self, loan: u64, cores: u64) {
        let me = self.local.core;
        match cores {
            // A transaction without commands.
            0 => return self.run_loan(loan),
            mine if mine == 1 << me => return self.on_borrow(me, loan),
            _ => {}
        }
        let stamp = if cores.count_ones() > 1 {
            // What sessions sent before goes first, with a lower stamp.
            self.post_hops();
            self.post.stamp(false)
        } else {
            0
        };
        for core in (0..self.local.placement.cores()).filter(|core| cores >> core & 1 == 1) {
            let letter = Letter::Borrow { loan, stamp };
            if core == me {
                self.sequence.stand(me, stamp, letter);
            } else {
                self.post_hop(core);
                self.post.post(core, letter);
            }
        }
    }

    /// Gives up the jobs that `is_given_up` says, and gives their shards back.
    /// Shards that were asked for go home when they come.
    pub(super) fn give_up_loans(&mut self, is_given_up: impl Fn(&Job) -> bool) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut shards = Vec::new();
        for loan in self.loans.open.values_mut() {
            if is_given_up(&loan.job) {
                jobs.push(std::mem::replace(&mut loan.job, Job::GivenUp));
                let nothing = loan.held.iter().map(|_| None).collect();
                shards.push(std::mem::replace(&mut loan.held, nothing));
            }
        }
        for held in shards {
            self.give_back(held);
        }
        jobs
    }

    /// Tells the log, once for each, which jobs have waited for long: a core may be
    /// busy with something that takes long, or stand still.
    pub(super) fn look_at_loans(&mut self) {
        let now = self.clock.now;
        let finished = self.post.finished_below();
        let is_home = self.vault.is_home();
        let me = self.local.core;
        let mut told = Vec::new();
        for loan in self.loans.open.values_mut() {
            let waits = loan.since_ms.is_some_and(|since| now >= since + LONG_MS);
            if !waits {
                continue;
            }
            loan.since_ms = None;
            let cores = (0..u64::BITS).filter(|core| loan.wanted >> core & 1 == 1);
            let cores: Vec<_> = cores.map(|core| core.to_string()).collect();
            let newest = loan.held.iter().flatten().map(|shard| shard.marks.newest());
            let why = if cores.is_empty() {
                let newest = newest.max().unwrap_or_default();
                format!("what ran there until stamp {newest}; all below {finished} is known")
            } else {
                format!("the data of shards {}", cores.join(", "))
            };
            let own = if is_home { "here" } else { "lent" };
            told.push(format!(
                "A command over several shards ({}) has waited for {} s at shard {me}, whose own \
                 data is {own}, for {why}.",
                loan.job.name(),
                LONG_MS / 1000,
            ));
        }
        let control = self.local.placement.cores();
        for text in told {
            let level = LogLevel::Warning;
            self.post.post(control, Letter::Log { level, text });
        }
    }

    /// The shard of this core goes to a loan of its own that stood in line.
    pub(super) fn grant_own(&mut self, number: u64) {
        let me = self.local.core;
        let shard = self.vault.take();
        self.on_lend(me, number, shard);
    }

    /// Lends this core's shard to another, now or when it is here.
    pub(super) fn on_borrow(&mut self, from: usize, loan: u64) {
        match (from == self.local.core, self.vault_is_open()) {
            (true, true) => self.grant_own(loan),
            (true, false) => self.vault.wait(Waiter::Own { loan }),
            (false, true) => self.lend(from, loan),
            (false, false) => self.vault.wait(Waiter::Borrow { from, loan }),
        }
    }

    /// Sends the shard off.
    pub(super) fn lend(&mut self, to: usize, loan: u64) {
        let shard = self.vault.take();
        self.post.post(to, Letter::Lend { loan, shard });
    }

    /// A shard has arrived.
    pub(super) fn on_lend(&mut self, from: usize, number: u64, shard: Box<Shard>) {
        let loan = self
            .loans
            .open
            .get_mut(&number)
            .expect("a loan is open until it has run");
        loan.held[from] = Some(shard);
        loan.wanted &= !(1 << from);
        if loan.wanted == 0 {
            self.run_when_settled(number);
        } else if matches!(loan.job, Job::GivenUp) {
            let nothing = loan.held.iter().map(|_| None).collect();
            let held = std::mem::replace(&mut loan.held, nothing);
            self.give_back(held);
        }
    }

    /// Runs a job whose shards are all here: as soon as everything has run
    /// everywhere of which parts have run on them, so that what it sees may be
    /// known.
    fn run_when_settled(&mut self, number: u64) {
        if self.is_settled(number) {
            self.run_loan(number);
        } else {
            self.settling.loans.push(number);
        }
    }

    fn is_settled(&mut self, number: u64) -> bool {
        let held = self.loans.open[&number].held.iter().flatten();
        let newest = held.map(|shard| shard.marks.newest()).max();
        newest.is_none_or(|newest| self.has_finished(newest))
    }

    /// Runs the jobs that waited for this.
    pub(super) fn run_settled_loans(&mut self) {
        for number in std::mem::take(&mut self.settling.loans) {
            self.run_when_settled(number);
        }
    }

    /// Runs a job whose shards are all here, and gives them back.
    fn run_loan(&mut self, number: u64) {
        let loan = self.loans.open.remove(&number).expect("a loan runs once");
        self.run_job(loan.job, loan.held);
    }

    fn run_job(&mut self, job: Job, mut held: Lent) {
        match job {
            Job::Call(call) => self.run_call(&call, &mut held),
            Job::Exec(exec) if !exec.has_scripts() => self.run_exec(&exec, &mut held),
            Job::Again(wait) => self.run_again(&wait, &mut held),
            Job::Errand(number) => return self.hand_over(number, held),
            Job::Cut(order) => self.make_cut(*order, &mut held),
            Job::GivenUp => {}
            Job::Exec(_) | Job::Script(_) => {
                // The core runs these, when nothing of it is in use.
                self.scripts.due.push_back(Due { job, held });
                return;
            }
        }
        self.give_back(held);
    }

    /// Gives the shards of a job back, and sends its answers off.
    pub(super) fn give_back(&mut self, held: Lent) {
        self.send_home(held);
        self.serve_line();
    }

    /// The same, and nobody in line is served yet.
    pub(super) fn send_home(&mut self, mut held: Lent) {
        let is_emptied = std::mem::take(&mut self.pace.is_emptied);
        if is_emptied && self.is_emptying_saved() {
            self.hand_over_emptied(held);
        } else {
            for (core, shard) in held.iter_mut().enumerate() {
                let Some(shard) = shard.take() else { continue };
                if core == self.local.core {
                    self.put_home(shard);
                } else {
                    self.post.post(core, Letter::Return { shard });
                }
            }
            self.loans.spare = Some(held);
        }
        self.post_outgoing();
    }

    fn run_call(&mut self, call: &Call, held: &mut Lent) {
        let (Run::Data(handler) | Run::DataOrWhole(handler, _) | Run::Whole(handler)) =
            call.entry.command.run
        else {
            unreachable!("only data commands borrow");
        };
        let mut reply = Vec::new();
        if let Some(refusal) = self.out_of_memory(call.entry) {
            Reply::new(&mut reply, call.version).refuse(&refusal);
            self.count_rejected(Some(call.entry), &refusal);
            self.fill(call.session, call.gap, &reply);
            return self.resume(call.session);
        }
        let args = call.packed.args();
        self.begin_lap();
        let mut turn = Turn::new(
            Data::Lent(held),
            self.local.placement,
            None,
            call.database,
            self.clock_for(call.regard),
            &mut self.local.random,
            &self.local.live,
        );
        if call.entry.leaves_aside {
            turn.waiting = Waiting::May(Asker {
                core: self.local.core,
                session: call.session.packed(),
                entry: call.entry.index,
                version: call.version,
                no_touch: call.regard == Regard::NoTouch,
            });
        }
        let outcome = handler(&mut turn, args, &mut Reply::new(&mut reply, call.version));
        let mut after = turn.end();
        let took = self.lap();
        self.record(&mut after, Position::FREE, call.database, args);
        self.tally(after.tally, after.discarded);
        match after.side {
            Some(Side::Waits(wait)) => {
                self.feed_call(call.session, call.entry, args);
                self.block(call.session, call.gap, wait);
            }
            side => {
                self.note_side(call.session, side);
                finish(&mut reply, 0, call.version, &outcome);
                self.fill(call.session, call.gap, &reply);
                self.account(call.session, call.entry, args, took, outcome.as_ref().err());
                self.resume(call.session);
            }
        }
        self.publish_events(&after.events);
        if after.has_ready {
            self.serve_ready(Some(held));
        }
    }

    /// The shard is home again.
    pub(super) fn on_return(&mut self, shard: Box<Shard>) {
        self.put_home(shard);
        self.serve_line();
    }

    /// Takes this core's shard back; settings may have changed meanwhile.
    fn put_home(&mut self, mut shard: Box<Shard>) {
        let is_recorded = shard.recorded_by != 0;
        shard
            .keyspace
            .note(noted(self.local.live.events, is_recorded));
        self.pace.is_walking = shard.keyspace.is_cut();
        self.pace.walk_goes_on |= self.pace.is_walking;
        self.vault.put(shard);
    }

    /// Serves who stands in line, until the shard is away again.
    pub(super) fn serve_line(&mut self) {
        while let Some(waiter) = self.vault.next() {
            match waiter {
                Waiter::Batch { from, batch } => self.run_batch(from, batch),
                Waiter::Borrow { from, loan } => self.lend(from, loan),
                Waiter::Own { loan } => self.grant_own(loan),
                Waiter::Ask { from, ask, request } => self.answer(from, ask, &request),
                Waiter::Lead { home, decision } => self.lead(home, decision),
                Waiter::Forget(observer) => self.forget_here(&observer),
                Waiter::Announce(words) => self.tell_replicas(words),
                Waiter::Loaded(keyspace) => self.install(*keyspace),
                Waiter::Session(id) => {
                    self.resume(id);
                    self.run_in_turn();
                }
            }
        }
    }

    /// Serves resumed sessions from their inboxes, at once and wherever others stand in
    /// line for the shard: it is their turn.
    pub(super) fn run_in_turn(&mut self) {
        self.is_in_turn = true;
        self.run_resumed();
        self.is_in_turn = false;
    }

    /// Fills a gap, if the session is still there and wants replies.
    pub(super) fn fill(&mut self, id: SessionId, gap: Gap, reply: &[u8]) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let muted = super::serve::is_muted(&mut session.client.reply_mode);
        session.outbox.fill(gap, if muted { &[] } else { reply });
        if muted && session.client.is_obeyed() && reply.first() == Some(&b'-') {
            let command = session.client.last_command.unwrap_or_default();
            self.complain_to_primary(command, reply);
        }
        self.mark_dirty(id);
    }
}

/// A request with what it needs of its client, and the place of its reply.
pub(super) fn call_in(
    session: &Session,
    id: SessionId,
    gap: Gap,
    entry: &'static Entry,
    args: Args<'_>,
) -> Call {
    Call {
        session: id,
        gap,
        entry,
        database: session.client.database,
        version: session.client.version,
        regard: session.client.regard,
        packed: OwnedArgs::from(args),
    }
}
