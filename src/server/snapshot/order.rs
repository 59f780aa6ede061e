//! Who wants a snapshot orders it here, at the control core; there is one at a time.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use crate::command::Lent;
use crate::runtime::funnel::{Lane, funnel};
use crate::server::control::Control;
use crate::server::core::Work;
use crate::server::letter::Letter;
use crate::server::save::Manner;

use super::cut::CutOrder;
use super::stream::Message;
use super::writer::{Failure, Parts, Target, Writer, Written};

/// Bytes of a core's pieces that may wait for the writer before the core's walk
/// pauses.
const ROOM: usize = 8 << 20;

/// What is done at the cut, on the core that has all shards in hand. Everybody
/// waits for it.
pub(in crate::server) type AtCut = Box<dyn FnOnce(&mut Work, &mut Lent) + Send>;

/// What the control core does when the cut is made; the number is what the cores'
/// `changes` added up to then.
pub(in crate::server) type WhenCut = Box<dyn FnOnce(&mut Control, u64)>;

/// What it does when all is written, or not.
pub(in crate::server) type WhenOver = Box<dyn FnOnce(&mut Control, Outcome)>;

/// What becomes of a snapshot.
pub(in crate::server) type Outcome = Result<Written, Failure>;

/// A snapshot that is wanted.
pub(in crate::server) struct Order {
    pub(in crate::server) target: Box<dyn Target>,
    pub(in crate::server) manner: Manner,
    pub(in crate::server) at_cut: AtCut,
    /// Everything after is not in it.
    pub(in crate::server) when_cut: WhenCut,
    /// Another may be ordered then.
    pub(in crate::server) when_over: WhenOver,
    /// See `Parts::offset`.
    pub(in crate::server) offset: Option<mpsc::Receiver<u64>>,
}

/// A snapshot under way.
pub(in crate::server) struct Running {
    when_cut: Option<WhenCut>,
    when_over: WhenOver,
    outcome: mpsc::Receiver<Outcome>,
    writer: JoinHandle<()>,
    /// Not for anything to go through.
    lane: Lane<Message>,
}

impl Control {
    /// Begins a snapshot; there must be none under way. The cut is made through this
    /// core, after what it sent to others.
    pub(in crate::server) fn begin_snapshot(&mut self, core: usize, order: Order) {
        assert!(self.snapshot.is_none(), "one snapshot at a time");
        let (mut lanes, funnel) = funnel(self.bells.len() + 1, ROOM);
        let lane = lanes.pop().expect("a lane was made for the control core");
        let manner = Arc::new(order.manner);
        let writer = Writer::new(Parts {
            funnel,
            target: order.target,
            manner: Arc::clone(&manner),
            bells: self.bells.clone(),
            persistence: Arc::clone(&self.persistence),
            offset: order.offset,
        });
        let (tell, outcome) = mpsc::channel();
        let bell = self.bell;
        let write = move || {
            // Nobody hears it at a node that has been ended.
            let _unheard = tell.send(writer.run()).is_err();
            bell.ring();
        };
        let thread = thread::Builder::new().name("snapshot".to_owned());
        let writer = match thread.spawn(write) {
            Ok(writer) => writer,
            Err(error) => {
                let why = format!("Can't start a thread: {error}");
                return (order.when_over)(self, Err(Failure::Fault(why)));
            }
        };
        self.snapshot = Some(Running {
            when_cut: Some(order.when_cut),
            when_over: order.when_over,
            outcome,
            writer,
            lane,
        });
        let cut = CutOrder {
            lanes,
            manner,
            at_cut: order.at_cut,
        };
        self.post.post(core, Letter::MakeCut(Box::new(cut)));
    }

    /// The cut is made.
    pub(in crate::server) fn on_cut_made(&mut self, changes: u64) {
        // One that was given up before is over.
        let snapshot = self.snapshot.as_mut();
        if let Some(when_cut) = snapshot.and_then(|snapshot| snapshot.when_cut.take()) {
            when_cut(self, changes);
        }
    }

    /// Looks whether the writer is done.
    pub(in crate::server) fn look_at_writer(&mut self) {
        let Some(snapshot) = &self.snapshot else {
            return;
        };
        // It is heard of when its cut was: the cores are done with the order then.
        if snapshot.when_cut.is_some() {
            return;
        }
        let Ok(outcome) = snapshot.outcome.try_recv() else {
            return;
        };
        let snapshot = self.snapshot.take().expect("it was just looked at");
        self.persistence.keys_to_save.set(0);
        self.persistence.keys_saved.set(0);
        (snapshot.when_over)(self, outcome);
        self.begin_scheduled();
    }

    /// Gives the snapshot up, if there is one: `when_over` hears of it soon.
    pub(in crate::server) fn give_up_snapshot(&mut self) {
        if let Some(snapshot) = &self.snapshot {
            snapshot.lane.close();
        }
    }

    /// Gives the snapshot up at the end of the node, and waits until nothing is left
    /// of it.
    pub(in crate::server) fn end_snapshot(&mut self) {
        self.give_up_snapshot();
        self.hub.forget_standing();
        if let Some(snapshot) = self.snapshot.take() {
            let ended = snapshot.writer.join();
            ended.expect("a panic of the writer ends the process");
        }
    }
}
