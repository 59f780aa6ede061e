//! FAILOVER: the node is told to hand the lead over, or is asked to take it.

use crate::replication::{Asked, HaltAction, Passage, Role, Stage, Succession};

use super::super::around::Around;
use super::super::book::Point;
use super::super::net::End;
use super::Basalt;
use super::errands::Errand;
use super::hub::{Guest, Line};

/// What one hears who asked the node to lead.
const FOLLOWS_ANOTHER: &[u8] = b"-ERR This node was told to follow another one\r\n";

/// What is known of clients that are held.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// How often they have been.
    count: u64,
    /// Until when a core lets some in; none when all do.
    until: Option<u64>,
    /// The end of what was written, when that is known.
    halted: Option<Point>,
    /// A replica need not have everything.
    forces: bool,
}

/// A primary that asks the node to lead.
pub(super) type Petition = (End, Guest, Asked);

impl Basalt {
    /// FAILOVER; whether it begins.
    pub(crate) fn fail_over(&mut self, around: &mut Around, succession: Succession) -> bool {
        let role = match self.disk.primary {
            Some(_) => Role::Follows,
            None => Role::Leads,
        };
        let forces = succession.forces;
        let begun = self
            .halt
            .fail_over(around.now, succession, role, &self.primary);
        if begun.is_ok() {
            self.holding.forces = forces;
            self.holding.halted = None;
        }
        self.act_for_halt(around);
        begun.is_ok()
    }

    /// FAILOVER ABORT.
    pub(crate) fn abort_failover(&mut self, around: &mut Around) -> bool {
        let is_done = self.halt.abort().is_ok();
        self.act_for_halt(around);
        is_done
    }

    pub(in super::super) fn is_failing_over(&self) -> bool {
        self.halt.passage() != Passage::None
    }

    /// Whether clients that would write wait.
    pub(super) fn holds_writes(&self, now: u64) -> bool {
        self.holding.until.is_some_and(|until| until <= now)
    }

    /// All cores hold them.
    pub(super) fn on_held(&mut self, around: &mut Around, count: u64) {
        if self.holding.count == count && self.holding.until.is_some() {
            self.holding.until = Some(0);
            self.halt.on_held();
            self.act_for_halt(around);
        }
    }

    /// All shards are here.
    pub(super) fn on_halted(&mut self, around: &mut Around) {
        self.read_lane(around, true);
        let is_on = self.primary.is_on();
        self.holding.halted = is_on.then(|| self.end_of_stream());
        self.halt.on_halted(&self.primary);
        self.act_for_halt(around);
    }

    fn end_of_stream(&self) -> Point {
        let history = self.primary.history();
        Point {
            id: history.id,
            offset: history.offset,
        }
    }

    pub(super) fn look_at_halt(&mut self, around: &mut Around) {
        self.halt.look(around.now, &self.primary);
        self.act_for_halt(around);
    }

    /// A primary is followed from now on, which may be one to be asked to lead.
    pub(super) fn on_stream_ended(&mut self, around: &mut Around) {
        if !self.halt.on_stream_ended() {
            return;
        }
        self.follower.ask_to_lead();
        let at = self.end_of_stream();
        around.handings.end(self.me, at);
        let halted = self.holding.halted.filter(|_| !self.holding.forces);
        if let Some(halted) = halted.filter(|halted| halted.id == at.id) {
            let book = &around.book;
            assert_eq!(book.digest(halted), book.digest(at), "it was held: {at:?}");
        }
    }

    /// The replica leads, or would not.
    pub(super) fn on_handed_over(&mut self, around: &mut Around, is_done: bool) {
        if is_done {
            let is_full = self.follower.stage() != Stage::Streaming;
            around.handings.succeed(self.me, is_full);
            around.seen.handed += 1;
            around.seen.handed_partially += u64::from(!is_full);
        } else {
            around.seen.refused_to_lead += 1;
            around.returned = Some(self.me);
        }
        self.halt.on_handed_over(is_done);
        self.act_for_halt(around);
    }

    pub(super) fn end_returning(&mut self, around: &mut Around) {
        self.halt.on_released();
        self.act_for_halt(around);
    }

    /// Does what the machine says.
    fn act_for_halt(&mut self, around: &mut Around) {
        while let Some(action) = self.halt.next_action() {
            match action {
                HaltAction::Hold => {
                    self.holding.count += 1;
                    self.holding.until = Some(around.soon(20));
                    self.send_for(around, Errand::Held(self.holding.count));
                }
                HaltAction::Borrow => self.send_for(around, Errand::Halt),
                HaltAction::AskReplicas => self.lane.announce(around, "REPLCONF GETACK *"),
                HaltAction::Follow(target) => {
                    let place = usize::from(target.port) - 7000;
                    self.note_handing(around, place);
                    self.demote_for(around, place);
                }
                HaltAction::Stay => {
                    self.demotion = None;
                    self.disk.primary = None;
                }
                HaltAction::Unfollow => {
                    let id = self.next_name(around);
                    self.follower.unfollow(id);
                }
                HaltAction::LetGo => self.holding.until = None,
                HaltAction::End => unreachable!("nobody ends a node"),
                HaltAction::Log(..) => {}
            }
        }
    }

    fn note_handing(&self, around: &mut Around, place: usize) {
        let id = self.primary.history().id;
        let halted = self.holding.halted.filter(|_| !self.holding.forces);
        // The stream may have begun since, when nothing was written.
        let halted = halted.filter(|halted| halted.id == id);
        let mut lines = self.lines.values();
        // What it said in an earlier life, or before it was told otherwise, says nothing.
        let is_there = |line: &Line| {
            let is_its = around.net.peer(line.end) == Some(place);
            is_its && !around.net.is_left(line.end)
        };
        let is_known = lines.any(is_there);
        around.handings.begin([self.me, place], halted, !is_known);
    }

    /// Its primary asks it to lead.
    pub(super) fn take_over(&mut self, around: &mut Around, petition: Petition) {
        self.takeover.on_asked(around.now, petition);
    }

    pub(super) fn look_at_taking_over(&mut self, around: &mut Around) {
        let is_linked = self.follower.stage() == Stage::Streaming;
        if self.takeover.look(around.now, is_linked) {
            let id = self.next_name(around);
            self.follower.unfollow(id);
        }
    }

    pub(super) fn give_up_taking_over(&mut self, around: &mut Around) {
        for (end, ..) in self.takeover.give_up() {
            let link = self.primary.turn_away(FOLLOWS_ANOTHER);
            let sending = None;
            self.lines.insert(link, Line { end, sending });
        }
        self.act_for_replicas(around);
    }

    /// The node leads: those are heard who asked it to.
    pub(super) fn serve_those_to_be(&mut self, around: &mut Around) {
        let earlier = self.primary.history().earlier;
        for (end, guest, asked) in self.takeover.on_leading() {
            if let (Some((id, next)), Some(from)) = (earlier, around.net.peer(end)) {
                let offset = next - 1;
                around.handings.take(from, self.me, Point { id, offset });
            }
            self.guests.insert(end, guest);
            self.recruit(around, end, asked);
        }
    }
}
