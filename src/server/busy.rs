//! A script that takes long: everybody hears that the node is busy, and may end
//! it if it has written nothing.

use std::sync::Arc;

use crate::command::{BusyScript, Entry};
use crate::resp::{Args, OwnedArgs, Refusal, Reply, Version};
use crate::session::{Gap, Regard, SessionId};
use crate::spec::Flags;

use super::core::Work;
use super::letter::{Batch, Decided, Letter};
use super::loan::Job;
use super::script::{ScriptCall, Scripted};
use super::serve::Flow;
use super::vault::Waiter;

/// A client asks for the end of the script that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    home: usize,
    session: SessionId,
    gap: Gap,
    version: Version,
    entry: u16,
    is_function: bool,
}

impl Work {
    /// Tells every core that a script takes long, once.
    pub(super) fn begin_busy(&mut self, words: Args<'_>, ran_ns: u64) {
        if self.local.busy.is_some() {
            return;
        }
        let Some(running) = &self.scripts.running else {
            return;
        };
        let busy = Arc::new(BusyScript {
            core: self.local.core,
            function: running.function.clone(),
            words: OwnedArgs::new(words.iter()),
            began_us: (self.local.system.unix_us)().saturating_sub(ran_ns / 1000),
        });
        self.tell_busy(Some(&busy));
        self.on_busy(Some(busy));
    }

    /// A script takes long at some core, or has ended.
    pub(super) fn on_busy(&mut self, busy: Option<Arc<BusyScript>>) {
        self.local.busy = busy;
        if self.local.busy.is_some() {
            self.release_held_back();
            self.refuse_line();
            self.refuse_loans();
        } else {
            self.release_obeyed();
        }
    }

    /// Clients whose commands wait for shards of several cores hear that the
    /// node is busy, and the shards that were collected go home.
    fn refuse_loans(&mut self) {
        let Some(refusal) = self.local.busy.as_ref().map(|busy| busy.refusal()) else {
            return;
        };
        let may_not = |entry: &Entry| !entry.flags().has(Flags::ALLOW_BUSY);
        let me = self.local.core;
        let waiting = self.who_waits_for_the_script();
        let waits = |home: usize, id: SessionId| waiting.contains(&(home, id));
        let jobs = self.give_up_loans(|job| match job {
            Job::Call(call) => may_not(call.entry) && !waits(me, call.session),
            Job::Exec(exec) => may_not(exec.entry()) && !waits(me, exec.session()),
            Job::Script(script) => {
                may_not(script.call.entry) && !waits(script.home, script.call.session)
            }
            Job::Again(_) | Job::Errand(_) | Job::Cut(_) | Job::GivenUp => false,
        });
        for job in jobs {
            match job {
                Job::Call(call) => {
                    let mut reply = Vec::new();
                    Reply::new(&mut reply, call.version).refuse(&refusal);
                    self.count_rejected(Some(call.entry), &refusal);
                    self.fill(call.session, call.gap, &reply);
                    self.resume(call.session);
                }
                Job::Exec(exec) => self.refuse_exec(*exec, &refusal),
                Job::Script(script) => self.refuse_script(script, &refusal),
                Job::Again(_) | Job::Errand(_) | Job::Cut(_) | Job::GivenUp => {
                    unreachable!("these are not given up")
                }
            }
        }
    }

    /// Sessions that are not refused: the primary's, and those whose own script may be
    /// the one that takes long. What they sent behind it waits, as at stock.
    fn who_waits_for_the_script(&self) -> Vec<(usize, SessionId)> {
        let me = self.local.core;
        let sessions = self.local.roster.iter();
        let afar = sessions.filter(|(_, session)| session.afar.is_any());
        let running = self.scripts.running.as_ref();
        let here = afar.map(|(id, _)| id).chain(self.obeyed_session());
        let here = here.map(|id| (me, id));
        here.chain(running.map(|running| running.client)).collect()
    }

    /// Replies that wait for others behind them to leave in one send leave now: those
    /// may be long in coming.
    fn release_held_back(&mut self) {
        let sessions = self.local.roster.iter();
        let held_back = sessions.filter(|(_, session)| session.outbox.has_gaps());
        let held_back: Vec<SessionId> = held_back.map(|(id, _)| id).collect();
        for id in held_back {
            self.mark_dirty(id);
        }
    }

    /// Who stands in line for this core's shard hears that the node is busy.
    /// Loans stay: their cores refuse their commands.
    fn refuse_line(&mut self) {
        if self.vault.at_home().is_some() {
            return;
        }
        for waiter in self.vault.take_line() {
            match waiter {
                Waiter::Session(id) => self.resume(id),
                // Parts of its requests may have run elsewhere.
                Waiter::Batch { ref batch, .. } if batch.has_parts => self.vault.wait(waiter),
                Waiter::Batch { from, batch } => self.refuse_batch(from, batch),
                Waiter::Borrow { .. }
                | Waiter::Own { .. }
                | Waiter::Ask { .. }
                | Waiter::Lead { .. }
                | Waiter::Forget(_)
                | Waiter::Announce(_)
                | Waiter::Loaded(_) => self.vault.wait(waiter),
            }
        }
    }

    /// Answers requests of another core without running them.
    pub(super) fn refuse_batch(&mut self, from: usize, mut batch: Box<Batch>) {
        let mut requests = batch.requests.iter();
        if requests.any(|request| request.regard == Regard::Obeyed) {
            // The primary's are not refused, nor is what came with them.
            return self.vault.wait(Waiter::Batch { from, batch });
        }
        let running = self.scripts.running.as_ref();
        let own = running.filter(|running| running.client.0 == from);
        if let Some(own) = own.map(|running| running.client.1)
            && batch.requests.iter().any(|request| request.session == own)
        {
            let [its, others] = batch.divide(own);
            let waiter = Waiter::Batch { from, batch: its };
            self.vault.wait(waiter);
            batch = others;
        }
        let mut transactions = std::mem::take(&mut batch.transactions);
        let mut has_ended = 0;
        for index in 0..batch.requests.len() {
            let request = batch.requests[index];
            if let Some((of, exec)) = transactions.get_mut(has_ended)
                && *of == index
            {
                has_ended += 1;
                self.refuse_sent_exec(exec, request.version, &mut batch.replies);
                batch.requests[index].reply_end = batch.replies.len();
                continue;
            }
            let entry = self.local.table.at(request.entry);
            if let Some(refusal) = self.busy_refusal(entry) {
                Reply::new(&mut batch.replies, request.version).refuse(&refusal);
                self.count_rejected(Some(entry), &refusal);
            }
            batch.requests[index].reply_end = batch.replies.len();
        }
        batch.transactions = transactions;
        self.post.post(from, Letter::Replies(batch));
    }

    /// The script has ended.
    pub(super) fn end_busy(&mut self) {
        for body in std::mem::take(&mut self.scripts.late) {
            self.on_script(body);
        }
        let me = self.local.core;
        if self.local.busy.take_if(|busy| busy.core == me).is_some() {
            self.release_obeyed();
            self.tell_busy(None);
        }
    }

    fn tell_busy(&mut self, busy: Option<&Arc<BusyScript>>) {
        let me = self.local.core;
        for core in self.local.placement.others(me) {
            self.post.post(core, Letter::Busy(busy.cloned()));
        }
    }

    /// What a request hears while a script takes long, if it may not run.
    pub(super) fn busy_refusal(&self, entry: &Entry) -> Option<Refusal> {
        let busy = self.local.busy.as_ref()?;
        let may_run = entry.flags().has(Flags::ALLOW_BUSY);
        (!may_run).then(|| busy.refusal())
    }

    /// Answers a request to run a script without running it.
    pub(super) fn refuse_script(&mut self, script: Box<ScriptCall>, refusal: &Refusal) {
        let mut reply = Vec::new();
        let call = &script.call;
        Reply::new(&mut reply, call.version).refuse(refusal);
        self.count_rejected(Some(call.entry), refusal);
        self.send_scripted(Scripted {
            script,
            reply,
            took_ns: 0,
        });
    }

    /// Refuses a request while a script takes long, unless that may be the session's
    /// own: then it waits.
    pub(super) fn refuse_busy(
        &mut self,
        id: SessionId,
        request: (Option<&'static Entry>, Args<'_>),
        refusal: &Refusal,
    ) -> Flow {
        let session = self.local.roster.find(id);
        if session.is_some_and(|session| session.afar.is_any()) {
            return self.await_afar(id);
        }
        self.refuse_admission(id, request, refusal)
    }

    /// SCRIPT KILL and FUNCTION KILL: decided by the core where it runs.
    pub(super) fn ask_to_kill(
        &mut self,
        id: SessionId,
        entry: &'static Entry,
        is_function: bool,
    ) -> Flow {
        let Some(core) = self.local.busy.as_ref().map(|busy| busy.core) else {
            self.reject(id, Some(entry), &Refusal::NOT_BUSY);
            return Flow::Next;
        };
        let me = self.local.core;
        let Some(session) = self.local.roster.find(id) else {
            return Flow::Pause;
        };
        let kill = Kill {
            home: me,
            session: id,
            gap: session.await_reply(),
            version: session.client.version,
            entry: entry.index,
            is_function,
        };
        if core == me {
            self.on_kill(kill);
        } else {
            self.post.post(core, Letter::Kill(kill));
        }
        Flow::Pause
    }

    /// Ends the script that runs here, if it may be.
    pub(super) fn on_kill(&mut self, kill: Kill) {
        let refusal = match &mut self.scripts.running {
            None => Some(Refusal::NOT_BUSY),
            Some(running) if running.has_written => Some(Refusal::UNKILLABLE),
            Some(running) if running.function.is_some() && !kill.is_function => {
                Some(Refusal::BUSY_FUNCTION)
            }
            Some(running) if running.function.is_none() && kill.is_function => {
                Some(Refusal::BUSY_SCRIPT)
            }
            Some(running) => {
                running.is_killed = true;
                None
            }
        };
        let mut reply = Vec::new();
        let mut writer = Reply::new(&mut reply, kill.version);
        match &refusal {
            Some(refusal) => writer.refuse(refusal),
            None => writer.ok(),
        }
        if kill.home == self.local.core {
            self.fill(kill.session, kill.gap, &reply);
            let entry = self.local.table.at(kill.entry);
            self.count_call(entry, 0, refusal.as_ref());
            self.resume(kill.session);
        } else {
            let decided = Decided {
                session: kill.session,
                gap: kill.gap,
                reply,
                entry: kill.entry,
                refusal,
                ran: None,
            };
            self.post
                .post(kill.home, Letter::Decided(Box::new(decided)));
        }
    }
}
