//! Changes of role, and the stream's beginning and end.

use crate::command::Errand;
use crate::replication::{Address, History, Stage, Standing};
use crate::server::control::Control;
use crate::server::letter::Recruit;
use crate::shard::Shard;

/// The number of a change that every core has, and for which the shards are on
/// their way.
const ASKED: u64 = u64::MAX;

/// What one hears who asked this node to lead.
const FOLLOWS_ANOTHER: &[u8] = b"-ERR This node was told to follow another one\r\n";

impl Control {
    /// The stream is not needed any more.
    pub(super) fn begin_ceasing(&mut self) {
        if !self.hub.is_ceasing {
            self.hub.is_ceasing = true;
            self.borrow_all(Errand::Cease);
        }
    }

    /// All shards are here: nothing is recorded for it any more.
    pub(in crate::server) fn cease(&mut self, shards: &mut [Box<Shard>]) {
        let was_asked = std::mem::take(&mut self.hub.is_ceasing);
        let makes_stream = self.makes_stream();
        if makes_stream && !was_asked {
            // This node leads by now.
            return;
        }
        self.end_stream(shards);
        if !makes_stream {
            return;
        }
        let id = self.hub.next_name();
        self.hub.primary.cease(id);
        self.act_for_replicas();
    }

    /// The data was let go, and with it its history.
    pub(in crate::server) fn forsake(&mut self) {
        let times = self.hub.times();
        self.hub.primary.forsake(times, &mut self.hub.random);
        self.act_for_replicas();
    }

    /// The data is a primary's now: its stream is handed on.
    pub(in crate::server) fn hand_on(&mut self, history: History) {
        let now = self.hub.now();
        self.hub.primary.follow();
        self.hub.primary.begin(now, history);
        self.act_for_replicas();
    }

    /// What was loaded is a primary's data as of then: the rest is asked for.
    pub(in crate::server) fn stand_behind_primary(&mut self, standing: Standing) {
        let history = History::at(standing.id, standing.offset);
        let follower = &mut self.upstream.follower;
        follower.on_history(history.clone(), standing.database);
        self.hand_on(history);
    }

    /// What was loaded was this node's data, or its primary's, as of then. Others may
    /// have had more of that history, so it goes on under another name.
    pub(in crate::server) fn lead_from(&mut self, standing: Standing, shards: &mut [Box<Shard>]) {
        let now = self.hub.now();
        let mut history = History::at(standing.id, standing.offset);
        history.rename(self.hub.primary.history().id);
        self.hub.primary.begin(now, history);
        self.begin_lane(shards);
        self.act_for_replicas();
    }

    /// There was no file at the start.
    pub(in crate::server) fn start_empty(&mut self) {
        let now = self.hub.now();
        self.hub.primary.start_empty(now);
    }

    /// There was a file at the start, which was made by a node of this lineage, if it
    /// says so, and has data of this history.
    pub(in crate::server) fn start_with(
        &mut self,
        lineage: Option<&str>,
        standing: Option<Standing>,
    ) {
        let times = self.hub.times();
        let (primary, random) = (&mut self.hub.primary, &mut self.hub.random);
        primary.start_with(times, lineage, standing, random);
    }

    /// What a file says for the next start.
    pub(in crate::server) fn lineage(&self) -> String {
        let (now, unix_ms) = self.hub.times();
        self.hub.primary.lineage(now, unix_ms)
    }

    /// The data is a primary's from now on, so nothing of this node's own can be lost; and
    /// it has the name of that one's history before the first byte is handed on.
    pub(in crate::server) fn on_linked(&mut self) {
        self.adopt_name();
        self.hub.primary.on_linked();
    }

    /// The primary's history may have another name now.
    fn adopt_name(&mut self) {
        let follower = &self.upstream.follower;
        let Some(history) = follower.history().filter(|_| follower.primary().is_some()) else {
            return;
        };
        let primary = &mut self.hub.primary;
        if primary.is_on() && !primary.leads() && history.id != primary.history().id {
            primary.adopt(history.id);
            self.act_for_replicas();
        }
    }

    /// A primary is followed, and no stream of this node's own has to end before.
    pub(in crate::server) fn stop_leading(&mut self) {
        if !self.hub.primary.leads() {
            return;
        }
        self.hub.primary.follow();
        self.act_for_replicas();
        self.give_up_sync();
    }

    /// A primary is to be followed; the change of settings that says so to the cores
    /// has this number.
    pub(in crate::server) fn begin_demotion(&mut self, change: u64, address: Address) {
        self.hub.demotion = Some((change, address));
    }

    /// Whether the stream is this node's own, so that it must be ended before a
    /// primary is followed.
    pub(in crate::server) fn makes_stream(&self) -> bool {
        self.hub.merge.is_some()
    }

    /// Whether a primary is to be followed as soon as the stream has ended.
    pub(in crate::server) fn is_demoting(&self) -> bool {
        matches!(self.hub.demotion, Some((ASKED, _)))
    }

    /// A core has taken settings over.
    pub(in crate::server) fn on_taken_over(&mut self) {
        self.on_holding();
        let Some((change, _)) = &self.hub.demotion else {
            return;
        };
        if *change != ASKED && self.changes.is_over(*change) {
            // No core takes writes any more.
            self.hub.demotion.as_mut().expect("it is there").0 = ASKED;
            self.borrow_all(Errand::Demote);
        }
    }

    /// Nothing is recorded any more, and the history's end is known: it is gone on
    /// from there.
    pub(in crate::server) fn demote(&mut self) {
        let Some((_, address)) = self.hub.demotion.take() else {
            return;
        };
        self.hub.primary.follow();
        self.act_for_replicas();
        let history = self.hub.primary.history().clone();
        self.upstream.follower.on_history(history, 0);
        self.begin_to_follow(address);
        if self.hub.halt.on_stream_ended() {
            self.upstream.follower.ask_to_lead();
            self.tell_of_halt();
        }
    }

    /// This node's primary asks it to lead, as the replica of it that it will be.
    pub(super) fn take_over(&mut self, core: usize, recruit: Recruit) {
        self.log.warning(&format!(
            "MASTER MODE enabled (failover request from {})",
            recruit.arrival.who()
        ));
        let now = self.hub.now();
        self.hub.takeover.on_asked(now, (core, recruit));
    }

    /// Takes over when it is time for that.
    pub(super) fn look_at_taking_over(&mut self) {
        let is_linked = self.upstream.follower.stage() == Stage::Streaming;
        let now = self.hub.now();
        if self.hub.takeover.look(now, is_linked) {
            let id = self.hub.next_name();
            self.upstream.follower.unfollow(id);
        }
    }

    /// This node is to follow another: it takes over from nobody, and who asked it to
    /// leads on.
    pub(in crate::server) fn give_up_taking_over(&mut self) {
        for (core, recruit) in self.hub.takeover.give_up() {
            self.log
                .warning("The failover request is refused: another node is to be followed.");
            self.turn_away(core, recruit, FOLLOWS_ANOTHER);
        }
    }

    /// This node leads: those are heard who asked it to.
    pub(in crate::server) fn serve_those_to_be(&mut self) {
        for (core, recruit) in self.hub.takeover.on_leading() {
            self.on_recruit(core, recruit);
        }
    }

    /// Nobody is followed any more: this node leads the history that it has. Whether
    /// that is done; else shards are borrowed for it.
    pub(in crate::server) fn lead_on(&mut self) -> bool {
        self.hub.demotion = None;
        if self.hub.primary.leads() {
            return true;
        }
        if self.hub.primary.is_on() {
            self.borrow_all(Errand::Lead);
            return false;
        }
        self.take_lead();
        true
    }

    /// All shards are here: they are recorded from now on.
    pub(in crate::server) fn begin_leading(&mut self, shards: &mut [Box<Shard>]) {
        if self.upstream.follower.primary().is_some() || self.hub.primary.leads() {
            return;
        }
        self.begin_lane(shards);
        self.take_lead();
    }

    fn take_lead(&mut self) {
        let now = self.hub.now();
        let known = self.upstream.follower.history().map(|history| history.id);
        let id = known.unwrap_or_else(|| self.hub.next_name());
        self.hub.primary.lead(now, id);
        self.act_for_replicas();
    }
}
