//! Requests that the control core answers.

use crate::command::Entry;
use crate::config::Author;
use crate::resp::{Args, OwnedArgs};
use crate::session::{Session, SessionId, Stage};

use super::core::Work;
use super::letter::{Decision, Letter};

impl Work {
    /// Whether replies of a session are being made elsewhere; it goes on when they
    /// have been.
    pub(super) fn stands_behind(&mut self, id: SessionId) -> bool {
        let Some(session) = self.local.roster.find(id) else {
            return false;
        };
        let is_behind = session.outbox.has_gaps();
        if is_behind {
            session.stage = Stage::Waiting;
            self.behind.push(id);
        }
        is_behind
    }

    /// Whether a session must wait before it hears how far the stream for replicas is:
    /// until that has what was written by now, this client's own writes among it.
    #[cold]
    pub(super) fn must_catch_up(&mut self, id: SessionId) -> bool {
        let Some(session) = self.local.roster.find(id) else {
            return false;
        };
        let makes_stream = self.local.replication.backlog_first.read() > 0;
        let is_told = std::mem::take(&mut session.knows_offset);
        if is_told || !makes_stream || self.local.live.is_replica() {
            return false;
        }
        if self.stands_behind(id) {
            return true;
        }
        self.await_one(id);
        let control = self.local.placement.cores();
        self.post.post(control, Letter::CatchUp(id));
        true
    }

    /// The stream has what was written when that was asked.
    pub(super) fn on_caught_up(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.knows_offset = true;
            self.resume(id);
        }
    }

    /// The client of a session sends no more, or another ends its wait: if it is in
    /// WAIT, it waits no longer.
    pub(super) fn give_up_wait(&mut self, session: SessionId, error: bool) {
        let found = self.local.roster.find(session);
        if found.is_some_and(|session| session.waits) {
            let control = self.local.placement.cores();
            self.post.post(control, Letter::EndWait { session, error });
        }
    }

    /// It waits for replicas from now on.
    pub(super) fn begin_replica_wait(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id)
            && !session.is_in_exec
        {
            session.waits = true;
            self.blocked += 1;
            self.count_blocked();
        }
    }

    /// It waits for the node's end from now on, which may wait for replicas: until it
    /// hears that the node goes on.
    fn await_end(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.awaits_end = true;
            self.blocked += 1;
            self.count_blocked();
        }
    }

    /// It waits no longer, or nobody is left to.
    pub(super) fn end_replica_wait(&mut self, id: SessionId) {
        let session = self.local.roster.find(id);
        let has_waited = |session: &mut Session| {
            std::mem::take(&mut session.waits) || std::mem::take(&mut session.awaits_end)
        };
        if session.is_some_and(has_waited) {
            self.blocked -= 1;
            self.count_blocked();
        }
    }

    /// Lets those go on whose replies have been made.
    pub(super) fn resume_behind(&mut self) {
        for id in std::mem::take(&mut self.behind) {
            let session = self.local.roster.find(id);
            if session.is_some_and(|session| session.outbox.has_gaps()) {
                self.behind.push(id);
            } else {
                self.resume(id);
            }
        }
    }

    /// Sends a request to the control core; the session waits.
    pub(super) fn ask_control(&mut self, id: SessionId, entry: &'static Entry, args: Args<'_>) {
        if entry.name == "shutdown" && !args.is(1, b"abort") {
            self.await_end(id);
        }
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let decision = Decision {
            session: id,
            gap: session.await_reply(),
            entry: entry.index,
            version: session.client.version,
            author: if session.client.origin.is_loopback || session.client.origin.is_unix {
                Author::LocalClient
            } else {
                Author::RemoteClient
            },
            may_wait: !session.is_in_exec,
            busy: self.local.busy.as_ref().map(|busy| busy.refusal()),
            packed: OwnedArgs::from(args),
        };
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Decide(Box::new(decision)));
    }
}
