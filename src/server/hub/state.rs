//! What the control core knows of the replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crate::base::Random;
use crate::command::Shutdown;
use crate::config::Settings;
use crate::journal::Merge;
use crate::replication::{
    Address, Halt, History, Limits, Method, Policy, Primary, ReplicationId, Takeover,
};
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::control::{Alarm, Wire};
use crate::runtime::core::Bell;
use crate::session::SessionId;
use crate::telemetry::{Lineage, Replica, Replication};

use crate::server::errand::Client;
use crate::server::letter::Recruit;
use crate::server::recording::{Journal, REPLICAS_LANE};

use super::rest::Rest;
use super::sender::Delivery;
use super::spill::Spill;
use super::stand::{Settling, Standpoint};
use super::sync::{Synchronizing, Undelivered};
use super::waits::Waiting;

/// See the module.
pub(in crate::server) struct Hub {
    pub(super) primary: Primary<Spill>,
    pub(super) lines: BTreeMap<u64, Line>,
    pub(super) journal: Journal,
    /// What the cores recorded, in order; none while this node does not make the
    /// stream.
    pub(super) merge: Option<Merge>,
    pub(super) rest: Rest,
    /// Bytes that the lane counts for writers to wait.
    pub(super) held_bytes: u64,
    /// Cuts have numbers, so that each is known when it comes out of the merge.
    pub(super) cuts: u64,
    /// A snapshot is wanted, and not before this moment.
    pub(super) wanted: Option<(Method, u64)>,
    pub(super) running: Option<Synchronizing>,
    pub(super) undelivered: Option<Undelivered>,
    pub(super) tell: Sender<Delivery>,
    pub(super) deliveries: Receiver<Delivery>,
    /// Whom to follow, once all cores have this change of settings.
    pub(super) demotion: Option<(u64, Address)>,
    pub(super) is_ceasing: bool,
    pub(super) waits: Vec<Waiting>,
    /// Sessions that are told when the stream has this ticket.
    pub(super) catching_up: Vec<(u64, usize, SessionId)>,
    /// Writes are held, for replicas to have all of them.
    pub(super) halt: Halt,
    /// The cores are told to hold them by this change of settings.
    pub(super) holding: Option<u64>,
    /// The end that waits for replicas, and who has asked for it.
    pub(super) ending: Option<(Shutdown, Vec<Client>)>,
    /// Primaries of this node that ask it to lead.
    pub(super) takeover: Takeover<(usize, Recruit)>,
    /// A file whose place in the history is not known yet.
    pub(super) standpoint: Option<Standpoint>,
    /// What waits until the primary's stream stands still, and until when.
    pub(super) settling: Vec<(u64, Settling)>,
    /// The primary's stream is not read, so that it stands still.
    pub(super) is_stream_held: bool,
    pub(super) shown: Arc<[Replica]>,
    pub(super) lineage: Lineage,
    pub(super) replication: Arc<Replication>,
    pub(super) watch: Stopwatch,
    pub(super) alarm: Alarm,
    /// `min-replicas-max-lag` in milliseconds; with 0 nobody asks.
    pub(super) lag_ms: u64,
    pub(super) bell: Bell,
    pub(super) random: Random,
}

/// The connection of a link, and the session that it was.
pub(super) struct Line {
    pub(super) wire: Wire,
    pub(super) core: usize,
    pub(super) session: SessionId,
}

impl Hub {
    pub(in crate::server) fn new(
        settings: &Settings,
        journal: Journal,
        bell: Bell,
        replication: Arc<Replication>,
        lineage: Lineage,
    ) -> Hub {
        let id = ReplicationId::parse(lineage.id.as_bytes()).expect("a node begins with a name");
        let (tell, deliveries) = mpsc::channel();
        Hub {
            primary: Primary::new(History::new(id), policy(settings), Spill::default()),
            lines: BTreeMap::new(),
            journal,
            merge: None,
            rest: Rest::default(),
            held_bytes: 0,
            cuts: 0,
            wanted: None,
            running: None,
            undelivered: None,
            tell,
            deliveries,
            demotion: None,
            is_ceasing: false,
            waits: Vec::new(),
            catching_up: Vec::new(),
            halt: Halt::default(),
            holding: None,
            ending: None,
            takeover: Takeover::default(),
            standpoint: None,
            settling: Vec::new(),
            is_stream_held: false,
            shown: Arc::default(),
            lineage,
            replication,
            watch: Stopwatch::start(),
            alarm: Alarm::default(),
            lag_ms: 0,
            bell,
            random: Random::from_entropy(),
        }
    }

    /// What the control core sleeps at, and for how long it may.
    pub(in crate::server) fn wires(&self) -> impl Iterator<Item = &Wire> {
        self.lines.values().map(|line| &line.wire)
    }

    pub(in crate::server) fn left(&self) -> Option<Duration> {
        let alarm = self.alarm.left(self.now());
        alarm.into_iter().chain(self.rest.left()).min()
    }

    /// Whether the control core may sleep for what the cores record, no longer than
    /// `left`.
    pub(in crate::server) fn fall_asleep(&mut self) -> bool {
        let is_waited_for =
            !self.waits.is_empty() || !self.catching_up.is_empty() || self.halt.is_on();
        self.rest.end();
        self.merge.is_none()
            || (!is_waited_for && self.rest.begin(self.watch.ns()))
            || self.journal.feed.fall_asleep(REPLICAS_LANE)
    }

    pub(in crate::server) fn wake_up(&self) {
        if self.merge.is_some() {
            self.journal.feed.wake_up(REPLICAS_LANE);
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.watch.ns() / 1_000_000
    }

    /// How the history is called that goes on from this one.
    pub(in crate::server) fn next_name(&mut self) -> ReplicationId {
        self.primary.next_name(unix_ms(), &mut self.random)
    }

    /// Milliseconds, by this node's clock and by that of all.
    pub(super) fn times(&self) -> (u64, u64) {
        (self.now(), unix_ms())
    }

    pub(super) fn has_work(&self) -> bool {
        self.primary.is_on()
            || !self.lines.is_empty()
            || !self.waits.is_empty()
            || !self.settling.is_empty()
            || self.halt.is_on()
            || self.takeover.deadline().is_some()
            || self.running.is_some()
            || self.wanted.is_some()
    }
}

/// What the settings say of replicas.
pub(super) fn policy(settings: &Settings) -> Policy {
    let seconds = |name: &'static str| settings.number::<u64>(name) * 1000;
    let limit = settings.live().output_limits[1];
    let backlog_bytes = settings.number("repl-backlog-size");
    Policy {
        backlog_bytes,
        backlog_ttl_ms: seconds("repl-backlog-ttl"),
        timeout_ms: seconds("repl-timeout"),
        ping_ms: seconds("repl-ping-replica-period"),
        streams: settings.is_on("repl-diskless-sync"),
        delay_ms: seconds("repl-diskless-sync-delay"),
        links_at_once: settings.number("repl-diskless-sync-max-replicas"),
        protects: settings.is_on("repl-protect-replicas"),
        limits: Limits {
            // Who goes on partially may be behind by all of the backlog, and would be
            // let go at once.
            hard_bytes: match limit.hard {
                0 => 0,
                hard => hard.max(backlog_bytes),
            },
            soft_bytes: limit.soft,
            soft_ms: limit.soft_seconds * 1000,
        },
    }
}
