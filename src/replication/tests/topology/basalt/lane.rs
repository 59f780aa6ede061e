//! What the cores record, each when it comes to it, and the stream that it becomes: in
//! the order of tickets.

use std::collections::VecDeque;

use crate::replication::tests::story::written;

use super::super::around::Around;
use super::super::world::Unit;
use super::Basalt;

#[derive(Debug)]
struct Slice {
    /// When its core publishes it.
    at: u64,
    bytes: Vec<u8>,
    /// None for what changes no data.
    database: Option<u64>,
    cut: Option<u64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// The shards are recorded.
    is_recorded: bool,
    /// The control core takes what they record into the stream.
    is_merged: bool,
    /// From the next ticket on.
    slices: VecDeque<Slice>,
    /// The ticket of the first of these.
    ticket: u64,
    /// Which the stream has selected.
    database: Option<u64>,
}

impl Lane {
    /// Behind the bytes that there are.
    pub(super) fn begin(&mut self) {
        self.slices.clear();
        self.is_recorded = true;
        self.merge();
    }

    /// The control core has heard where it begins.
    pub(super) fn merge(&mut self) {
        self.is_merged = true;
        self.database = None;
    }

    pub(super) fn is_merged(&self) -> bool {
        self.is_merged
    }

    /// Whether the data is what the stream says, no more.
    pub(super) fn is_told(&self) -> bool {
        self.is_merged && self.slices.is_empty()
    }

    /// The ticket that comes next.
    pub(super) fn last(&self) -> u64 {
        self.ticket + self.slices.len() as u64
    }

    /// Whether the stream has what was recorded before this ticket.
    pub(super) fn has(&self, ticket: u64) -> bool {
        !self.is_merged || self.ticket >= ticket
    }

    pub(super) fn record(&mut self, around: &mut Around, unit: &Unit) {
        let bytes = unit.bytes();
        self.push(around, bytes, Some(unit.database), None);
    }

    pub(super) fn announce(&mut self, around: &mut Around, line: &str) {
        self.push(around, written(line), None, None);
    }

    /// All shards are in hand.
    pub(super) fn mark(&mut self, around: &mut Around, number: u64) {
        self.is_recorded = true;
        self.push(around, Vec::new(), None, Some(number));
    }

    fn push(
        &mut self,
        around: &mut Around,
        bytes: Vec<u8>,
        database: Option<u64>,
        cut: Option<u64>,
    ) {
        if self.is_recorded {
            let at = around.soon(15);
            self.slices.push_back(Slice {
                at,
                bytes,
                database,
                cut,
            });
        }
    }

    /// Says the database again before the next effect.
    pub(super) fn forget_database(&mut self) {
        self.database = None;
    }
}

impl Basalt {
    /// Takes what is there into the stream; with all shards in hand that is all.
    pub(super) fn read_lane(&mut self, around: &mut Around, is_all: bool) {
        if !self.lane.is_merged {
            return;
        }
        while let Some(slice) = self.lane.slices.front()
            && (is_all || slice.at <= around.now)
        {
            let slice = self.lane.slices.pop_front().expect("it is there");
            self.lane.ticket += 1;
            if let Some(number) = slice.cut {
                let offset = self.primary.history().offset;
                self.on_cut_in_stream(around, number, offset);
            }
            if slice.database.is_some() && self.lane.database != slice.database {
                let database = slice.database.unwrap_or(0);
                self.say(around, written(&format!("SELECT {database}")));
                self.lane.database = slice.database;
            }
            self.say(around, slice.bytes);
        }
        self.primary.flow();
        self.act_for_replicas(around);
    }

    fn say(&mut self, around: &mut Around, bytes: Vec<u8>) {
        around
            .book
            .append(self.me, self.primary.history().id, &bytes);
        self.primary.on_stream(bytes.into());
    }

    /// All shards are in hand: nothing is recorded any more.
    pub(super) fn end_stream(&mut self, around: &mut Around) {
        self.lane.is_recorded = false;
        self.read_lane(around, true);
        self.lane.is_merged = false;
        self.lane.slices.clear();
    }
}
