//! The primary side of all links: who may go on from where, who gets everything
//! and when, and the stream for those who have it.
//!
//! Invariants: the history's offset is the stream's end; a link that receives,
//! loads or is online has its next byte in the stream.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::replication::follower::Level;
use crate::replication::history::{History, Resume};
use crate::replication::id::ReplicationId;

use super::action::{Action, Method, Tally};
use super::closing::Limits;
use super::guard::{Claim, Guard, Served};
use super::link::{Arrival, Asked, Link, State};
use super::stream::{Overflow, Stream};

/// Between two words to a replica that waits for its file, and between looks at
/// what is late.
const WORD_MS: u64 = 1000;

/// What one hears that has more data than this node: stock replicas, too, keep what
/// they have and ask again.
const REFUSAL: &[u8] =
    b"-NOMASTERLINK this node started with less data than you have, see its log \
    and repl-protect-replicas\r\n";

/// Between two lines of the log on that.
const REFUSED_MS: u64 = 10_000;

/// Bytes of the stream that a link is given before the system has taken them.
const WINDOW_BYTES: u64 = 1 << 20;

/// Bytes of the stream kept in memory for links that are behind; what is older goes to the
/// overflow.
const MEMORY_BYTES: u64 = 8 << 20;

/// The same while the overflow takes nothing, and how many more come before it is asked
/// again.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
const ASKED_AGAIN_BYTES: u64 = 1 << 20;

/// What the settings say. Times are milliseconds.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `repl-backlog-size`.
    pub backlog_bytes: u64,
    /// `repl-backlog-ttl`; 0 is for ever.
    pub backlog_ttl_ms: u64,
    /// `repl-timeout`.
    pub timeout_ms: u64,
    /// `repl-ping-replica-period`.
    pub ping_ms: u64,
    /// `repl-diskless-sync`, its delay, and the links at which it waits no longer
    /// (0: none).
    pub streams: bool,
    pub delay_ms: u64,
    pub links_at_once: usize,
    /// `repl-protect-replicas`.
    pub protects: bool,
    /// How far behind the stream a link may be.
    pub limits: Limits,
}

/// A link, as INFO tells of it.
#[derive(Clone, Copy, Debug)]
pub struct LinkInfo<'a> {
    pub ip: &'a str,
    pub port: u16,
    pub state: State,
    /// Its file is not being made any more: it is being sent, or loaded.
    pub has_file: bool,
    pub acknowledged: u64,
    /// Milliseconds of the machine's clock.
    pub heard_at: u64,
}

/// A full synchronisation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sync {
    pub(super) number: u64,
    pub(super) method: Method,
    /// The offset of its moment, once that has come.
    pub(super) cut_at: Option<u64>,
    /// Nobody wants it any more.
    pub(super) is_given_up: bool,
}

/// See the module. Times are milliseconds of one clock.
#[derive(Debug)]
pub struct Primary<O> {
    pub(super) policy: Policy,
    pub(super) history: History,
    pub(super) stream: Stream<O>,
    /// Bytes of it that may be in memory now.
    memory_bytes: u64,
    /// Whether the stream is kept: not before the first replica.
    is_on: bool,
    /// This node makes the stream; else it hands on its primary's.
    leads: bool,
    pub(super) links: BTreeMap<u64, Link>,
    next_link: u64,
    pub(super) sync: Option<Sync>,
    pub(super) syncs: u64,
    /// Since when there is no link.
    pub(super) lonely_since: u64,
    pinged_at: u64,
    guard: Guard,
    pub(super) served: Served,
    /// When the log may hear again of replicas that are refused.
    refused_at: u64,
    /// Replicas that were dropped for being behind, and when.
    pub(super) dropped: BTreeMap<String, u64>,
    pub(super) actions: VecDeque<Action>,
}

impl<O: Overflow> Primary<O> {
    /// One that leads a history and has no stream yet.
    pub fn new(history: History, policy: Policy, overflow: O) -> Primary<O> {
        Primary {
            policy,
            stream: Stream::new(history.offset, overflow),
            memory_bytes: MEMORY_BYTES,
            history,
            is_on: false,
            leads: true,
            links: BTreeMap::new(),
            next_link: 0,
            sync: None,
            syncs: 0,
            lonely_since: 0,
            pinged_at: 0,
            guard: Guard::default(),
            served: Served::default(),
            refused_at: 0,
            dropped: BTreeMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// What the settings say now.
    pub fn on_settings(&mut self, policy: Policy) {
        self.policy = policy;
        self.trim();
    }

    /// The next thing to do.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The history, and how far it has come.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether this node makes the stream.
    pub fn leads(&self) -> bool {
        self.leads
    }

    /// All links: each one's number, where it takes clients, how far it is and says
    /// it is, and when it was last heard of.
    pub fn links(&self) -> impl Iterator<Item = LinkInfo<'_>> {
        self.links.values().map(Link::info)
    }

    /// The same, without those of replicas that have come again, and whose end nobody has
    /// heard of: what they said may be of an earlier life.
    pub fn replicas(&self) -> impl Iterator<Item = LinkInfo<'_>> {
        let links = self.links.iter();
        let last = links.filter(|(number, link)| !self.is_replaced(**number, link));
        last.map(|(_, link)| link.info())
    }

    fn is_replaced(&self, number: u64, link: &Link) -> bool {
        let mut later = self.links.range(number + 1..);
        later.any(|(_, later)| later.replaces(link))
    }

    /// Whether the stream is kept.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The number of the stream's first byte that is here, and one behind the last.
    pub fn backlog(&self) -> std::ops::Range<u64> {
        self.stream.first()..self.stream.end() + 1
    }

    /// Bytes of the stream in memory, and how many of these are beyond what the backlog
    /// may have.
    pub fn in_memory(&self) -> (u64, u64) {
        let bytes = self.stream.in_memory();
        (bytes, bytes.saturating_sub(self.policy.backlog_bytes))
    }

    /// How far a link is, and the offset it has acknowledged.
    pub fn link(&self, link: u64) -> Option<(State, u64)> {
        let link = self.links.get(&link)?;
        Some((link.state, link.acknowledged.unwrap_or(0)))
    }

    /// Links that get the stream and have applied it up to this offset.
    pub fn acknowledged(&self, offset: u64) -> usize {
        let has = |(_, link): &(u64, &Link)| link.acknowledged >= Some(offset);
        self.online().filter(has).count()
    }

    /// The same, with all of that on their disks.
    pub fn on_disk(&self, offset: u64) -> usize {
        let has = |(_, link): &(u64, &Link)| link.on_disk >= Some(offset);
        self.online().filter(has).count()
    }

    /// Links that get the stream and were heard of within this time.
    pub fn healthy(&self, now: u64, lag_ms: u64) -> usize {
        let is_fresh = |(_, link): &(u64, &Link)| now.saturating_sub(link.heard_at) <= lag_ms;
        self.online().filter(is_fresh).count()
    }

    /// Links that get the stream, with their numbers: one for each replica.
    fn online(&self) -> impl Iterator<Item = (u64, &Link)> {
        let links = self.links.iter().map(|(number, link)| (*number, link));
        let online = links.filter(|(_, link)| link.state == State::Online);
        online.filter(|(number, link)| !self.is_replaced(*number, link))
    }

    /// Where its stream goes that has no room in memory.
    #[cfg(test)]
    pub(in crate::replication) fn overflow(&mut self) -> &mut O {
        self.stream.overflow()
    }

    /// Begins to keep the stream: the bytes behind this history's offset come.
    pub fn begin(&mut self, now: u64, history: History) {
        self.close_served("the history is another one");
        self.stream.restart(history.offset);
        self.history = history;
        self.is_on = true;
        self.lonely_since = now;
        self.pinged_at = now;
    }

    /// The stream is not kept any more: what is written from now on is in no
    /// history that anybody could go on from.
    pub fn cease(&mut self, id: ReplicationId) {
        self.close_all("the stream ends");
        let end = self.stream.end();
        self.stream.restart(end);
        self.history.id = id;
        self.history.earlier = None;
        self.is_on = false;
    }

    /// Leads from now on: the history goes on under this name.
    pub fn lead(&mut self, now: u64, id: ReplicationId) {
        self.close_all("this node is a primary now");
        self.history.rename(id);
        self.leads = true;
        self.pinged_at = now;
    }

    /// The node has begun, with data that others may have had more of. Of a history that
    /// has no stream, this is the name now.
    pub fn on_start(&mut self, guard: Guard, id: Option<ReplicationId>) {
        self.guard = guard;
        if let Some(id) = id {
            debug_assert!(!self.is_on, "who follows it would not know");
            self.history.id = id;
        }
    }

    /// The data is somebody else's from now on: replicas are to have that.
    pub fn on_linked(&mut self) {
        self.guard = Guard::default();
    }

    /// What replicas from before may have.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Hands on from now on what its primary sends.
    pub fn follow(&mut self) {
        self.close_all("this node is a replica now");
        self.leads = false;
    }

    /// The primary goes on with its history under another name, which replicas
    /// of this node have to learn.
    pub fn adopt(&mut self, id: ReplicationId) {
        self.close_all("the history has another name");
        self.history.rename(id);
    }

    /// A connection asks for the stream; the link's number.
    pub fn on_arrival(&mut self, now: u64, arrival: Arrival) -> u64 {
        let number = self.next_link;
        self.next_link += 1;
        let mut link = Link::new(arrival, now);
        let who = link.arrival.who();
        self.notice(format!("Replica {who} asks for synchronization"));
        if let Asked::Psync(Some(resume)) = link.arrival.asked {
            let backlog = self.backlog();
            if self.is_on && self.history.continues(&resume, backlog.clone()) {
                self.actions.push_back(Action::Count(Tally::Continued));
                let more = backlog.end - resume.from;
                self.notice(format!(
                    "Partial resynchronization request from {who} accepted. Sending {more} bytes \
                     of backlog starting from offset {}.",
                    resume.from
                ));
                let answer = match link.arrival.psync2 {
                    true => format!("+CONTINUE {}\r\n", self.history.id),
                    false => "+CONTINUE\r\n".to_owned(),
                };
                self.served.note(&link.arrival.ip, link.arrival.port);
                link.state = State::Online;
                link.next = resume.from;
                link.acknowledged = Some(resume.from - 1);
                self.links.insert(number, link);
                self.send(number, answer.into_bytes().into());
                self.feed(number);
                return number;
            }
            self.actions.push_back(Action::Count(Tally::NotContinued));
            let has_data = self.served.has(&link.arrival.ip, link.arrival.port);
            if self.policy.protects
                && !has_data
                && let Some(claim) = self.guard.robs(now, &resume, &self.history.id)
            {
                self.refuse(now, number, &who, &resume, claim);
                return number;
            }
            self.notice(format!(
                "Partial resynchronization not accepted: {who} has {}:{}, this node {}:{}",
                resume.id, resume.from, self.history.id, backlog.end
            ));
        }
        self.actions.push_back(Action::Count(Tally::Full));
        self.links.insert(number, link);
        self.join_sync(number);
        self.look_at_sync(now);
        number
    }

    /// Tells one that has more data than this node to keep it. It is no link: it hangs
    /// up and comes again.
    fn refuse(&mut self, now: u64, number: u64, who: &str, resume: &Resume, lost: Claim) {
        let bytes = Bytes::from_static(REFUSAL);
        self.actions.push_back(Action::Send {
            link: number,
            bytes,
        });
        if now < self.refused_at {
            return;
        }
        self.refused_at = now + REFUSED_MS;
        let began = match lost.offset {
            Some(offset) => format!("with {offset} of {}", lost.id),
            None if lost.id == resume.id => "without them".to_owned(),
            None => format!("with what there was before {}", lost.id),
        };
        self.warn(format!(
            "Replica {who} has {} bytes of history {}; this node started {began}. A full \
             synchronization would destroy what only the replica has, so it is refused. Make the \
             replica the primary (REPLICAOF NO ONE there, REPLICAOF here), or give the data up \
             with CONFIG SET repl-protect-replicas no",
            resume.from - 1,
            resume.id
        ));
    }

    /// Tells a connection, by this number, that it will be none of the links.
    pub fn turn_away(&mut self, why: &'static [u8]) -> u64 {
        let link = self.next_link;
        self.next_link += 1;
        let bytes = Bytes::from_static(why);
        self.actions.push_back(Action::Send { link, bytes });
        link
    }

    /// Bytes have come from a link.
    pub fn on_bytes(&mut self, now: u64, number: u64, bytes: &[u8]) {
        let end = self.stream.end();
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        link.heard_at = now;
        let Ok(said) = link.on_bytes(bytes) else {
            self.close(number, "it sends what is no request");
            return;
        };
        if let Some(words) = said.asked {
            let who = link.arrival.who();
            self.actions.push_back(Action::Asked {
                link: number,
                who,
                words,
            });
        }
        for word in said.acknowledged {
            // Nobody has what there is not.
            let on_disk = word.on_disk.map(|offset| offset.min(end));
            link.acknowledged = link.acknowledged.max(Some(word.offset.min(end)));
            link.on_disk = link.on_disk.max(on_disk);
            if link.state == State::Loading {
                link.begin_to_catch_up(now, end);
            }
        }
        if link.state == State::Online {
            self.feed(number);
        }
    }

    /// A link's connection is gone.
    pub fn on_closed(&mut self, now: u64, number: u64) {
        if self.links.remove(&number).is_some() {
            self.on_gone(now);
        }
    }

    /// So many bytes that a link was given have not been taken by the system.
    pub fn on_unsent(&mut self, number: u64, bytes: u64) {
        if let Some(link) = self.links.get_mut(&number) {
            link.unsent = bytes;
            if link.state == State::Online {
                self.feed(number);
            }
        }
    }

    /// The stream goes on; links get it by `flow`.
    pub fn on_stream(&mut self, bytes: Bytes) {
        if self.is_on {
            self.stream.push(bytes);
            self.history.offset = self.stream.end();
        }
    }

    /// Links get what has come of the stream, once for all of it.
    pub fn flow(&mut self) {
        let mut next = 0;
        while let Some((number, link)) = self.links.range(next..).next() {
            next = *number + 1;
            if link.state == State::Online {
                self.feed(next - 1);
            }
        }
        self.trim();
    }

    /// When `on_time` has something to do.
    pub fn deadline(&self, now: u64) -> Option<u64> {
        if self.links.is_empty() {
            let ttl_ms = self.policy.backlog_ttl_ms;
            let ceases = self.is_on && self.leads && ttl_ms > 0;
            return ceases.then(|| self.lonely_since + ttl_ms);
        }
        let pings = self.is_on && self.leads;
        let next = now + WORD_MS;
        Some(if pings {
            next.min(self.pinged_at + self.policy.ping_ms)
        } else {
            next
        })
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: u64) {
        let timeout_ms = self.policy.timeout_ms;
        let mut late = Vec::new();
        let mut words = Vec::new();
        for (number, link) in &mut self.links {
            let waits = match link.state {
                State::Waiting => true,
                State::Receiving => !link.is_given,
                State::Loading | State::Online => false,
            };
            if waits {
                if now >= link.word_at {
                    link.word_at = now + WORD_MS;
                    words.push(*number);
                }
            } else if link.state != State::Receiving
                && link.acknowledges()
                && now > link.heard_at + timeout_ms
            {
                late.push(*number);
            }
        }
        for number in words {
            self.send(number, Bytes::from_static(b"\n"));
        }
        for number in late {
            self.close_late(number, "streaming sync");
        }
        self.close_those_behind(now);
        self.look_at_sync(now);
        if !self.is_on || !self.leads {
            return;
        }
        let ttl_ms = self.policy.backlog_ttl_ms;
        if self.links.is_empty() {
            if ttl_ms > 0 && now >= self.lonely_since + ttl_ms {
                self.actions.push_back(Action::Cease);
            }
        } else if now >= self.pinged_at + self.policy.ping_ms {
            self.pinged_at = now;
            self.actions.push_back(Action::Ping);
        }
    }

    /// Gives a link of the stream what it has room for.
    pub(super) fn feed(&mut self, number: u64) {
        loop {
            let Some(link) = self.links.get_mut(&number) else {
                return;
            };
            if link.unsent >= WINDOW_BYTES || link.next > self.stream.end() {
                return;
            }
            match self.stream.read(link.next) {
                Ok(bytes) => {
                    link.next += bytes.len() as u64;
                    self.send(number, bytes);
                }
                Err(why) => {
                    self.warn(format!("The stream cannot be read again: {why}"));
                    return self.close(number, "its part of the stream is lost");
                }
            }
        }
    }

    pub(super) fn send(&mut self, number: u64, bytes: Bytes) {
        if let Some(link) = self.links.get_mut(&number) {
            link.unsent += bytes.len() as u64;
            self.actions.push_back(Action::Send {
                link: number,
                bytes,
            });
        }
    }

    /// Lets go of what nobody needs.
    pub(super) fn trim(&mut self) {
        let backlog = self.policy.backlog_bytes;
        loop {
            let behind = self.links.iter();
            let behind = behind.filter(|(_, link)| link.state != State::Waiting);
            let last = behind.min_by_key(|(_, link)| link.next);
            let (last, needed) = last.map_or((None, None), |(number, link)| {
                (Some(*number), Some(link.next))
            });
            let is_asked = self.stream.in_memory() > self.memory_bytes.max(backlog);
            let Err(why) = self.stream.trim(backlog, needed, self.memory_bytes) else {
                if is_asked || self.stream.in_memory() <= MEMORY_BYTES {
                    self.memory_bytes = MEMORY_BYTES;
                }
                return;
            };
            let kept = self.stream.in_memory();
            if kept < MEMORY_BYTES_MAX {
                if self.memory_bytes == MEMORY_BYTES {
                    self.warn(format!("The stream for replicas stays in memory: {why}"));
                }
                self.memory_bytes = kept + ASKED_AGAIN_BYTES;
                return;
            }
            let Some(last) = last else { return };
            self.warn(format!("The stream cannot be kept for all replicas: {why}"));
            self.close(last, "what it needs cannot be kept");
        }
    }

    pub(super) fn notice(&mut self, text: String) {
        self.actions.push_back(Action::Log(Level::Notice, text));
    }

    pub(super) fn warn(&mut self, text: String) {
        self.actions.push_back(Action::Log(Level::Warning, text));
    }
}
