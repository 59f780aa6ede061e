//! Full synchronisations that the node gives: a snapshot, and to whom it is sent.

use bytes::Bytes;

use crate::replication::tests::story::Applied;
use crate::replication::{Method, ReplicationId, Stage, Standing};

use super::super::around::Around;
use super::super::book::Point;
use super::errands::Errand;
use super::{Basalt, File};

/// How long a replica may take to read the few bytes before its file.
const FLUSH_MS: u64 = 1000;

/// Between two snapshots of which the first could not begin.
const RETRY_MS: u64 = 1000;

/// A snapshot under way.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    /// The stream is a primary's.
    follows: bool,
    method: Method,
    /// What is in it, once its moment has come.
    applied: Option<Applied>,
    /// The control core has heard of that.
    is_told: bool,
    /// Who is fed is not known yet.
    is_uncut: bool,
    /// The file, when its place in the history is known.
    file: Option<Bytes>,
    /// The stream was not made before.
    begins: bool,
    fails: bool,
    /// When all of it has been read.
    over_at: Option<u64>,
    is_given_up: bool,
}

/// Links that are to get a file when everything before it has gone.
#[derive(Debug)]
pub(super) struct Undelivered {
    number: u64,
    links: Vec<u64>,
    file: Bytes,
    until: u64,
}

/// A file on its way to a link.
#[derive(Debug)]
pub(super) struct Sending {
    /// Of the snapshot.
    number: u64,
    rest: Bytes,
    /// Its end will not come.
    is_doomed: bool,
    moved_at: u64,
}

/// The snapshot under way, if it is the one of this number.
fn numbered(running: &mut Option<Running>, number: u64) -> Option<&mut Running> {
    running.as_mut().filter(|running| running.number == number)
}

impl Basalt {
    /// Begins the snapshot that is wanted, if nothing stands in its way.
    pub(super) fn begin_wanted_sync(&mut self, around: &mut Around) {
        let Some((method, at)) = self.wanted else {
            return;
        };
        let is_changing = self.demotion.is_some() || self.is_ceasing;
        if around.now < at || is_changing || !self.may_begin_sync() {
            return;
        }
        let follows = !self.primary.leads();
        if follows && !self.follower.is_settled() {
            // What was given out is applied first; more is not read until the cut.
            return;
        }
        self.wanted = None;
        if around.fails(15) {
            around.seen.failed_snapshots += 1;
            self.wanted = Some((method, around.now + RETRY_MS));
            return;
        }
        self.snapshots += 1;
        let number = self.snapshots;
        self.running = Some(Running {
            number,
            follows,
            method,
            applied: None,
            is_told: false,
            is_uncut: true,
            file: None,
            begins: false,
            fails: around.fails(10),
            over_at: None,
            is_given_up: false,
        });
        self.send_for(around, Errand::Cut(number));
    }

    fn may_begin_sync(&self) -> bool {
        self.running.is_none() && self.undelivered.is_none() && !self.resync.is_loading()
    }

    /// Whether the primary's stream is held until a cut is made.
    pub(super) fn holds_stream(&self, around: &Around) -> bool {
        if self.follower.stage() != Stage::Streaming {
            return false;
        }
        let is_due = self.wanted.is_some_and(|(_, at)| at <= around.now);
        let is_cutting = self
            .running
            .as_ref()
            .is_some_and(|running| running.is_uncut);
        is_cutting || is_due && self.may_begin_sync()
    }

    /// The moment of a snapshot: all shards are in hand.
    pub(super) fn on_cut(&mut self, around: &mut Around, number: u64) {
        let Some(running) = numbered(&mut self.running, number) else {
            return;
        };
        if running.is_given_up {
            return;
        }
        running.applied = Some(self.data.clone());
        if !running.follows {
            running.begins = !self.lane.is_merged();
            self.lane.mark(around, number);
        }
        self.send_for(around, Errand::CutTold(number));
    }

    /// The control core hears of it: the stream goes on from it.
    pub(super) fn on_cut_told(&mut self, around: &mut Around, number: u64) {
        let Some(running) = numbered(&mut self.running, number) else {
            return;
        };
        running.is_told = true;
        let follows = !self.primary.leads();
        if follows != running.follows {
            // The role has changed meanwhile. What is recorded since is nobody's.
            self.give_up_snapshot();
            return self.send_for(around, Errand::Cease);
        }
        if follows {
            let offset = self.primary.history().offset;
            return self.on_cut_in_stream(around, number, offset);
        }
        if running.begins && !self.lane.is_merged() {
            let applied = running.applied.clone().expect("its moment has come");
            let history = self.primary.first_history(!applied.data.is_empty());
            let at = Point {
                id: history.id,
                offset: history.offset,
            };
            around.book.begin(at, &applied, None);
            around.book.hold(at.id, self.holds);
            self.lane.merge();
            self.primary.begin(around.now, history);
        }
        self.read_lane(around, false);
    }

    /// A cut has come out of the stream, at this offset.
    pub(super) fn on_cut_in_stream(&mut self, around: &mut Around, number: u64, offset: u64) {
        let id = self.primary.history().id;
        let leads = self.primary.leads();
        let standing = match leads {
            true => Some((id, 0)),
            false => self.follower.standing().map(|at| (at.id, at.database)),
        };
        let Some(running) = numbered(&mut self.running, number) else {
            return;
        };
        if leads {
            self.lane.forget_database();
        }
        let applied = running.applied.clone().expect("its moment has come");
        let standing = standing.map(|(id, database)| Standing {
            id,
            offset,
            database,
        });
        let file = File {
            applied,
            standing,
            holds: None,
            lineage: None,
        };
        running.file = Some(file.bytes().into());
        let mark = ReplicationId::random(&mut self.names);
        let mark: [u8; 40] = mark.as_str().as_bytes().try_into().expect("40 digits");
        self.primary.on_cut(offset, mark);
        self.act_for_replicas(around);
        let over_at = around.soon(200);
        if let Some(running) = &mut self.running {
            running.is_uncut = false;
            running.over_at = Some(over_at);
        }
    }

    /// These links get what is being read, as it comes.
    pub(super) fn feed(&mut self, around: &mut Around, links: Vec<u64>, mark: [u8; 40]) {
        let Some(running) = &self.running else { return };
        around.seen.shared += u64::from(links.len() > 1);
        let mut file = running.file.as_ref().expect("it is cut").to_vec();
        file.extend(mark);
        if running.fails {
            file.truncate(around.dice.below(file.len() as u64 - 40) as usize);
        }
        self.undelivered = Some(Undelivered {
            number: running.number,
            links,
            file: file.into(),
            until: around.now + FLUSH_MS,
        });
        self.deliver_snapshot(around);
    }

    /// These links get the file that was written.
    pub(super) fn send_file_to(&mut self, around: &mut Around, links: Vec<u64>) {
        let running = self.running.as_ref().expect("it was just written");
        around.seen.shared += u64::from(links.len() > 1);
        let file = running.file.clone().expect("it is whole");
        for link in &links {
            if let Some(line) = self.lines.get(link) {
                let header = format!("${}\r\n", file.len());
                around.net.send(line.end, header.into());
            }
        }
        self.undelivered = Some(Undelivered {
            number: running.number,
            links,
            file,
            until: around.now + FLUSH_MS,
        });
        self.deliver_snapshot(around);
    }

    /// Gives links to who sends a file, once what was sent before has gone.
    pub(super) fn deliver_snapshot(&mut self, around: &mut Around) {
        let Some(undelivered) = &self.undelivered else {
            return;
        };
        let is_flushed = |link: &u64| {
            let line = self.lines.get(link);
            line.is_none_or(|line| around.net.unsent(line.end) == 0)
        };
        let flushed: Vec<bool> = undelivered.links.iter().map(is_flushed).collect();
        if around.now < undelivered.until && flushed.contains(&false) {
            return;
        }
        let undelivered = self.undelivered.take().expect("it was looked at");
        let running = self.running.as_ref();
        let is_doomed = running.is_some_and(|running| running.fails || running.is_given_up);
        for (link, is_flushed) in undelivered.links.into_iter().zip(flushed) {
            match self.lines.get_mut(&link) {
                Some(line) if is_flushed => {
                    line.sending = Some(Sending {
                        number: undelivered.number,
                        rest: undelivered.file.clone(),
                        is_doomed,
                        moved_at: around.now,
                    });
                }
                Some(_) => self.lose_link(around, link),
                None => {}
            }
        }
    }

    fn lose_link(&mut self, around: &mut Around, link: u64) {
        self.primary.on_closed(around.now, link);
        self.drop_line(around, link);
    }

    /// The snapshot, and files that are being sent.
    pub(super) fn tend_snapshot(&mut self, around: &mut Around) {
        self.send_files(around);
        let Some(running) = &self.running else { return };
        let is_undelivered = self.undelivered.is_some() && running.method == Method::Streamed;
        let is_over = running.over_at.is_some_and(|at| at <= around.now);
        if running.is_given_up && self.undelivered.take().is_some() {
            return;
        }
        let is_cutting = running.applied.is_some() && !running.is_told;
        let is_ended = match running.is_given_up {
            true => !is_cutting,
            false => is_over && !is_undelivered,
        };
        if !is_ended {
            return;
        }
        let outcome = match (running.is_given_up, running.fails) {
            (true, _) => Err("it was given up".to_owned()),
            (_, true) => Err("the disk is full".to_owned()),
            (false, false) => Ok(()),
        };
        let has_failed = outcome.is_err();
        around.seen.failed_snapshots += u64::from(running.fails);
        self.primary.on_snapshot_over(around.now, outcome);
        self.act_for_replicas(around);
        self.running = None;
        if let Some((_, at)) = self.wanted.as_mut().filter(|_| has_failed) {
            *at = around.now + RETRY_MS;
        }
    }

    fn send_files(&mut self, around: &mut Around) {
        let timeout_ms = around.rules.timeout_ms;
        let most = if around.rules.is_heavy { 1 << 20 } else { 4000 };
        let (mut fed, mut late) = (Vec::new(), Vec::new());
        for (link, line) in &mut self.lines {
            let Some(sending) = &mut line.sending else {
                continue;
            };
            if around.net.unsent(line.end) > 0 {
                if around.now > sending.moved_at + timeout_ms {
                    late.push(*link);
                }
                continue;
            }
            sending.moved_at = around.now;
            if !sending.rest.is_empty() {
                let len = (1 + around.dice.below(most)).min(sending.rest.len() as u64);
                let piece = sending.rest.split_to(len as usize);
                around.net.send(line.end, piece);
            } else if !sending.is_doomed {
                line.sending = None;
                fed.push(*link);
            }
        }
        for link in fed {
            self.primary.on_fed(around.now, link);
            self.act_for_replicas(around);
        }
        for link in late {
            self.primary.on_late(around.now, link);
            self.act_for_replicas(around);
        }
    }

    pub(super) fn give_up_sync(&mut self, around: &mut Around) {
        if self.running.is_some() {
            return self.give_up_snapshot();
        }
        if self.wanted.take().is_some() {
            self.primary.on_not_begun(around.now);
        }
    }

    /// What has not been sent of it will not be.
    pub(super) fn give_up_snapshot(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        running.is_given_up = true;
        if running.over_at.is_some() && running.method == Method::Streamed {
            for line in self.lines.values_mut() {
                if let Some(sending) = &mut line.sending
                    && sending.number == running.number
                {
                    sending.is_doomed = true;
                    sending.rest.clear();
                }
            }
        }
    }
}
