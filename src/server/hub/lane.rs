//! The stream as the cores make it: what they record, in the order of tickets.

use bytes::Bytes;

use crate::journal::Merge;
use crate::server::control::Control;
use crate::server::recording::{LANE_BYTES_MAX, REPLICAS, REPLICAS_LANE};
use crate::shard::Shard;

/// What is held of the lane's bytes while writers outrun a link: what is left of the bound
/// is what they write before they wait.
const BALLAST_BYTES: u64 = LANE_BYTES_MAX[REPLICAS_LANE] - (4 << 20);

impl Control {
    /// Takes what the cores recorded into the stream.
    pub(super) fn read_lane(&mut self) {
        let Some(merge) = &mut self.hub.merge else {
            return;
        };
        let feed = &self.hub.journal.feed;
        feed.receive(REPLICAS_LANE, |ticket, slice| merge.put(ticket, slice));
        let mut has_come = false;
        while let Some(merged) = self.hub.merge.as_mut().and_then(Iterator::next) {
            has_come = true;
            if let Some(number) = merged.cut {
                self.on_cut_in_stream(number, merged.offset);
            }
            let weight = merged.weight;
            if let Some(select) = merged.select {
                self.hub.primary.on_stream(select.into());
            }
            self.hub.primary.on_stream(merged.bytes);
            self.hub.journal.feed.settle(REPLICAS_LANE, weight);
        }
        if has_come {
            self.hub.rest.on_stream(self.hub.watch.ns());
        }
        self.hub.primary.flow();
        self.act_for_replicas();
    }

    /// Has writers wait while they outrun a link that has to catch up with them, and lets
    /// them go on.
    pub(super) fn slow_writers(&mut self) {
        let outrun_by = match self.hub.merge {
            Some(_) => self.hub.primary.outrun_by(self.hub.now()),
            None => 0,
        };
        let wanted = if outrun_by > 0 {
            BALLAST_BYTES + outrun_by
        } else {
            0
        };
        let feed = &self.hub.journal.feed;
        let held = std::mem::replace(&mut self.hub.held_bytes, wanted);
        if wanted > held {
            feed.hold(REPLICAS_LANE, wanted - held);
        } else if wanted < held {
            feed.settle(REPLICAS_LANE, held - wanted);
        }
    }

    /// Bytes of the primary's stream have been given out to be applied: they are
    /// this node's stream, too.
    pub(in crate::server) fn on_obeyed(&mut self, bytes: Bytes) {
        self.hub.primary.on_stream(bytes);
        self.hub.primary.flow();
    }

    /// This node makes the stream from now on, with all shards in hand: behind the
    /// bytes that there are.
    pub(super) fn begin_lane(&mut self, shards: &mut [Box<Shard>]) {
        for shard in shards.iter_mut() {
            shard.recorded_by |= REPLICAS;
        }
        let lanes = shards.first().map_or(0, |shard| shard.recorded_by);
        let ticket = self.hub.journal.publish_cut(shards.len(), lanes, 0);
        let offset = self.hub.primary.history().offset;
        self.hub.merge = Some(Merge::new(ticket, offset));
    }

    /// This node does not make the stream any more, with all shards in hand:
    /// everything that was recorded is in it.
    pub(in crate::server) fn end_stream(&mut self, shards: &mut [Box<Shard>]) {
        for shard in shards.iter_mut() {
            shard.recorded_by &= !REPLICAS;
        }
        self.read_lane();
        if self.hub.merge.take().is_none() {
            let feed = &self.hub.journal.feed;
            feed.receive(REPLICAS_LANE, |_, slice| {
                feed.settle(REPLICAS_LANE, slice.weight());
            });
        }
    }
}
