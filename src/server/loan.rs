//! Keys of several cores: their keyspaces move to the client's core, the
//! command runs as on one core, and they move back.
//!
//! Cores are asked in ascending order, one after the other, and a keyspace
//! that is away is waited for in line. So a coordinator only ever waits for
//! cores above those it holds: no two can wait for each other.

use std::collections::BTreeMap;

use crate::command::{Data, Entry, Lent, Run, Turn};
use crate::keyspace::Keyspace;
use crate::resp::{Args, OwnedArgs, Reply, Version};
use crate::session::{Gap, SessionId, Stage};

use super::core::Work;
use super::letter::Letter;
use super::serve::finish;
use super::vault::Waiter;

/// A command that is collecting its keyspaces.
pub(super) struct Loan {
    session: SessionId,
    gap: Gap,
    entry: &'static Entry,
    database: usize,
    version: Version,
    no_touch: bool,
    packed: OwnedArgs,
    /// Cores not asked yet, one bit each.
    wanted: u64,
    held: Lent,
}

/// This core's loans, by number.
#[derive(Default)]
pub(super) struct Loans {
    open: BTreeMap<u64, Loan>,
    next: u64,
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
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.stage = Stage::Waiting;
        let loan = Loan {
            session: id,
            gap: session.outbox.leave_gap(),
            entry,
            database: session.client.database,
            version: session.client.version,
            no_touch: session.client.no_touch,
            packed: OwnedArgs::new(args.iter()),
            wanted: cores,
            held: (0..self.local.placement.cores()).map(|_| None).collect(),
        };
        let number = self.loans.next;
        self.loans.next += 1;
        self.loans.open.insert(number, loan);
        self.advance_loan(number);
    }

    /// Asks for the next keyspace, or runs the command when all are here.
    fn advance_loan(&mut self, number: u64) {
        let me = self.local.core;
        loop {
            let is_open = self.vault_is_open();
            let loan = self
                .loans
                .open
                .get_mut(&number)
                .expect("a loan is open until it has run");
            if loan.wanted == 0 {
                self.run_loan(number);
                return;
            }
            let core = loan.wanted.trailing_zeros() as usize;
            if core != me {
                // What this session sent there before goes first.
                self.post_hop(core);
                self.post.post(core, Letter::Borrow { loan: number });
                return;
            }
            if !is_open {
                self.vault.wait(Waiter::Own { loan: number });
                return;
            }
            loan.held[me] = Some(self.vault.take());
            loan.wanted &= !(1 << me);
        }
    }

    /// The keyspace of this core goes to a loan of its own that stood in line.
    pub(super) fn grant_own(&mut self, number: u64) {
        let me = self.local.core;
        let keyspace = self.vault.take();
        self.on_lend(me, number, keyspace);
    }

    /// Lends this core's keyspace to another, now or when it is here.
    pub(super) fn on_borrow(&mut self, from: usize, loan: u64) {
        if self.vault_is_open() {
            self.lend(from, loan);
        } else {
            self.vault.wait(Waiter::Borrow { from, loan });
        }
    }

    /// Sends the keyspace off.
    pub(super) fn lend(&mut self, to: usize, loan: u64) {
        let keyspace = self.vault.take();
        self.post.post(to, Letter::Lend { loan, keyspace });
    }

    /// A keyspace has arrived.
    pub(super) fn on_lend(&mut self, from: usize, number: u64, keyspace: Box<Keyspace>) {
        let loan = self
            .loans
            .open
            .get_mut(&number)
            .expect("a loan is open until it has run");
        loan.held[from] = Some(keyspace);
        loan.wanted &= !(1 << from);
        self.advance_loan(number);
    }

    fn run_loan(&mut self, number: u64) {
        let mut loan = self.loans.open.remove(&number).expect("a loan runs once");
        let (Run::Data(handler) | Run::DataOrWhole(handler, _) | Run::Whole(handler)) =
            loan.entry.command.run
        else {
            unreachable!("only data commands borrow");
        };
        let mut reply = Vec::new();
        let args = loan.packed.args();
        let mut took = 0;
        let mut refused = None;
        if let Some(refusal) = self.out_of_memory(loan.entry) {
            Reply::new(&mut reply, loan.version).refuse(&refusal);
            self.count_rejected(Some(loan.entry), &refusal);
        } else {
            self.begin_lap();
            let mut turn = Turn::new(
                Data::Lent(&mut loan.held),
                self.local.placement,
                None,
                loan.database,
                self.clock_for(loan.no_touch),
                &mut self.local.random,
                &self.local.live,
            );
            let outcome = handler(&mut turn, args, &mut Reply::new(&mut reply, loan.version));
            let (tally, discarded) = (turn.tally, turn.discarded);
            took = self.lap();
            self.tally(tally, discarded);
            finish(&mut reply, 0, loan.version, &outcome);
            refused = outcome.err();
        }
        for (core, keyspace) in loan.held.into_iter().enumerate() {
            let Some(keyspace) = keyspace else { continue };
            if core == self.local.core {
                self.vault.put(keyspace);
            } else {
                self.post.post(core, Letter::Return { keyspace });
            }
        }
        self.fill(loan.session, loan.gap, &reply);
        self.account(loan.session, loan.entry, args, took, refused.as_ref());
        self.resume(loan.session);
        self.serve_line();
    }

    /// The keyspace is home again.
    pub(super) fn on_return(&mut self, keyspace: Box<Keyspace>) {
        self.vault.put(keyspace);
        self.serve_line();
    }

    /// Serves who stands in line, until the keyspace is away again.
    pub(super) fn serve_line(&mut self) {
        while let Some(waiter) = self.vault.next() {
            match waiter {
                Waiter::Batch { from, batch } => self.run_batch(from, batch),
                Waiter::Borrow { from, loan } => self.lend(from, loan),
                Waiter::Own { loan } => self.grant_own(loan),
                Waiter::Ask { from, ask, request } => self.answer(from, ask, &request),
                Waiter::Session(id) => {
                    self.is_in_turn = true;
                    self.resume(id);
                    self.run_resumed();
                    self.is_in_turn = false;
                }
            }
        }
    }

    /// Fills a gap, if the session is still there and wants replies.
    pub(super) fn fill(&mut self, id: SessionId, gap: Gap, reply: &[u8]) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let muted = super::serve::is_muted(&mut session.client.reply_mode);
        session.outbox.fill(gap, if muted { &[] } else { reply });
        self.mark_dirty(id);
    }
}
