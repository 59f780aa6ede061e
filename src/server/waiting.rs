//! Requests that wait for their keys: how they begin to, how they are answered
//! by whoever changes such a key, and how their time runs out.
//!
//! `docs/design/cross-core.md` tells the whole; `base::Claim` decides who
//! answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::Taken;
use crate::command::{Data, Lent, Placement, Run, Side, Turn, Waiting, route};
use crate::resp::{Args, Refusal, Reply};
use crate::session::{Blocked, Gap, Regard, SessionId, Stage};
use crate::shard::{Awaited, Observer, Ready, Wait};

use super::core::Work;
use super::letter::{Letter, Served};
use super::loan::Job;
use super::serve::finish;
use super::vault::{Vault, Waiter};

/// When blocked requests give up: Unix milliseconds, then session.
pub(super) type Timers = BTreeMap<(u64, u64), Arc<Wait>>;

/// What came of looking at one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// Served, or not to be served by this: the next one's turn.
    Next,
    /// Nobody behind it may be served before it.
    Stop,
    /// Another core looks at it: to be tried again.
    Later,
}

impl Work {
    /// A request of one of this core's sessions now waits.
    pub(super) fn block(&mut self, id: SessionId, gap: Gap, wait: Arc<Wait>) {
        let early = self.take_early(&wait);
        let connection = self.connection(id);
        let is_gone = connection.is_none_or(|found| found.has_ended || found.is_hung_up);
        let session = self.local.roster.find(id);
        let is_closing = session.is_some_and(|session| session.stage == Stage::Closing);
        if is_gone || is_closing {
            // Nobody is left to answer.
            wait.claim.take();
            self.forget_everywhere(Observer::Wait(wait), 0);
            self.fill(id, gap, &[]);
            self.condemned.push(id);
            return;
        }
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if let Some(served) = early {
            self.fill(id, gap, &served.reply);
            self.forget_everywhere(Observer::Wait(wait), served.cleared);
            return self.resume(id);
        }
        session.stage = Stage::Waiting;
        if let Some(until_ms) = wait.until_ms {
            self.timers
                .insert((until_ms, wait.session), Arc::clone(&wait));
        }
        let is_wide = is_wide(self.local.placement, &wait);
        session.blocked = Some(Blocked { wait, gap });
        self.blocked += 1;
        if is_wide {
            self.post.count_wide_wait(true);
        }
        self.count_blocked();
    }

    /// Books how many wait: for keys, or for the end of a pause.
    pub(super) fn count_blocked(&mut self) {
        let timed = self.timers.len() as u64;
        let waiting = self.blocked + self.paused.len() as u64;
        let count = self.local.count();
        count.clients_blocked.set(waiting);
        count.clients_waiting_with_deadline.set(timed);
    }

    /// Takes the blocked request of a session away: it was answered, or will
    /// never be.
    fn unblock(&mut self, id: SessionId, cleared: u64) -> Option<Gap> {
        let session = self.local.roster.find(id)?;
        let Blocked { wait, gap } = session.blocked.take()?;
        if let Some(until_ms) = wait.until_ms {
            self.timers.remove(&(until_ms, wait.session));
        }
        if is_wide(self.local.placement, &wait) {
            self.post.count_wide_wait(false);
        }
        self.forget_everywhere(Observer::Wait(wait), cleared);
        self.blocked -= 1;
        self.count_blocked();
        Some(gap)
    }

    /// Ends a blocked request, whose claim is taken, with a reply.
    fn end_wait(&mut self, wait: &Wait, reply: &[u8], cleared: u64) {
        let id = SessionId::unpacked(wait.session);
        let Some(gap) = self.unblock(id, cleared) else {
            return;
        };
        self.fill(id, gap, reply);
        self.resume(id);
    }

    /// A session watches keys from now on, or nothing is left of the data.
    pub(super) fn note_side(&mut self, id: SessionId, side: Option<Side>) {
        let watch = match side {
            Some(Side::Watches(watch)) => watch,
            Some(Side::Emptied) => return self.pace.is_emptied = true,
            Some(Side::Waits(_) | Side::WaitsOn | Side::IsFar | Side::GoesOn(_)) | None => return,
        };
        match self.local.roster.find(id) {
            Some(session) if session.stage != Stage::Closing => session.watches.push(watch),
            Some(_) | None => self.forget_everywhere(Observer::Watch(watch), 0),
        }
    }

    /// The session goes: it waits and watches no more.
    pub(super) fn withdraw(&mut self, id: SessionId) {
        self.paused.retain(|paused| *paused != id);
        self.end_replica_wait(id);
        self.count_blocked();
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.transaction = None;
        let watches = session.watches.take();
        if let Some(blocked) = &session.blocked {
            // Whoever holds it now serves a client that is gone.
            blocked.wait.claim.take();
            self.unblock(id, 0);
        }
        for watch in watches {
            self.forget_everywhere(Observer::Watch(watch), 0);
        }
    }

    /// An answer has come from the core that had what was waited for.
    pub(super) fn on_served(&mut self, served: Served) {
        if !self.has_finished(served.until) {
            return self.settling.keep_answer(served);
        }
        let wait = &served.wait;
        let id = SessionId::unpacked(wait.session);
        let entry = self.local.table.at(wait.entry);
        self.log_slow(id, entry, wait.words.args(), served.took_ns);
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if session.blocked.is_none() && session.awaiting > 0 && session.stage == Stage::Waiting {
            // The shard went from its core to another, which was faster with
            // this than that one with the news that the request waits.
            self.early.push(served);
            return;
        }
        self.end_wait(wait, &served.reply, served.cleared);
    }

    /// The answer to a request that came before the news that it waits.
    fn take_early(&mut self, wait: &Arc<Wait>) -> Option<Served> {
        let mut early = self.early.iter();
        let at = early.position(|served| Arc::ptr_eq(&served.wait, wait))?;
        Some(self.early.swap_remove(at))
    }

    /// Ends what has waited long enough.
    pub(super) fn end_late_waits(&mut self) {
        let now = self.clock.now;
        let mut held = Vec::new();
        while let Some(first) = self.timers.first_entry() {
            if first.key().0 > now {
                break;
            }
            let ((_, session), wait) = first.remove_entry();
            match wait.claim.take() {
                Taken::Yes => {
                    let reply = timed_out(&wait);
                    self.count_call(self.local.table.at(wait.entry), 0, None);
                    self.end_wait(&wait, &reply, 0);
                }
                Taken::NotNow => held.push(((now + 1, session), wait)),
                // The answer is on its way.
                Taken::Never => {}
            }
        }
        self.timers.extend(held);
    }

    /// CLIENT UNBLOCK, which has taken the claim.
    pub(super) fn end_unblocked(&mut self, id: SessionId, with_error: bool) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let Some(blocked) = &session.blocked else {
            return;
        };
        let wait = Arc::clone(&blocked.wait);
        let entry = self.local.table.at(wait.entry);
        let refusal = with_error.then_some(Refusal::UNBLOCKED);
        let reply = match &refusal {
            Some(refusal) => {
                let mut reply = Vec::new();
                Reply::new(&mut reply, wait.version).refuse(refusal);
                reply
            }
            None => timed_out(&wait),
        };
        self.count_call(entry, 0, refusal.as_ref());
        self.end_wait(&wait, &reply, 0);
    }

    /// Ends every blocked request of this core, and its client: the node follows
    /// a primary now.
    pub(super) fn end_all_waits(&mut self) {
        let blocked: Vec<Arc<Wait>> = self
            .local
            .roster
            .iter()
            .filter_map(|(_, session)| Some(Arc::clone(&session.blocked.as_ref()?.wait)))
            .collect();
        for wait in blocked {
            // Who is being served is served.
            if wait.claim.take() != Taken::Yes {
                continue;
            }
            let id = SessionId::unpacked(wait.session);
            if let Some(session) = self.local.roster.find(id) {
                session.client.close_asap = true;
            }
            let refusal = Refusal::UNBLOCKED_BY_ROLE;
            let mut reply = Vec::new();
            Reply::new(&mut reply, wait.version).refuse(&refusal);
            let entry = self.local.table.at(wait.entry);
            self.count_call(entry, 0, Some(&refusal));
            self.end_wait(&wait, &reply, 0);
        }
    }

    /// Answers whoever waits for the keys that a command has touched, before
    /// anybody else sees them. `lent` are the shards of that command, if it
    /// was not this core's own alone.
    pub(super) fn serve_ready(&mut self, mut lent: Option<&mut Lent>) {
        let mut later = Vec::new();
        while let Some(ready) = next_ready(&mut self.vault, lent.as_deref_mut()) {
            if !self.serve_key(&ready, lent.as_deref_mut()) {
                later.push(ready);
            }
        }
        for ready in later {
            let mut turn = self.turn_at(&ready, lent.as_deref_mut());
            turn.look_again(&ready.key());
        }
    }

    /// Answers those who wait for one key, in the order they came; `false` if
    /// it is to be looked at again.
    fn serve_key(&mut self, ready: &Ready, mut lent: Option<&mut Lent>) -> bool {
        let key = ready.key();
        let mut after = None;
        let mut is_done = true;
        loop {
            let mut turn = self.turn_at(ready, lent.as_deref_mut());
            let what = Awaited::met_by(turn.find(&key).map(|found| found.type_name()));
            let next = turn.next_waiting(&key, what, after);
            // A key that was over is gone by now.
            let mut looked = turn.end();
            let until = self.depends_wholly(lent.as_deref().map(Vec::as_slice));
            let position = self.behind(until);
            self.record(&mut looked, position, ready.database, Args::new(&[], &[]));
            self.publish_events(&looked.events);
            let Some((ticket, wait)) = next else {
                return is_done;
            };
            after = Some(ticket);
            match self.try_wait(&wait, lent.as_deref_mut()) {
                Tried::Next => {}
                Tried::Stop => return is_done,
                Tried::Later => is_done = false,
            }
        }
    }

    /// A turn at a touched key's database.
    fn turn_at<'w>(&'w mut self, ready: &Ready, lent: Option<&'w mut Lent>) -> Turn<'w> {
        Turn::new(
            data(&mut self.vault, lent),
            self.local.placement,
            None,
            ready.database,
            self.clock,
            &mut self.local.random,
            &self.local.live,
        )
    }

    /// Runs a waiting request again, unless it was answered meanwhile.
    fn try_wait(&mut self, wait: &Arc<Wait>, mut lent: Option<&mut Lent>) -> Tried {
        match wait.claim.hold() {
            Taken::Yes => {}
            Taken::NotNow => return Tried::Later,
            // Its core will say that it is to be forgotten.
            Taken::Never => return Tried::Next,
        }
        if self.scatters.runs_exec && is_wide(self.local.placement, wait) {
            // Of its other keys the parts may not have run.
            wait.claim.give_back();
            return self.ask_to_try_again(wait);
        }
        let entry = self.local.table.at(wait.entry);
        let (Run::Data(handler) | Run::DataOrWhole(handler, _)) = entry.command.run else {
            unreachable!("only data commands wait");
        };
        let mut reply = Vec::new();
        let clock = self.clock_for(if wait.no_touch {
            Regard::NoTouch
        } else {
            Regard::Usual
        });
        let mut turn = Turn::new(
            data(&mut self.vault, lent.as_deref_mut()),
            self.local.placement,
            None,
            wait.database,
            clock,
            &mut self.local.random,
            &self.local.live,
        );
        turn.waiting = Waiting::Again;
        let outcome = handler(
            &mut turn,
            wait.words.args(),
            &mut Reply::new(&mut reply, wait.version),
        );
        let mut after = turn.end();
        let took_ns = self.lap();
        let until = self.depends_wholly(lent.as_deref().map(Vec::as_slice));
        let position = self.behind(until);
        self.record(&mut after, position, wait.database, wait.words.args());
        match after.side {
            Some(Side::WaitsOn) => {
                wait.claim.give_back();
                return Tried::Next;
            }
            Some(Side::IsFar) => {
                wait.claim.give_back();
                return self.ask_to_try_again(wait);
            }
            Some(Side::Waits(_) | Side::Watches(_) | Side::Emptied | Side::GoesOn(_)) | None => {}
        }
        wait.claim.keep();
        self.tally(after.tally, after.discarded);
        finish(&mut reply, 0, wait.version, &outcome);
        self.count_call(entry, took_ns, outcome.as_ref().err());
        self.publish_events(&after.events);
        let cleared = clear(&mut self.vault, lent, wait);
        let served = Served {
            wait: Arc::clone(wait),
            reply,
            took_ns,
            cleared,
            until,
        };
        let letter = Letter::Served(Box::new(served));
        self.outgoing.push((wait.core, letter));
        Tried::Next
    }

    /// What is needed to answer a waiting request is not in hand.
    fn ask_to_try_again(&mut self, wait: &Arc<Wait>) -> Tried {
        let letter = Letter::TryAgain(Arc::clone(wait));
        self.outgoing.push((wait.core, letter));
        Tried::Stop
    }

    /// Sends the answers of a turn off, behind the replies that turn made.
    pub(super) fn post_outgoing(&mut self) {
        for (core, letter) in std::mem::take(&mut self.outgoing) {
            match letter {
                Letter::Served(served) if core == self.local.core => self.on_served(*served),
                Letter::TryAgain(wait) if core == self.local.core => self.on_try_again(wait),
                letter => self.post.post(core, letter),
            }
        }
    }

    /// A request that waits here could be answered with the shards of all of
    /// its keys: borrows them and looks.
    pub(super) fn on_try_again(&mut self, wait: Arc<Wait>) {
        let entry = self.local.table.at(wait.entry);
        let cores = route(entry, wait.words.args(), self.local.placement).cores();
        if cores != 0 {
            self.borrow_for(Job::Again(wait), cores);
        }
    }

    /// The shards of all keys of a waiting request are here.
    pub(super) fn run_again(&mut self, wait: &Arc<Wait>, held: &mut Lent) {
        self.begin_lap();
        self.try_wait(wait, Some(&mut *held));
        // Those behind it were held up.
        let mut turn = Turn::new(
            Data::Lent(held),
            self.local.placement,
            None,
            wait.database,
            self.clock,
            &mut self.local.random,
            &self.local.live,
        );
        for bytes in wait.keys() {
            let key = turn.key_of(bytes);
            turn.look_again(&key);
        }
        self.serve_ready(Some(held));
    }

    /// Takes an observer from all shards of its keys but those in `cleared`.
    pub(super) fn forget_everywhere(&mut self, observer: Observer, cleared: u64) {
        let placement = self.local.placement;
        let cores = placement.cores_of_keys(observer.keys());
        let me = self.local.core;
        for core in (0..placement.cores()).filter(|core| (cores & !cleared) >> core & 1 == 1) {
            if core == me {
                self.on_forget(observer.clone());
            } else {
                self.post.post(core, Letter::Forget(observer.clone()));
            }
        }
    }

    /// Takes an observer from this core's shard, now or when it is here.
    pub(super) fn on_forget(&mut self, observer: Observer) {
        if self.vault.at_home().is_some() {
            self.forget_here(&observer);
        } else {
            self.vault.wait(Waiter::Forget(observer));
        }
    }

    /// The same with the shard at home.
    pub(super) fn forget_here(&mut self, observer: &Observer) {
        if let Some(shard) = self.vault.at_home() {
            shard.forget(observer);
        }
    }
}

/// The shards of a turn: lent ones, or this core's own.
pub(super) fn data<'d>(vault: &'d mut Vault, lent: Option<&'d mut Lent>) -> Data<'d> {
    match lent {
        Some(lent) => Data::Lent(lent),
        None => Data::Home(
            vault
                .at_home()
                .expect("the shard of a turn is in its hands"),
        ),
    }
}

fn next_ready(vault: &mut Vault, lent: Option<&mut Lent>) -> Option<Ready> {
    let mut data = data(vault, lent);
    data.shards().find_map(|shard| shard.observers.next_ready())
}

/// Takes a served request from the shards in hand; says which these are.
fn clear(vault: &mut Vault, lent: Option<&mut Lent>, wait: &Arc<Wait>) -> u64 {
    let observer = Observer::Wait(Arc::clone(wait));
    let mut cleared = 0;
    for shard in data(vault, lent).shards() {
        shard.forget(&observer);
        cleared |= 1 << shard.core;
    }
    cleared
}

/// Whether a request waits for keys of several cores.
fn is_wide(placement: Placement, wait: &Wait) -> bool {
    wait.keys.len() > 1 && placement.cores_of_keys(wait.keys()).count_ones() > 1
}

/// What a blocked request is told when its time has run out.
fn timed_out(wait: &Wait) -> Vec<u8> {
    let mut reply = Vec::new();
    Reply::new(&mut reply, wait.version).null_array();
    reply
}
