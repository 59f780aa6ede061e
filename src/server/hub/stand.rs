//! Where in a history the data of a file stands, so that a node that loads it goes
//! on from there instead of asking for everything.
//!
//! Of a stream that this node makes, the offset of a cut is where its mark comes out
//! of the merge. A primary's stream is held until all that was given out is applied,
//! and from then until the cut.

use std::sync::mpsc::{self, Receiver, Sender};

use crate::command::Errand;
use crate::replication::{ReplicationId, Stage, Standing};
use crate::server::control::Control;
use crate::server::errand::Client;

use super::state::Hub;

/// How long a file may wait for the primary's stream to be applied. One that is
/// written then cannot be gone on from.
const SETTLE_MS: u64 = 1000;

/// A file whose cut is on its way.
pub(super) struct Standpoint {
    number: u64,
    id: ReplicationId,
    tell: Sender<u64>,
}

/// What is to be done when the primary's stream stands still.
pub(in crate::server) enum Settling {
    /// BGSAVE.
    Save(Option<Client>),
    /// All shards are asked for.
    Shards(Errand, Option<Client>),
}

/// What a snapshot needs to know where it stands.
pub(in crate::server) struct Placed {
    pub(in crate::server) number: u64,
    pub(in crate::server) history: Option<(ReplicationId, usize)>,
    pub(in crate::server) offset: Receiver<u64>,
}

impl Hub {
    /// Nobody waits for an offset any more.
    pub(in crate::server) fn forget_standing(&mut self) {
        self.standpoint = None;
    }
}

impl Control {
    /// Where the data stands: none if it is of no history that others know, or does
    /// not stand still.
    pub(in crate::server) fn standing(&self) -> Option<Standing> {
        let primary = &self.hub.primary;
        if !primary.leads() {
            return self.upstream.follower.standing();
        }
        let history = primary.history();
        primary.is_on().then_some(Standing {
            id: history.id,
            offset: history.offset,
            database: 0,
        })
    }

    /// The same with all shards in hand: nothing is on its way. Whoever goes on from a file
    /// that stands there knows of no database.
    pub(in crate::server) fn standing_now(&mut self) -> Option<Standing> {
        self.read_lane();
        if let Some(merge) = &mut self.hub.merge {
            merge.forget_database();
        }
        self.standing()
    }

    /// Does this when the primary's stream stands still, if there is one; it is held
    /// from then on, until `let_stream_go`.
    pub(in crate::server) fn when_settled(&mut self, what: Settling) {
        let follower = &self.upstream.follower;
        if follower.stage() == Stage::Streaming {
            self.hub.is_stream_held = true;
            if !follower.is_settled() {
                let until = self.hub.now() + SETTLE_MS;
                return self.hub.settling.push((until, what));
            }
        }
        self.do_settled(what);
    }

    fn do_settled(&mut self, what: Settling) {
        match what {
            Settling::Save(client) => self.write_save(client),
            Settling::Shards(errand, client) => self.ask_for_shards(errand, client),
        }
    }

    /// Does what has waited for that.
    pub(super) fn look_at_settling(&mut self) {
        let Some((until, _)) = self.hub.settling.first() else {
            return;
        };
        let follower = &self.upstream.follower;
        let is_streaming = follower.stage() == Stage::Streaming;
        if is_streaming && !follower.is_settled() && self.hub.now() < *until {
            return;
        }
        for (_, what) in std::mem::take(&mut self.hub.settling) {
            self.do_settled(what);
        }
    }

    /// The cut is made: the primary's stream may go on.
    pub(in crate::server) fn let_stream_go(&mut self) {
        self.hub.is_stream_held = false;
    }

    /// A snapshot is about to be ordered that shall know where it stands. Its order
    /// is to mark the cut with the number, and `on_placed_cut` is to be told of it.
    pub(in crate::server) fn place_snapshot(&mut self) -> Placed {
        let standing = self.standing();
        self.place(standing.map(|standing| (standing.id, standing.database)))
    }

    /// The same for what is of this history in any case.
    pub(super) fn place(&mut self, history: Option<(ReplicationId, usize)>) -> Placed {
        self.hub.cuts += 1;
        let number = self.hub.cuts;
        let (tell, offset) = mpsc::channel();
        self.hub.standpoint = history.map(|(id, _)| Standpoint { number, id, tell });
        Placed {
            number,
            history,
            offset,
        }
    }

    /// The cut with this number is made.
    pub(in crate::server) fn on_placed_cut(&mut self, number: u64) {
        self.let_stream_go();
        if self.hub.primary.leads() {
            self.read_lane();
        } else if let Some(standing) = self.standing() {
            self.tell_standpoint(number, standing.id, standing.offset);
        }
        // Whose mark is not in the stream has no place in it.
        let is_of_cut = |standpoint: &mut Standpoint| standpoint.number == number;
        drop(self.hub.standpoint.take_if(is_of_cut));
    }

    /// The cut with this number stands at this offset.
    pub(super) fn tell_standpoint(&mut self, number: u64, id: ReplicationId, offset: u64) {
        let is_of_cut = |standpoint: &mut Standpoint| standpoint.number == number;
        let Some(standpoint) = self.hub.standpoint.take_if(is_of_cut) else {
            return;
        };
        if let Some(merge) = &mut self.hub.merge {
            // Who loads the file knows of no database.
            merge.forget_database();
        }
        if standpoint.id == id {
            // A snapshot that was given up does not hear it.
            let _gone = standpoint.tell.send(offset).is_err();
        }
    }
}
