//! Full synchronisations: a snapshot, and to whom it is sent.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::command::Errand;
use crate::journal::Merge;
use crate::replication::{Method, ReplicationId, Stage};
use crate::server::control::Control;
use crate::server::recording::REPLICAS;
use crate::server::save::Manner;
use crate::server::snapshot::{self, Failure, Target};

use super::sender::{Delivery, Feed, Filed, Receiving, Streamed, Told, send_file};
use super::stand::Placed;

/// How long a replica may take to read the few bytes before its file.
const FLUSH_MS: u64 = 1000;

/// Between two snapshots of which the first could not begin.
const RETRY_MS: u64 = 1000;

/// A snapshot under way.
pub(super) struct Synchronizing {
    /// Of its cut.
    number: u64,
    /// The stream is a primary's.
    follows: bool,
    /// Whom it is sent to, when that is known.
    feed: Option<Sender<Feed>>,
    /// The ticket of the cut, if the stream begins with it.
    ticket: Receiver<u64>,
    /// The file, once it is whole.
    file: Receiver<(File, u64)>,
}

/// Links that are to get a file when everything before it has gone.
pub(super) struct Undelivered {
    links: Vec<u64>,
    what: What,
    /// Who has not read that by then gets no file.
    pub(super) until: u64,
}

enum What {
    Stream(Sender<Feed>, Vec<u8>),
    File(File, u64),
}

impl Control {
    /// Begins the snapshot that is wanted, if nothing stands in its way.
    pub(super) fn begin_wanted_sync(&mut self) {
        let now = self.hub.now();
        let Some((method, at)) = self.hub.wanted else {
            return;
        };
        let is_changing = self.hub.demotion.is_some() || self.hub.is_ceasing;
        if now < at || is_changing || !self.may_begin_sync() || self.is_stopping {
            return;
        }
        let follows = !self.hub.primary.leads();
        if follows && !self.upstream.follower.is_settled() {
            // What was given out is applied first; more is not read until the cut.
            return;
        }
        self.hub.wanted = None;
        if let Err(why) = self.begin_sync(method, follows) {
            self.log
                .warning(&format!("Can't synchronize replicas: {why}"));
            self.hub.wanted = Some((method, now + RETRY_MS));
        }
    }

    /// Whether nothing stands in a snapshot's way.
    fn may_begin_sync(&self) -> bool {
        let is_delivering = self.hub.undelivered.is_some();
        !self.has_snapshot() && !is_delivering && !self.is_loading()
    }

    /// Whether the primary's stream is held until a cut is made: not for longer than
    /// that takes.
    pub(in crate::server) fn holds_stream(&self) -> bool {
        if self.upstream.follower.stage() != Stage::Streaming {
            return false;
        }
        if self.hub.is_stream_held {
            return true;
        }
        let now = self.hub.now();
        let is_due = self.hub.wanted.is_some_and(|(_, at)| at <= now);
        let is_uncut = |sync: &Synchronizing| sync.feed.is_some();
        let is_cutting = self.hub.running.as_ref().is_some_and(is_uncut);
        is_cutting || is_due && self.may_begin_sync()
    }

    fn told(&self) -> Told {
        Told {
            tell: self.hub.tell.clone(),
            bell: self.hub.bell,
            replication: Arc::clone(&self.hub.replication),
        }
    }

    fn begin_sync(&mut self, method: Method, follows: bool) -> Result<(), String> {
        let history = match follows {
            true => self
                .upstream
                .follower
                .standing()
                .map(|at| (at.id, at.database)),
            false => Some((self.hub.primary.history().id, 0)),
        };
        let (feed, fed) = mpsc::channel();
        let (whole, file) = mpsc::channel();
        let (tell_ticket, ticket) = mpsc::channel();
        let target: Box<dyn Target> = match method {
            Method::Streamed => Box::new(Streamed::new(fed, self.told())),
            Method::Filed => Box::new(Filed::create(whole)?),
        };
        let Placed {
            number,
            history,
            offset,
        } = self.place(history);
        let order = snapshot::Order {
            target,
            manner: Manner::of(&self.settings).of_data(history),
            at_cut: Box::new(move |work, held| {
                if follows {
                    return;
                }
                work.seal();
                for shard in held.iter_mut().flatten() {
                    shard.recorded_by |= REPLICAS;
                }
                if let Some(ticket) = work.mark(held, number) {
                    // The control core is gone only at the end.
                    let _gone = tell_ticket.send(ticket).is_err();
                }
            }),
            when_cut: Box::new(|control, _| control.on_sync_cut()),
            when_over: Box::new(|control, outcome| {
                let outcome = outcome.map(|_| ()).map_err(|failure| match failure {
                    Failure::GivenUp => "it was given up".to_owned(),
                    Failure::Fault(why) => why,
                });
                control.on_sync_over(outcome);
            }),
            offset: Some(offset),
        };
        self.log.notice(match method {
            Method::Streamed => "Starting BGSAVE for SYNC with target: replicas sockets",
            Method::Filed => "Starting BGSAVE for SYNC with target: disk",
        });
        let what = match method {
            Method::Streamed => "Background RDB transfer",
            Method::Filed => "Background saving",
        };
        let pid = std::process::id();
        self.log.notice(&format!("{what} started by pid {pid}"));
        self.hub.running = Some(Synchronizing {
            number,
            follows,
            feed: Some(feed),
            ticket,
            file,
        });
        self.persistence.saving_for_replicas.set(1);
        self.begin_snapshot(0, order);
        Ok(())
    }

    /// The cut is made: the stream goes on from it.
    fn on_sync_cut(&mut self) {
        if let Some(number) = self.hub.running.as_ref().map(|running| running.number) {
            self.cut_sync();
            self.on_placed_cut(number);
        }
    }

    fn cut_sync(&mut self) {
        let Some(running) = &self.hub.running else {
            return;
        };
        let follows = !self.hub.primary.leads();
        if follows != running.follows {
            // The role has changed meanwhile. What is recorded since is nobody's.
            self.give_up_snapshot();
            return self.borrow_all(Errand::Cease);
        }
        if follows {
            let (number, offset) = (running.number, self.hub.primary.history().offset);
            return self.on_cut_in_stream(number, offset);
        }
        if self.hub.merge.is_none()
            && let Ok(ticket) = running.ticket.try_recv()
        {
            let now = self.hub.now();
            let history = self.hub.primary.first_history(self.has_keys());
            self.hub.merge = Some(Merge::new(ticket, history.offset));
            self.hub.primary.begin(now, history);
        }
        self.read_lane();
    }

    /// A cut has come out of the stream, at this offset.
    pub(super) fn on_cut_in_stream(&mut self, number: u64, offset: u64) {
        let id = self.hub.primary.history().id;
        self.tell_standpoint(number, id, offset);
        let is_of_sync = |sync: &Synchronizing| sync.number == number;
        if !self.hub.running.as_ref().is_some_and(is_of_sync) {
            return;
        }
        let name = ReplicationId::random(&mut self.hub.random);
        let mut mark = [0; 40];
        mark.copy_from_slice(name.as_str().as_bytes());
        self.hub.primary.on_cut(offset, mark);
        self.act_for_replicas();
        if let Some(running) = &mut self.hub.running {
            // A file of which nobody was said to be fed has no target to wait.
            running.feed = None;
        }
    }

    fn on_sync_over(&mut self, outcome: Result<(), String>) {
        let now = self.hub.now();
        self.persistence.saving_for_replicas.set(0);
        let has_failed = outcome.is_err();
        self.hub.primary.on_snapshot_over(now, outcome);
        self.act_for_replicas();
        self.hub.running = None;
        if let Some((_, at)) = self.hub.wanted.as_mut().filter(|_| has_failed) {
            *at = now + RETRY_MS;
        }
    }

    pub(super) fn give_up_sync(&mut self) {
        if self.hub.running.is_some() {
            return self.give_up_snapshot();
        }
        if self.hub.wanted.take().is_some() {
            let now = self.hub.now();
            self.hub.primary.on_not_begun(now);
        }
    }

    /// These links get what the snapshot's thread is about to send.
    pub(super) fn feed(&mut self, links: Vec<u64>, mark: [u8; 40]) {
        let until = self.hub.now() + FLUSH_MS;
        let running = self.hub.running.as_mut();
        if let Some(feed) = running.and_then(|running| running.feed.take()) {
            self.hub.undelivered = Some(Undelivered {
                links,
                what: What::Stream(feed, mark.to_vec()),
                until,
            });
        }
        self.deliver_snapshot();
    }

    /// These links get the file that was written.
    pub(super) fn send_file_to(&mut self, links: Vec<u64>) {
        let until = self.hub.now() + FLUSH_MS;
        let running = self.hub.running.as_ref();
        let Some((file, len)) = running.and_then(|running| running.file.try_recv().ok()) else {
            return;
        };
        for line in links.iter().filter_map(|link| self.hub.lines.get(link)) {
            line.wire.send(format!("${len}\r\n").into_bytes());
        }
        self.hub.undelivered = Some(Undelivered {
            links,
            what: What::File(file, len),
            until,
        });
        self.deliver_snapshot();
    }

    /// Hands links' sockets to the thread that sends a file, once what was sent
    /// before has gone.
    pub(super) fn deliver_snapshot(&mut self) {
        let now = self.hub.now();
        let Some(feed) = &self.hub.undelivered else {
            return;
        };
        let lines = &self.hub.lines;
        let is_flushed = |link: &u64| lines.get(link).is_none_or(|line| line.wire.is_flushed());
        let flushed: Vec<bool> = feed.links.iter().map(is_flushed).collect();
        if now < feed.until && flushed.contains(&false) {
            return;
        }
        let feed = self.hub.undelivered.take().expect("it was looked at");
        let mut receiving = Vec::new();
        for (link, is_flushed) in feed.links.into_iter().zip(flushed) {
            let line = self.hub.lines.get(&link).filter(|_| is_flushed);
            match line.and_then(|line| line.wire.handle().ok()) {
                Some(socket) => receiving.push(Receiving { link, socket }),
                None => self.lose_link(link, "it reads nothing"),
            }
        }
        match feed.what {
            What::Stream(to, mark) => {
                // The thread is gone when the snapshot is given up.
                let _gone = to.send(Feed { receiving, mark }).is_err();
            }
            What::File(file, len) => {
                let links: Vec<u64> = receiving.iter().map(|one| one.link).collect();
                if let Err(why) = send_file((file, len), receiving, self.told()) {
                    for link in links {
                        self.lose_link(link, &why);
                    }
                }
            }
        }
    }

    fn lose_link(&mut self, link: u64, why: &str) {
        if self.hub.lines.contains_key(&link) {
            self.log
                .warning(&format!("A replica's file cannot be sent: {why}"));
            let now = self.hub.now();
            self.hub.primary.on_closed(now, link);
            self.drop_line(link);
        }
    }

    /// What became of files on their way.
    pub(super) fn take_deliveries(&mut self) {
        while let Ok(delivery) = self.hub.deliveries.try_recv() {
            match delivery {
                Delivery::Whole(link) => {
                    let now = self.hub.now();
                    self.hub.primary.on_fed(now, link);
                }
                Delivery::Lost(link, why) => self.lose_link(link, &why),
                Delivery::Late(link) => {
                    let now = self.hub.now();
                    self.hub.primary.on_late(now, link);
                }
            }
            self.act_for_replicas();
        }
    }
}
