//! A core's side of a snapshot: the cut, with all shards in hand, and the walk in
//! slices of time.

use std::sync::Arc;

use crate::command::Lent;
use crate::keyspace::Keyspace;
use crate::memory::{Walked, used_memory};
use crate::runtime::funnel::Lane;
use crate::server::core::Work;
use crate::server::letter::Letter;
use crate::server::loan::Job;
use crate::server::save::{Manner, dialect, sizes};
use crate::telemetry::totals;

use super::order;
use super::stream::{AtCut, Message, Stream};

/// The longest slice of a turn; a bucket of large values may exceed it.
const SLICE_NS: u64 = 50_000;

/// Buckets walked between two looks at the clock: about fifty keys.
const BUCKETS_PER_STEP: usize = 8;

/// What the control core sends out.
pub(in crate::server) struct CutOrder {
    /// By core.
    pub(super) lanes: Vec<Lane<Message>>,
    pub(super) manner: Arc<Manner>,
    pub(super) at_cut: order::AtCut,
}

impl Work {
    /// Borrows every shard to make a cut.
    pub(in crate::server) fn on_make_cut(&mut self, order: Box<CutOrder>) {
        self.borrow_for(Job::Cut(order), self.local.placement.all());
    }

    /// Makes it: all shards are here, so it is one moment for everybody.
    pub(in crate::server) fn make_cut(&mut self, order: CutOrder, held: &mut Lent) {
        let CutOrder {
            lanes,
            manner,
            at_cut,
        } = order;
        let shards = || held.iter().flatten().map(|shard| &shard.keyspace);
        let databases = shards().next().map_or(0, Keyspace::databases);
        let libraries = self.local.functions.iter();
        let cut = AtCut {
            sizes: sizes(shards()),
            dialect: dialect(shards()),
            functions: libraries.map(|library| library.code.to_vec()).collect(),
            used_memory: used_memory() as u64,
            streams: lanes.len() * databases,
        };
        lanes[0].hand_on(Message::Cut(Box::new(cut)), 0);
        for shard in held.iter_mut().flatten() {
            let (core, lane) = (shard.core, &lanes[shard.core]);
            shard.keyspace.begin_cut(|database| {
                let number = core * databases + database;
                Stream::new(number, database, lane.clone(), Arc::clone(&manner))
            });
        }
        at_cut(self, held);
        // Nobody changes anything now, so the cores' counts are exact.
        let changes = totals(self.local.counters.iter()).changes;
        let control = self.local.placement.cores();
        self.post.post(control, Letter::CutMade { changes });
    }

    /// Walks for one slice of time.
    pub(in crate::server) fn walk_slice(&mut self) {
        if !self.pace.is_walking {
            return;
        }
        let until = self.watch.ns() + SLICE_NS;
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        let walked = loop {
            let walked = keyspace.walk_cut(BUCKETS_PER_STEP);
            if walked != Walked::GoesOn || self.watch.ns() >= until {
                break walked;
            }
        };
        self.pace.walk_goes_on = walked == Walked::GoesOn;
        self.pace.is_walking = walked != Walked::Over;
    }

    /// Whether the writer is so far behind that whoever may write must wait: what it
    /// changes would have to be kept first.
    pub(in crate::server) fn is_snapshot_far_behind(&mut self) -> bool {
        let is_behind = |keyspace: &mut Keyspace| keyspace.is_cut_far_behind();
        self.pace.is_walking && self.vault.keyspace().is_some_and(is_behind)
    }

    /// Lets those go on that waited.
    pub(in crate::server) fn resume_slowed_by_snapshot(&mut self) {
        if !self.pace.slowed.is_empty() && !self.is_snapshot_far_behind() {
            for id in std::mem::take(&mut self.pace.slowed) {
                self.resume(id);
            }
        }
    }
}
