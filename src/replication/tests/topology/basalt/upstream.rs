//! The node as a replica: loads files and applies units, sometimes late.

use crate::replication::Unsorted;
use crate::replication::tests::story::{Applied, requests};
use crate::replication::{Action, Address, History, Stage};

use super::super::around::{Around, Replaced};
use super::super::book::Point;
use super::super::net::Heard;
use super::errands::Errand;
use super::{Basalt, File};

/// A full synchronisation on its way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resync {
    None,
    Receiving,
    /// What was here is being let go.
    Clearing,
    Loading {
        until: u64,
    },
    /// It is loaded, and every core is asked for its shard.
    Whole,
}

impl Resync {
    pub(super) fn is_loading(self) -> bool {
        !matches!(self, Resync::None | Resync::Receiving)
    }
}

/// Units that run.
#[derive(Debug)]
pub(super) struct Portion {
    bytes: Vec<u8>,
    end: u64,
    /// When all of it has run.
    at: u64,
}

impl Basalt {
    /// REPLICAOF.
    pub(crate) fn follow(&mut self, around: &mut Around, place: usize) {
        if self.is_failing_over() {
            return;
        }
        self.give_up_taking_over(around);
        if self.lane.is_merged() {
            return self.demote_for(around, place);
        }
        self.disk.primary = Some(place);
        self.writes_until = 0;
        if self.follower.stage() == Stage::Off {
            // Clients have written here, in no history.
            self.follower.on_forsaken();
            self.offset = None;
        }
        self.begin_to_follow(around, place);
    }

    /// The cores hear that they take no writes; then the stream ends.
    pub(super) fn demote_for(&mut self, around: &mut Around, place: usize) {
        self.disk.primary = Some(place);
        self.writes_until = around.soon(20);
        self.demotion = Some((place, false));
        self.send_for(around, Errand::Told);
    }

    pub(super) fn begin_to_follow(&mut self, around: &mut Around, place: usize) {
        self.stop_leading(around);
        let address = Address {
            host: "node".to_owned(),
            port: 7000 + place as u16,
        };
        self.follower.follow(around.now, address);
        self.act(around);
    }

    /// REPLICAOF NO ONE.
    pub(crate) fn unfollow(&mut self, around: &mut Around) {
        if self.disk.primary.is_some() && !self.is_failing_over() {
            let id = self.next_name(around);
            self.follower.unfollow(id);
            self.act(around);
        }
    }

    pub(super) fn tend_upstream(&mut self, around: &mut Around) {
        self.act(around);
        self.hear_primary(around);
        self.run_portions(around);
        if let Resync::Loading { until } = self.resync
            && until <= around.now
        {
            self.end_load(around);
        }
        if self.follower.deadline().is_some_and(|at| at <= around.now) {
            self.follower.on_time(around.now);
        }
        self.act(around);
    }

    fn hear_primary(&mut self, around: &mut Around) {
        loop {
            let Some(end) = self.up else { return };
            if self.holds_stream(around) || !self.follower.wants_bytes() {
                return;
            }
            match around.hear(end) {
                None => return,
                Some(Heard::Opened) => self.follower.on_connected(around.now),
                Some(Heard::Bytes(bytes)) => {
                    self.follower.on_bytes(around.now, &bytes, &mut Unsorted)
                }
                Some(Heard::Closed(why)) => {
                    self.up = None;
                    self.follower.on_closed(around.now, why);
                }
            }
            self.act(around);
        }
    }

    fn run_portions(&mut self, around: &mut Around) {
        while let Some(portion) = self.portions.front()
            && portion.at <= around.now
        {
            let portion = self.portions.pop_front().expect("it is there");
            let before = self.offset.expect("units are of a history");
            let end = before + portion.bytes.len() as u64;
            assert_eq!(end, portion.end, "no byte twice, none left out");
            self.data.apply_all(&portion.bytes);
            assert!(!self.data.is_in_multi, "a transaction runs whole");
            self.offset = Some(end);
            self.follower.on_applied(around.now, end);
        }
        if self.is_draining && self.portions.is_empty() {
            self.is_draining = false;
            self.is_open = false;
            let database = self.data.database as usize;
            self.follower.on_drained(around.now);
            if let Some(standing) = self.follower.standing() {
                assert_eq!(standing.database, database, "what is selected is known");
            }
        }
    }

    /// Does what the machine says.
    fn act(&mut self, around: &mut Around) {
        while let Some(action) = self.follower.next_action() {
            match action {
                Action::Connect(address) => {
                    let place = usize::from(address.port) - 7000;
                    self.up = Some(around.dial(self.me, place));
                    self.dialled = place;
                }
                Action::HangUp => self.hang_up_primary(around),
                Action::Send(bytes) => {
                    if let Some(end) = self.up {
                        around.net.send(end, bytes.into());
                    }
                }
                Action::Receive { .. } => {
                    self.pieces.clear();
                    self.resync = Resync::Receiving;
                }
                Action::Piece(piece) => self.pieces.extend(piece),
                Action::Load => self.load_resync(around),
                Action::Abandon => self.resync = Resync::None,
                Action::Open { database } => {
                    assert!(!self.is_open, "it is opened once");
                    self.is_open = true;
                    self.was_linked = true;
                    self.adopt_name(around);
                    self.primary.on_linked();
                    around.opened = self.up.and_then(|end| around.net.peer(end));
                    self.data.database = database as u64;
                }
                Action::Apply { bytes, end } => self.obey(around, bytes, end),
                Action::Drain => {
                    self.hang_up_primary(around);
                    self.is_draining = true;
                }
                Action::Released => self.released(around),
                Action::HandedOver(is_done) => self.on_handed_over(around, is_done),
                Action::Log(..) => {}
            }
        }
    }

    fn hang_up_primary(&mut self, around: &mut Around) {
        if let Some(end) = self.up.take() {
            around.hang_up(end);
        }
    }

    fn obey(&mut self, around: &mut Around, bytes: Vec<u8>, end: u64) {
        assert!(
            self.is_open && !self.is_draining,
            "units come between the two"
        );
        let found = requests(&bytes);
        assert_eq!(found.last().map(|(_, end)| *end), Some(bytes.len()));
        self.primary.on_stream(bytes.clone().into());
        self.primary.flow();
        self.act_for_replicas(around);
        let last = self.portions.back().map_or(0, |portion| portion.at);
        let at = last.max(around.soon(60));
        self.portions.push_back(Portion { bytes, end, at });
    }

    /// All bytes are here.
    fn load_resync(&mut self, around: &mut Around) {
        if self.disk.clears {
            self.disk.file = Some(File::of(&self.pieces));
            self.give_up_snapshot();
            self.resync = Resync::Clearing;
            return self.send_for(around, Errand::Clear);
        }
        let until = around.soon(300);
        self.resync = Resync::Loading { until };
    }

    /// All shards are here: what they hold goes, and the loader begins.
    pub(super) fn clear_for_primary(&mut self, around: &mut Around) {
        if self.resync != Resync::Clearing {
            return;
        }
        self.give_up_snapshot();
        self.replace(around);
        self.follower.on_forsaken();
        self.end_stream(around);
        let times = (around.now, around.now);
        self.primary.forsake(times, &mut self.names);
        self.holds = None;
        self.began_at = None;
        self.act_for_replicas(around);
        let until = around.soon(300);
        self.resync = Resync::Loading { until };
    }

    /// What was here goes.
    fn replace(&mut self, around: &mut Around) {
        let has_data = !self.data.data.is_empty();
        let was = self.sight().map(|(at, _)| at).filter(|_| has_data);
        let by = self.dialled;
        around.replaced = Some(Replaced { by, was });
        self.data = Applied::default();
        self.offset = None;
    }

    fn end_load(&mut self, around: &mut Around) {
        if around.fails(12) {
            around.seen.failed_loads += 1;
            self.resync = Resync::None;
            self.follower.on_closed(around.now, "its data is not right");
            self.follower.on_loaded(around.now, Err(()), &mut Unsorted);
            self.hang_up_primary(around);
            return self.act(around);
        }
        self.resync = Resync::Whole;
        self.send_for(around, Errand::Exchange);
    }

    /// All shards are here, and get the keyspaces of the primary.
    pub(super) fn exchange(&mut self, around: &mut Around) {
        self.give_up_snapshot();
        if self.resync != Resync::Whole {
            return;
        }
        self.resync = Resync::None;
        self.end_stream(around);
        let file = File::of(&self.pieces);
        if !self.disk.clears {
            self.replace(around);
        }
        self.data = file.applied;
        let database = file.standing.map_or(0, |at| at.database);
        self.follower
            .on_loaded(around.now, Ok(database), &mut Unsorted);
        let history = self.follower.history().cloned();
        let history = history.expect("what was loaded is of one");
        self.offset = Some(history.offset);
        around.seen.full += 1;
        self.hand_on(around, history);
        self.act(around);
    }

    pub(super) fn hand_on(&mut self, around: &mut Around, history: History) {
        self.primary.follow();
        self.primary.begin(around.now, history);
        self.act_for_replicas(around);
    }

    /// There is no primary any more.
    fn released(&mut self, around: &mut Around) {
        self.demotion = None;
        if self.primary.leads() {
            self.free_of_primary(around);
        } else if self.primary.is_on() {
            self.send_for(around, Errand::Lead);
        } else {
            self.take_lead(around);
            self.free_of_primary(around);
        }
    }

    /// All shards are here: they are recorded from now on.
    pub(super) fn begin_leading(&mut self, around: &mut Around) {
        if self.follower.primary().is_none() && !self.primary.leads() {
            self.lane.begin();
            let history = self.primary.history();
            let before = Point {
                id: history.id,
                offset: history.offset,
            };
            self.take_lead(around);
            self.tell_beginning(around, Some(before));
        }
        self.free_of_primary(around);
    }

    fn take_lead(&mut self, around: &mut Around) {
        let known = self.follower.history().map(|history| history.id);
        let id = known.unwrap_or_else(|| self.next_name(around));
        self.primary.lead(around.now, id);
        self.act_for_replicas(around);
    }

    fn free_of_primary(&mut self, around: &mut Around) {
        if self.follower.primary().is_none() {
            self.disk.primary = None;
            self.end_returning(around);
            self.serve_those_to_be(around);
        }
    }
}
