//! The primary as a client of this core: its requests come by mail from the
//! control core, in whole units, and run as any client's do.
//!
//! It has a place among the sessions and none in the ring: nothing is received
//! from its socket or sent to it here, and its replies are dropped. What was
//! applied is told when the replies of a portion's requests have all had their
//! place in the session's order, wherever the requests ran.

use std::os::fd::{AsRawFd, OwnedFd};

use crate::command::{Entry, Run};
use crate::replication::{Share, Task};
use crate::resp::{Args, Refusal};
use crate::runtime::core::shut_down;
use crate::script::LogLevel;
use crate::session::{Client, Origin, Regard, ReplyMode, SessionId, Stage};
use crate::spec::Flags;
use crate::telemetry::Link;

use super::core::Work;
use super::letter::{Letter, Order};

/// What the primary is at a core.
#[derive(Default)]
pub(super) struct Obeying {
    /// Its session, while there is a link.
    session: Option<SessionId>,
    /// No more comes of this link.
    is_draining: bool,
    /// What this core has to do of the stream. Others may meet here before the link is
    /// heard of.
    share: Share,
    /// The session waits for the end of a script.
    is_held: bool,
    /// Until when it is served in this turn, and whether it goes on in the next.
    until_ns: u64,
    goes_on: bool,
}

/// How long a turn applies what the primary has sent, if there is so much of it: other clients
/// wait for no more than this and the unit that runs then.
const SLICE_NS: u64 = 200_000;

impl Obeying {
    /// Whether the primary's session, if this is it, has had its part of the turn by now.
    #[inline]
    pub(super) fn must_rest(&mut self, id: SessionId, now_ns: u64) -> bool {
        let must_rest = self.session == Some(id) && now_ns >= self.until_ns;
        self.goes_on |= must_rest;
        must_rest
    }

    /// Whether there is more to do than the last turn had time for.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }
}

impl Work {
    pub(super) fn on_order(&mut self, order: Order) {
        match order {
            Order::Open {
                socket,
                database,
                address,
            } => self.open_obeyed(socket, database, address),
            Order::Apply(steps) => {
                self.obeying.share.on_steps(steps);
                let now = self.clock.now;
                let id = self.obeying.session.expect("units come when it is open");
                if let Some(session) = self.local.roster.find(id) {
                    session.client.active_ms = now;
                }
            }
            Order::Drain => {
                self.obeying.is_draining = true;
                self.resume_paused();
            }
        }
    }

    fn open_obeyed(&mut self, socket: OwnedFd, database: usize, address: String) {
        assert!(self.obeying.session.is_none(), "there is one primary");
        self.dealt += 1;
        let origin = Origin {
            address: address.into(),
            local: "".into(),
            is_loopback: false,
            is_unix: false,
            fd: socket.as_raw_fd(),
        };
        let mut client = Client::new(self.dealt, origin, true, self.clock.now);
        client.regard = Regard::Obeyed;
        client.reply_mode = ReplyMode::Off;
        client.is_double = self.local.core > 0;
        client.no_evict = true;
        client.database = database;
        // It is said to receive, so nobody begins to.
        let id = self.seat(client, socket);
        self.obeying.session = Some(id);
        self.obeying.is_draining = false;
        self.count_connected();
    }

    /// Another core waits for a meeting here.
    pub(super) fn on_met(&mut self, number: u64) {
        self.obeying.share.on_met(number);
    }

    /// The meeting that this core waits for is over.
    pub(super) fn on_parted(&mut self, number: u64) {
        self.obeying.share.on_parted(number);
    }

    /// Does what can be done by now of what the primary has sent; once in each turn.
    pub(super) fn advance_obeyed(&mut self) {
        let Some(id) = self.obeying.session else {
            return;
        };
        self.obeying.until_ns = self.begin_lap() + SLICE_NS;
        if std::mem::take(&mut self.obeying.goes_on) {
            self.serve_inbox(id);
        }
        let control = self.local.placement.cores();
        let mut applied = None;
        while let Some(task) = self.next_task(id) {
            match task {
                Task::Run(bytes) => {
                    if let Some(session) = self.local.roster.find(id) {
                        session.inbox = bytes.into();
                        self.serve_inbox(id);
                    }
                }
                Task::Meet { number, at } => self.post.post(at, Letter::Met { number }),
                Task::Part { number, others } => {
                    for core in (0..control).filter(|core| others >> core & 1 == 1) {
                        self.post.post(core, Letter::Parted { number });
                    }
                }
                Task::Applied(end) => applied = Some(end),
            }
        }
        if let Some(end) = applied {
            self.post.post(control, Letter::Applied { end });
        }
        if self.obeying.is_draining && self.obeying.share.is_empty() && self.is_obeyed_idle(id) {
            self.obeying.session = None;
            self.dismiss_obeyed(id);
            self.post.post(control, Letter::Drained);
        }
    }

    /// The next thing to do, once everything before it has run.
    fn next_task(&mut self, id: SessionId) -> Option<Task> {
        let is_idle = self.is_obeyed_idle(id);
        is_idle.then(|| self.obeying.share.next_task()).flatten()
    }

    /// Whether everything that the session was given has run, wherever that was.
    fn is_obeyed_idle(&mut self, id: SessionId) -> bool {
        let session = self.local.roster.find(id);
        session.is_some_and(|session| {
            session.inbox.is_empty() && session.outbox.is_past(session.outbox.place())
        })
    }

    /// Ends the session.
    fn dismiss_obeyed(&mut self, id: SessionId) {
        self.withdraw(id);
        self.connections[id.index as usize] = None;
        let session = self.local.roster.dismiss(id);
        let session = session.expect("nobody else ends it");
        self.forget_weight(session.weight);
        self.count_connected();
    }

    /// The primary's session, if it is here.
    pub(super) fn obeyed_session(&self) -> Option<SessionId> {
        self.obeying.session
    }

    /// Sessions here whose client is counted at another core.
    pub(super) fn doubles(&self) -> u64 {
        u64::from(self.obeying.session.is_some() && self.local.core > 0)
    }

    /// Whether this session is the primary's.
    pub(super) fn is_obeyed(&self, id: SessionId) -> bool {
        self.obeying.session == Some(id)
    }

    /// CLIENT KILL of the primary: the link ends, and what came of it still runs.
    pub(super) fn hang_up_obeyed(&mut self, id: SessionId) {
        if let Some(connection) = self.connection(id) {
            shut_down(&connection.fd);
        }
    }

    /// A script takes long: the primary waits for its end.
    pub(super) fn hold_obeyed(&mut self, id: SessionId) {
        self.obeying.is_held = true;
        if let Some(session) = self.local.roster.find(id) {
            session.stage = Stage::Waiting;
        }
    }

    /// The script has ended.
    pub(super) fn release_obeyed(&mut self) {
        if std::mem::take(&mut self.obeying.is_held)
            && let Some(id) = self.obeying.session
        {
            self.resume(id);
        }
    }

    /// What a request meets at a replica: `None` for what any node does.
    #[cold]
    pub(super) fn as_replica(
        &mut self,
        id: SessionId,
        entry: &Entry,
        args: Args<'_>,
    ) -> Option<Regime> {
        let flags = entry.flags();
        if self.is_obeyed(id) {
            if self.busy_refusal(entry).is_some() {
                self.hold_obeyed(id);
                return Some(Regime::Wait);
            }
            // What a lost link has brought runs all the same: who leads next needs it.
            let is_paused = self.local.pause.is_some() && !self.obeying.is_draining;
            if is_paused && self.must_pause(id, entry, args) {
                return Some(Regime::Wait);
            }
            if self.must_slow_down(id, entry) || self.must_wait_for_disk(id, entry, args) {
                return Some(Regime::Wait);
            }
            return Some(Regime::Obey);
        }
        if self.local.live.replica_read_only && self.writes(id, entry) {
            return Some(Regime::Refuse(Refusal::READ_ONLY));
        }
        if self.is_stale() && self.lacks(id, entry, Flags::STALE) {
            return Some(Regime::Refuse(Refusal::MASTER_DOWN));
        }
        let is_async = self.local.is_async_loading && flags.has(Flags::NO_ASYNC_LOADING);
        is_async.then_some(Regime::Refuse(Refusal::LOADING))
    }

    /// Whether this is a replica that may not answer from its data now.
    pub(super) fn is_stale(&self) -> bool {
        let live = &self.local.live;
        live.is_replica()
            && !live.replica_serve_stale_data
            && self.local.replication.link() != Link::Connected
    }

    /// Whether there are fewer replicas than writes need.
    pub(super) fn lacks_replicas(&self) -> bool {
        let live = &self.local.live;
        !live.is_replica() && self.local.replication.healthy.read() < live.min_replicas_to_write
    }

    /// Whether a request changes data, or what it lets run does.
    pub(super) fn writes(&mut self, id: SessionId, entry: &Entry) -> bool {
        if entry.flags().has(Flags::WRITE) {
            return true;
        }
        self.lets_run(id, entry, |work, entry, args| {
            entry.flags().has(Flags::WRITE) || work.says_it_writes(entry, args)
        })
    }

    /// Whether a request has not this flag, or what it lets run has not.
    pub(super) fn lacks(&mut self, id: SessionId, entry: &Entry, flag: Flags) -> bool {
        if !entry.flags().has(flag) {
            return true;
        }
        self.lets_run(id, entry, |_, entry, _| !entry.flags().has(flag))
    }

    /// Whether a request is EXEC, and this is so of one that it runs.
    fn lets_run(
        &mut self,
        id: SessionId,
        entry: &Entry,
        is_so: impl Fn(&Work, &Entry, Args<'_>) -> bool,
    ) -> bool {
        if !matches!(entry.command.run, Run::Exec) {
            return false;
        }
        // Out of the session's hands while its requests are looked at.
        let session = self.local.roster.find(id);
        let Some(transaction) = session.and_then(|session| session.transaction.take()) else {
            return false;
        };
        let mut queued = transaction.commands.iter();
        let is_one_so = queued.any(|queued| {
            let entry = self.local.table.at(queued.entry);
            is_so(self, entry, queued.words.args())
        });
        if let Some(session) = self.local.roster.find(id) {
            session.transaction = Some(transaction);
        }
        is_one_so
    }

    /// A reply to the primary is an error: it has other data than this node.
    #[cold]
    pub(super) fn complain_to_primary(&mut self, command: &str, reply: &[u8]) {
        let line = reply.split(|byte| *byte == b'\r').next().unwrap_or(reply);
        let text = format!(
            "== CRITICAL == This replica is sending an error to its master: '{}' after processing \
             the command '{command}'",
            line.escape_ascii()
        );
        let control = self.local.placement.cores();
        let level = LogLevel::Warning;
        self.post.post(control, Letter::Log { level, text });
    }
}

/// What becomes of a request at a replica.
pub(super) enum Regime {
    Refuse(Refusal),
    /// It stays where it is; the session is called again.
    Wait,
    /// It is the primary's, and nothing else may refuse it.
    Obey,
}
