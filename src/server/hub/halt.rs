//! Clients that would write are held, so that replicas can have everything: FAILOVER,
//! and SHUTDOWN of a node that has replicas.
//!
//! First every core holds them, as with CLIENT PAUSE. Then all shards are borrowed
//! once: what was let in before has run, and the offset is known that a replica must
//! have. It is asked for by one GETACK; no PING comes behind it.

use crate::command::{Errand, Failover, Shutdown};
use crate::replication::{Address, LinkInfo, State};
use crate::resp::Refusal;
use crate::runtime::clock::unix_ms;
use crate::server::control::Control;
use crate::server::errand::Client;
use crate::telemetry::Handover;

/// Writes that are held.
pub(super) struct Halt {
    purpose: Purpose,
    stage: Stage,
    /// When it is given up, or done without those who are missing.
    pub(super) until: Option<u64>,
}

enum Purpose {
    Failover(Failover),
    Shutdown(Shutdown, Vec<Client>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The cores are told, by this change of settings.
    Told(u64),
    /// All do, and the shards are on their way.
    Borrowing,
    /// Nothing is written behind this offset.
    Halted(u64),
    /// What the halt was for is being done.
    Acting,
    /// It would not lead: this node is about to do so again.
    Returning,
}

/// What a halt comes to.
enum Next {
    /// The node ends.
    End(Shutdown, Option<Client>, Option<u64>),
    HandOver((String, u16)),
    /// The same, though the replica has not said that it has everything.
    Force((String, u16)),
    GiveUp,
}

impl Control {
    /// Whether nothing is to come behind what was written.
    pub(super) fn is_halting(&self) -> bool {
        self.hub.halt.is_some()
    }

    /// Whether a replica is being made the primary.
    pub(in crate::server) fn is_failing_over(&self) -> bool {
        let halt = self.hub.halt.as_ref();
        halt.is_some_and(|halt| matches!(halt.purpose, Purpose::Failover(_)))
    }

    /// Whether the end waits for replicas.
    pub(in crate::server) fn is_ending_when_replicated(&self) -> bool {
        self.hub.halt.is_some() && !self.is_failing_over()
    }

    /// FAILOVER: answered when no core takes writes any more.
    pub(in crate::server) fn begin_failover(&mut self, client: Client, failover: Failover) {
        if let Err(refusal) = self.check_failover(&failover) {
            return self.answer(client, Some(refusal));
        }
        match &failover.target {
            Some((host, port)) => {
                let line = format!("FAILOVER requested to {host}:{port}.");
                self.log.notice(&line);
            }
            None => self.log.notice("FAILOVER requested."),
        }
        let until = failover.timeout_ms.map(|ms| self.hub.now() + ms);
        self.hub.replication.set_handover(Handover::Waiting);
        self.halt(Purpose::Failover(failover), until, Some(client));
    }

    fn check_failover(&self, failover: &Failover) -> Result<(), Refusal> {
        if self.is_failing_over() {
            return Err(Refusal::FAILOVER_UNDER_WAY);
        }
        if self.is_halting() || self.is_ending() {
            return Err(Refusal::FAILOVER_AT_THE_END);
        }
        if self.settings.primary().is_some() {
            return Err(Refusal::FAILOVER_AT_REPLICA);
        }
        if self.hub.primary.links().next().is_none() {
            return Err(Refusal::FAILOVER_WITHOUT_REPLICAS);
        }
        if failover.forces && (failover.timeout_ms.is_none() || failover.target.is_none()) {
            return Err(Refusal::FAILOVER_FORCE);
        }
        if failover.target.is_none() {
            return Ok(());
        }
        let mut links = self.hub.primary.links();
        let link = links.find(|link| failover.is_meant(link.ip, link.port));
        match link.ok_or(Refusal::FAILOVER_NO_REPLICA)?.state {
            State::Online => Ok(()),
            State::Waiting | State::Receiving | State::Loading => Err(Refusal::FAILOVER_NOT_ONLINE),
        }
    }

    /// FAILOVER ABORT.
    pub(in crate::server) fn abort_failover(&mut self, client: Client) {
        if !self.is_failing_over() {
            return self.answer(client, Some(Refusal::NO_FAILOVER));
        }
        self.give_up_failover("Failover manually aborted");
        self.answer(client, None);
    }

    /// SHUTDOWN: whether it waits for replicas.
    pub(in crate::server) fn waits_for_replicas(
        &mut self,
        shutdown: Shutdown,
        client: Option<Client>,
    ) -> bool {
        if let Some(Halt {
            purpose: Purpose::Shutdown(ends, clients),
            ..
        }) = &mut self.hub.halt
        {
            if !shutdown.now {
                *ends = shutdown;
                clients.extend(client);
                return true;
            }
            return false;
        }
        let timeout_s: u64 = self.settings.number("shutdown-timeout");
        let has_replicas = self.hub.primary.links().any(|link| is_online(&link));
        let is_needed = self.makes_stream() && has_replicas;
        if shutdown.now || timeout_s == 0 || !is_needed || self.is_halting() {
            return false;
        }
        self.log
            .notice("Waiting for replicas before shutting down.");
        let timeout_ms = timeout_s * 1000;
        self.hub.replication.ends_at_ms.set(unix_ms() + timeout_ms);
        let until = Some(self.hub.now() + timeout_ms);
        let clients = client.into_iter().collect();
        self.halt(Purpose::Shutdown(shutdown, clients), until, None);
        true
    }

    /// SHUTDOWN ABORT.
    pub(in crate::server) fn abort_shutdown(&mut self, client: Client) {
        if !self.is_ending_when_replicated() {
            return self.answer(client, Some(Refusal::NO_SHUTDOWN));
        }
        self.log.warning("Shutdown manually aborted.");
        if let Some(Halt {
            purpose: Purpose::Shutdown(_, clients),
            ..
        }) = self.hub.halt.take()
        {
            for waiting in clients {
                self.answer(waiting, Some(Refusal::SHUTDOWN_FAILED));
            }
        }
        self.hub.replication.ends_at_ms.set(0);
        self.settings.hold_writes(false);
        let answer = client.answer(None);
        self.publish(Some((client.core, answer)));
    }

    fn halt(&mut self, purpose: Purpose, until: Option<u64>, client: Option<Client>) {
        self.settings.hold_writes(true);
        let answer = client.map(|client| (client.core, client.answer(None)));
        let change = self.publish(answer);
        self.hub.halt = Some(Halt {
            purpose,
            stage: Stage::Told(change),
            until,
        });
    }

    /// Clients may write again, wherever that leads by now.
    fn end_halt(&mut self) {
        self.hub.halt = None;
        self.hub.replication.set_handover(Handover::None);
        self.settings.hold_writes(false);
        self.publish(None);
    }

    /// A core has taken settings over.
    pub(super) fn on_halt_told(&mut self) {
        let Some(halt) = &mut self.hub.halt else {
            return;
        };
        if matches!(halt.stage, Stage::Told(change) if self.changes.is_over(change)) {
            halt.stage = Stage::Borrowing;
            self.borrow_all(Errand::Halt);
        }
    }

    /// All shards are here: this is the last that was written.
    pub(in crate::server) fn on_halted(&mut self) {
        self.read_lane();
        let offset = self.hub.primary.history().offset;
        let Some(halt) = &mut self.hub.halt else {
            return;
        };
        if halt.stage != Stage::Borrowing {
            return;
        }
        halt.stage = Stage::Halted(offset);
        let lags = |link: LinkInfo<'_>| is_online(&link) && link.acknowledged < offset;
        if self.hub.primary.links().any(lags) {
            self.announce(&["REPLCONF", "GETACK", "*"]);
        }
    }

    /// Goes on when replicas have everything, or the time is over.
    pub(super) fn look_at_halt(&mut self) {
        let Some(next) = self.next_of_halt() else {
            return;
        };
        match next {
            Next::End(shutdown, client, offset) => {
                self.tell_who_lags(offset);
                if let Some(halt) = &mut self.hub.halt {
                    halt.stage = Stage::Acting;
                    halt.until = None;
                }
                self.finish_shutdown(shutdown, client);
            }
            Next::HandOver(target) => {
                self.log.notice("Failover target is synced, failing over.");
                self.hand_over(target);
            }
            Next::Force(target) => {
                let (host, port) = &target;
                self.log.notice(&format!(
                    "Failover to {host}:{port} time out exceeded, failing over."
                ));
                self.hand_over(target);
            }
            Next::GiveUp => self.give_up_failover("Replica never caught up before timeout"),
        }
    }

    fn next_of_halt(&self) -> Option<Next> {
        let halt = self.hub.halt.as_ref()?;
        let is_late = halt.until.is_some_and(|until| until <= self.hub.now());
        let offset = match halt.stage {
            Stage::Halted(offset) => Some(offset),
            Stage::Told(_) | Stage::Borrowing => None,
            Stage::Acting | Stage::Returning => return None,
        };
        let has_all = |link: &LinkInfo<'_>| offset.is_some_and(|end| link.acknowledged >= end);
        let mut online = self.hub.primary.links().filter(is_online);
        match &halt.purpose {
            Purpose::Shutdown(shutdown, clients) => {
                let is_done = offset.is_some() && online.all(|link| has_all(&link));
                let client = clients.first().copied();
                (is_done || is_late).then_some(Next::End(*shutdown, client, offset))
            }
            Purpose::Failover(failover) => {
                let is_meant = |link: &LinkInfo<'_>| failover.is_meant(link.ip, link.port);
                let found = online.find(|link| is_meant(link) && has_all(link));
                if let Some(link) = found {
                    return Some(Next::HandOver((link.ip.to_owned(), link.port)));
                }
                let forced = failover.target.clone().filter(|_| failover.forces);
                is_late.then(|| forced.map_or(Next::GiveUp, Next::Force))
            }
        }
    }

    /// Follows the replica that is to lead. The cores refuse writes by then, and
    /// nobody has been let in since they were held.
    fn hand_over(&mut self, (host, port): (String, u16)) {
        if let Some(halt) = &mut self.hub.halt {
            halt.stage = Stage::Acting;
            halt.until = None;
        }
        self.settings.set_primary(Some((&host, port)));
        let change = self.publish(None);
        self.begin_demotion(change, Address { host, port });
    }

    /// The replica leads, or would not.
    pub(in crate::server) fn on_handed_over(&mut self, is_done: bool) {
        if !self.is_failing_over() {
            return;
        }
        if is_done {
            self.log.notice("Failover is done: this node is a replica.");
            return self.end_halt();
        }
        self.give_up_failover("Failover target rejected psync request");
    }

    /// This node leads on.
    fn give_up_failover(&mut self, why: &str) {
        self.log.warning(&format!("Failover aborted: {why}"));
        let Some(halt) = &mut self.hub.halt else {
            return;
        };
        match halt.stage {
            Stage::Told(_) | Stage::Borrowing | Stage::Halted(_) => self.end_halt(),
            Stage::Acting => {
                halt.stage = Stage::Returning;
                if self.hub.demotion.take().is_some() {
                    // The stream has not ended yet.
                    return self.free_of_primary_again();
                }
                let id = self.hub.next_name();
                self.upstream.follower.unfollow(id);
            }
            Stage::Returning => {}
        }
    }

    fn free_of_primary_again(&mut self) {
        self.settings.set_primary(None);
        self.end_halt();
    }

    /// This node follows nobody any more; whoever it held back for a failover may
    /// write when the cores know.
    pub(in crate::server) fn end_returning(&mut self) {
        let halt = self.hub.halt.as_ref();
        if halt.is_some_and(|halt| halt.stage == Stage::Returning) {
            self.hub.halt = None;
            self.hub.replication.set_handover(Handover::None);
            self.settings.hold_writes(false);
        }
    }

    /// The last save failed: the node goes on, and who else has asked for its end hears
    /// of it.
    pub(in crate::server) fn end_failed_shutdown(&mut self) {
        if !self.is_ending_when_replicated() {
            return;
        }
        if let Some(Halt {
            purpose: Purpose::Shutdown(_, clients),
            ..
        }) = &mut self.hub.halt
        {
            for waiting in std::mem::take(clients).into_iter().skip(1) {
                self.answer(waiting, Some(Refusal::SHUTDOWN_FAILED));
            }
        }
        self.hub.replication.ends_at_ms.set(0);
        self.end_halt();
    }

    /// The log hears which replicas do not have everything at the end.
    fn tell_who_lags(&mut self, offset: Option<u64>) {
        let offset = offset.unwrap_or(self.hub.primary.history().offset);
        let now = self.hub.now();
        let (mut lagging, mut all) = (Vec::new(), 0);
        for link in self.hub.primary.links().filter(is_online) {
            all += 1;
            let behind = offset.saturating_sub(link.acknowledged);
            if behind > 0 {
                let lag_s = now.saturating_sub(link.heard_at) / 1000;
                lagging.push(format!(
                    "Lagging replica {}:{} reported offset {behind} behind master, lag={lag_s}, \
                     state=online.",
                    link.ip, link.port
                ));
            }
        }
        let synced = all - lagging.len();
        for line in lagging {
            self.log.notice(&line);
        }
        self.log.notice(&format!(
            "{synced} of {all} replicas are in sync when shutting down."
        ));
    }
}

fn is_online(link: &LinkInfo<'_>) -> bool {
    link.state == State::Online
}
