//! Drives a `Halt`: clients that would write are held for FAILOVER, and for SHUTDOWN of a
//! node that has replicas.

use crate::command::{Errand, Failover, Shutdown};
use crate::replication::{Address, HaltAction, Level, Passage, Role, Succession};
use crate::resp::Refusal;
use crate::runtime::clock::unix_ms;
use crate::server::control::Control;
use crate::server::errand::Client;
use crate::server::letter::Letter;
use crate::telemetry::Handover;

impl Control {
    /// Whether nothing is to come behind what was written.
    pub(super) fn is_halting(&self) -> bool {
        self.hub.halt.is_on()
    }

    /// Whether a replica is being made the primary.
    pub(in crate::server) fn is_failing_over(&self) -> bool {
        self.hub.halt.passage() != Passage::None
    }

    /// Whether the end waits for replicas.
    pub(in crate::server) fn is_ending_when_replicated(&self) -> bool {
        self.hub.halt.is_ending()
    }

    /// FAILOVER: answered when no core takes writes any more.
    pub(in crate::server) fn begin_failover(&mut self, client: Client, failover: Failover) {
        let follows = self.settings.primary().is_some();
        let role = match self.is_ending() {
            true => Role::Ends,
            false if follows => Role::Follows,
            false => Role::Leads,
        };
        let target = failover.target.map(|(host, port)| Address { host, port });
        let succession = Succession {
            target,
            timeout_ms: failover.timeout_ms,
            forces: failover.forces,
        };
        let now = self.hub.now();
        let hub = &mut self.hub;
        match hub.halt.fail_over(now, succession, role, &hub.primary) {
            Ok(()) => self.act_for_halt_and_answer((client.core, client.answer(None))),
            Err(refusal) => self.answer(client, Some(refusal)),
        }
    }

    /// FAILOVER ABORT.
    pub(in crate::server) fn abort_failover(&mut self, client: Client) {
        let refusal = self.hub.halt.abort().err();
        self.act_for_halt();
        self.answer(client, refusal);
    }

    /// SHUTDOWN: whether it waits for replicas.
    pub(in crate::server) fn waits_for_replicas(
        &mut self,
        shutdown: Shutdown,
        client: Option<Client>,
    ) -> bool {
        if shutdown.now {
            return false;
        }
        if let Some((ends, clients)) = &mut self.hub.ending {
            *ends = shutdown;
            clients.extend(client);
            return true;
        }
        let timeout_s: u64 = self.settings.number("shutdown-timeout");
        let (now, timeout_ms) = (self.hub.now(), timeout_s * 1000);
        let is_needed = self.makes_stream();
        let hub = &mut self.hub;
        if !is_needed || !hub.halt.end(now, timeout_ms, &hub.primary) {
            return false;
        }
        hub.replication.ends_at_ms.set(unix_ms() + timeout_ms);
        hub.ending = Some((shutdown, client.into_iter().collect()));
        self.act_for_halt();
        true
    }

    /// SHUTDOWN ABORT.
    pub(in crate::server) fn abort_shutdown(&mut self, client: Client) {
        if !self.hub.halt.end_not() {
            return self.answer(client, Some(Refusal::NO_SHUTDOWN));
        }
        self.log.warning("Shutdown manually aborted.");
        self.refuse_end(0);
        self.act_for_halt_and_answer((client.core, client.answer(None)));
    }

    /// The last save failed: the node goes on, and who else has asked for its end hears
    /// of it.
    pub(in crate::server) fn end_failed_shutdown(&mut self) {
        if self.hub.halt.end_not() {
            self.refuse_end(1);
            self.act_for_halt();
        }
    }

    /// Who has asked for the end hears that there is none, but for the first so many.
    fn refuse_end(&mut self, but: usize) {
        self.hub.replication.ends_at_ms.set(0);
        let ending = self.hub.ending.take();
        let clients = ending.map(|(_, clients)| clients).unwrap_or_default();
        for waiting in clients.into_iter().skip(but) {
            self.answer(waiting, Some(Refusal::SHUTDOWN_FAILED));
        }
    }

    /// A core has taken settings over.
    pub(super) fn on_holding(&mut self) {
        let changes = &self.changes;
        let is_over = |change: &mut u64| changes.is_over(*change);
        if self.hub.holding.take_if(is_over).is_some() {
            self.hub.halt.on_held();
            self.act_for_halt();
        }
    }

    /// All shards are here: this is the last that was written.
    pub(in crate::server) fn on_halted(&mut self) {
        self.read_lane();
        let hub = &mut self.hub;
        hub.halt.on_halted(&hub.primary);
        self.act_for_halt();
    }

    /// Goes on when replicas have everything, or the time is over.
    pub(super) fn look_at_halt(&mut self) {
        let now = self.hub.now();
        let hub = &mut self.hub;
        hub.halt.look(now, &hub.primary);
        self.act_for_halt();
    }

    /// The replica leads, or would not.
    pub(in crate::server) fn on_handed_over(&mut self, is_done: bool) {
        self.hub.halt.on_handed_over(is_done);
        self.act_for_halt();
    }

    /// This node follows nobody any more; whoever it held back for a failover may
    /// write when the cores know.
    pub(in crate::server) fn end_returning(&mut self) {
        self.hub.halt.on_released();
        self.act_for_halt();
    }

    fn act_for_halt_and_answer(&mut self, answer: (usize, Letter)) {
        if let Some((core, letter)) = self.do_for_halt(Some(answer)) {
            self.post.post(core, letter);
        }
    }

    fn act_for_halt(&mut self) {
        self.do_for_halt(None);
    }

    /// Does what the machine says; an answer comes when the cores hold writes, or do not
    /// any more, and back if neither is to be.
    fn do_for_halt(&mut self, mut answer: Option<(usize, Letter)>) -> Option<(usize, Letter)> {
        self.tell_of_halt();
        while let Some(action) = self.hub.halt.next_action() {
            match action {
                HaltAction::Hold => {
                    self.settings.hold_writes(true);
                    let change = self.publish(answer.take());
                    self.hub.holding = Some(change);
                }
                HaltAction::Borrow => self.borrow_all(Errand::Halt),
                HaltAction::AskReplicas => self.announce(&["REPLCONF", "GETACK", "*"]),
                HaltAction::Follow(target) => {
                    self.settings.set_primary(Some((&target.host, target.port)));
                    let change = self.publish(None);
                    self.begin_demotion(change, target);
                }
                HaltAction::Stay => {
                    self.hub.demotion = None;
                    self.settings.set_primary(None);
                }
                HaltAction::Unfollow => {
                    let id = self.hub.next_name();
                    self.upstream.follower.unfollow(id);
                }
                HaltAction::LetGo => {
                    self.settings.hold_writes(false);
                    self.publish(answer.take());
                }
                HaltAction::End => {
                    let (shutdown, clients) = self.hub.ending.as_ref().expect("it was asked for");
                    let (shutdown, client) = (*shutdown, clients.first().copied());
                    self.finish_shutdown(shutdown, client);
                }
                HaltAction::Log(Level::Notice, text) => self.log.notice(&text),
                HaltAction::Log(Level::Warning, text) => self.log.warning(&text),
            }
        }
        answer
    }

    /// What INFO and the cores read.
    pub(super) fn tell_of_halt(&self) {
        self.hub
            .replication
            .set_handover(match self.hub.halt.passage() {
                Passage::None => Handover::None,
                Passage::Waiting => Handover::Waiting,
                Passage::UnderWay => Handover::UnderWay,
            });
    }
}
