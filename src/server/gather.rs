//! A part at every core, merged at the client's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Caller, Entry, Gather, Local, Part};
use crate::keyspace::Clock;
use crate::resp::{Args, OwnedArgs, Refusal};
use crate::session::{Gap, Regard, SessionId};
use crate::shard::Shard;
use crate::spec::Flags;

use super::core::Work;
use super::letter::{Decision, Letter, Question};
use super::serve::Flow;
use super::vault::Waiter;

/// A command whose parts are under way.
struct Asked {
    whom: Whom,
    request: Arc<Question>,
    answers: Vec<Vec<u8>>,
    missing: usize,
    /// Nanoseconds this core's own part took.
    took_ns: u64,
}

/// Who gets the reply.
pub(super) enum Whom {
    /// A session of this core.
    Session(SessionId, Gap),
    /// One of another core, of whose request this one decides.
    Led {
        home: usize,
        decision: Box<Decision>,
    },
}

/// This core's open questions, by number.
#[derive(Default)]
pub(super) struct Asks {
    open: BTreeMap<u64, Asked>,
    next: u64,
}

#[cfg(test)]
impl Asks {
    /// Whether none is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Work {
    /// Checks the request here and asks every core for its part.
    pub(super) fn start_gather(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        gather: &Gather,
        args: Args<'_>,
    ) -> Flow {
        let refusal = self.full_for(entry);
        if let Err(refusal) = refusal.map_or_else(|| self.check(id, gather, args), Err) {
            self.reject(id, Some(entry), &refusal);
            return Flow::Next;
        }
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let caller = Caller {
            core: self.local.core,
            session: id,
            client: session.client.id,
            database: session.client.database,
        };
        let request = Arc::new(Question {
            entry: entry.index,
            packed: OwnedArgs::from(args),
            caller,
        });
        let whom = Whom::Session(id, session.await_reply());
        self.ask_all(whom, request);
        self.flow_of(id)
    }

    /// Asks every core for its part, this one included.
    pub(super) fn ask_all(&mut self, whom: Whom, request: Arc<Question>) {
        let cores = self.local.placement.cores();
        let asked = Asked {
            whom,
            request: Arc::clone(&request),
            answers: vec![Vec::new(); cores],
            missing: cores,
            took_ns: 0,
        };
        let ask = self.asks.next;
        self.asks.next += 1;
        self.asks.open.insert(ask, asked);
        let me = self.local.core;
        for core in self.local.placement.others(me) {
            self.post_hop(core);
            let request = Arc::clone(&request);
            self.post.post(core, Letter::Ask { ask, request });
        }
        self.on_ask(me, ask, request);
    }

    /// What refuses a command that may grow memory.
    pub(super) fn full_for(&mut self, entry: &Entry) -> Option<Refusal> {
        let grows = entry.flags().has(Flags::DENYOOM);
        grows.then(|| self.out_of_memory(entry)).flatten()
    }

    fn check(&mut self, id: SessionId, gather: &Gather, args: Args<'_>) -> Result<(), Refusal> {
        let now_ms = self.clock.now;
        let mut scene = crate::command::Scene {
            local: &mut self.local,
            me: id,
            now_ms,
        };
        (gather.check)(&mut scene, args)
    }

    /// Runs this core's part, now or when the keyspace is here.
    pub(super) fn on_ask(&mut self, from: usize, ask: u64, request: Arc<Question>) {
        if self.vault_is_open() {
            self.answer(from, ask, &request);
        } else {
            self.vault.wait(Waiter::Ask { from, ask, request });
        }
    }

    /// Runs this core's part; the keyspace is at home.
    pub(super) fn answer(&mut self, from: usize, ask: u64, request: &Question) {
        self.settle_clients();
        let started = self.watch.ns();
        let clock = self.clock_for(Regard::NoTouch);
        let shard = self.vault.at_home().expect("the caller looked");
        let bytes = make_part(&mut self.local, shard, clock, request);
        // RANDOMKEY may have met keys whose time has come.
        self.tell_notes();
        self.grant_wishes();
        if from == self.local.core {
            if let Some(asked) = self.asks.open.get_mut(&ask) {
                asked.took_ns = self.watch.ns() - started;
            }
            self.on_answer(from, ask, bytes);
        } else {
            self.post.post(from, Letter::Answer { ask, bytes });
        }
    }

    /// A part has arrived; the last one makes the reply.
    pub(super) fn on_answer(&mut self, from: usize, ask: u64, bytes: Vec<u8>) {
        let asked = self
            .asks
            .open
            .get_mut(&ask)
            .expect("a question is open until its last answer");
        asked.answers[from] = bytes;
        asked.missing -= 1;
        if asked.missing > 0 {
            return;
        }
        let asked = self.asks.open.remove(&ask).expect("it was there");
        match &asked.whom {
            Whom::Session(id, gap) => self.merge(&asked, *id, *gap),
            Whom::Led { home, decision } => {
                self.on_followed(*home, decision, &asked.answers, asked.took_ns);
            }
        }
        self.grant_wishes();
    }

    /// Makes the reply to one of this core's sessions.
    fn merge(&mut self, asked: &Asked, id: SessionId, gap: Gap) {
        let entry = self.local.table.at(asked.request.entry);
        let gather = gathered(entry);
        let args = asked.request.packed.args();
        let started = self.watch.ns();
        let composed = self.compose(id, |scene, reply| {
            (gather.merge)(scene, args, &asked.answers, reply)
        });
        if let Some((reply, refusal)) = composed {
            self.fill(id, gap, &reply);
            let took_ns = asked.took_ns + self.watch.ns() - started;
            self.account(id, entry, args, took_ns, refusal.as_ref());
            self.resume(id);
        }
    }
}

/// A core's part of a gathered command.
pub(super) fn make_part(
    local: &mut Local,
    shard: &mut Shard,
    clock: Clock,
    request: &Question,
) -> Vec<u8> {
    let gather = gathered(local.table.at(request.entry));
    let mut bytes = Vec::new();
    let mut part = Part {
        local,
        keyspace: &mut shard.keyspace,
        observers: &shard.observers,
        clock,
        caller: request.caller,
    };
    (gather.part)(&mut part, request.packed.args(), &mut bytes);
    bytes
}

fn gathered(entry: &Entry) -> Gather {
    let Some(gather) = entry.command.run.gather() else {
        unreachable!("only gathered commands are asked for");
    };
    gather
}
