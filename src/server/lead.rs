//! Commands that change what every core keeps a copy of: FUNCTION LOAD and its
//! kin. The first core decides and changes its copy first, one command after
//! the other; the others follow in that order. So all copies stay alike, and of
//! two clients that load a library of one name at the same moment one is
//! refused.

use std::sync::Arc;

use crate::command::{Caller, Entry, Gather, Run, Scene};
use crate::config::Author;
use crate::resp::{Args, Outcome, OwnedArgs, Refusal, Reply};
use crate::session::SessionId;

use super::core::Work;
use super::gather::Whom;
use super::letter::{Decided, Decision, Letter, Question};
use super::serve::{Flow, finish};
use super::vault::Waiter;

/// The core that decides.
const LEADER: usize = 0;

impl Work {
    /// Sends a request to the core that decides; its session waits.
    pub(super) fn start_led(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> Flow {
        if let Some(refusal) = self.full_for(entry) {
            self.reject(id, Some(entry), &refusal);
            return Flow::Next;
        }
        self.feed_call(id, entry, args);
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let decision = Box::new(Decision {
            may_wait: true,
            session: id,
            gap: session.await_reply(),
            entry: entry.index,
            version: session.client.version,
            author: Author::RemoteClient,
            busy: None,
            packed: OwnedArgs::from(args),
        });
        if self.local.core == LEADER {
            self.on_lead(LEADER, decision);
        } else {
            self.post.post(LEADER, Letter::Lead(decision));
        }
        self.flow_of(id)
    }

    /// Decides on a request, now or when the shard is here: while it is away a
    /// script may run that has the libraries.
    pub(super) fn on_lead(&mut self, home: usize, decision: Box<Decision>) {
        if self.vault_is_open() {
            self.lead(home, decision);
        } else {
            self.vault.wait(Waiter::Lead { home, decision });
        }
    }

    /// Makes the change here and asks the others to follow.
    pub(super) fn lead(&mut self, home: usize, decision: Box<Decision>) {
        let gather = self.led(&decision);
        let began_ns = self.watch.ns();
        let mut scene = self.scene_without_client(&decision);
        if let Err(refusal) = (gather.check)(&mut scene, decision.packed.args()) {
            let took_ns = self.watch.ns() - began_ns;
            return self.end_led(home, &decision, took_ns, |_, _| Err(refusal));
        }
        self.record_led(decision.packed.args());
        let request = Arc::new(Question {
            entry: decision.entry,
            packed: OwnedArgs::new(decision.packed.args().iter()),
            caller: Caller {
                core: LEADER,
                session: SessionId::SCRIPT,
                client: 0,
                database: 0,
            },
        });
        self.ask_all(Whom::Led { home, decision }, request);
    }

    /// All cores have followed.
    pub(super) fn on_followed(
        &mut self,
        home: usize,
        decision: &Decision,
        answers: &[Vec<u8>],
        took_ns: u64,
    ) {
        let gather = self.led(decision);
        self.end_led(home, decision, took_ns, |scene, reply| {
            (gather.merge)(scene, decision.packed.args(), answers, reply)
        });
    }

    fn led(&self, decision: &Decision) -> Gather {
        match self.local.table.at(decision.entry).command.run {
            Run::Led(gather) => gather,
            _ => unreachable!("only led commands are decided here"),
        }
    }

    fn scene_without_client(&mut self, decision: &Decision) -> Scene<'_> {
        let now_ms = self.clock.now;
        self.local.roster.begin_script(0, decision.version);
        Scene {
            local: &mut self.local,
            me: SessionId::SCRIPT,
            now_ms,
        }
    }

    fn end_led(
        &mut self,
        home: usize,
        decision: &Decision,
        took_ns: u64,
        write: impl FnOnce(&mut Scene<'_>, &mut Reply<'_>) -> Outcome,
    ) {
        let mut out = Vec::new();
        let mut scene = self.scene_without_client(decision);
        let outcome = write(&mut scene, &mut Reply::new(&mut out, decision.version));
        finish(&mut out, 0, decision.version, &outcome);
        let decided = decision.decided(out, outcome.err(), took_ns);
        if home == self.local.core {
            self.on_decided(decided);
        } else {
            self.post.post(home, Letter::Decided(Box::new(decided)));
        }
    }

    /// The reply to a request that was decided elsewhere.
    pub(super) fn on_decided(&mut self, decided: Decided) {
        self.fill(decided.session, decided.gap, &decided.reply);
        self.end_replica_wait(decided.session);
        let entry = self.local.table.at(decided.entry);
        let took_ns = decided.ran.as_ref().map_or(0, |(_, took_ns)| *took_ns);
        self.count_call(entry, took_ns, decided.refusal.as_ref());
        if let Some((words, took_ns)) = &decided.ran {
            self.log_slow(decided.session, entry, words.args(), *took_ns);
        }
        self.resume(decided.session);
    }
}

impl Decision {
    /// Its answer, after so many nanoseconds.
    pub(super) fn decided(
        &self,
        reply: Vec<u8>,
        refusal: Option<Refusal>,
        took_ns: u64,
    ) -> Decided {
        Decided {
            session: self.session,
            gap: self.gap,
            reply,
            entry: self.entry,
            refusal,
            ran: Some((self.packed.clone(), took_ns)),
        }
    }
}
