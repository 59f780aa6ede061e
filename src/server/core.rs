//! The loop turn of one shard core.
//!
//! Reap, serve, run the mail, background work, replies out, mail out: one
//! `enter` per turn. `Work` is everything of the core but its ring, so that
//! received bytes can be read in place while requests run.

use std::time::Duration;

use crate::base::HashKey;
use crate::command::Local;
use crate::keyspace::{Clock, Discarded, Overdue, Touch};
use crate::runtime::clock::{Stopwatch, unix_ms};
use crate::runtime::core::{Event, Kernel, Listener, Postbox};
use crate::session::{Regard, SessionId};
use crate::shard::Shard;

use super::ahead::Staged;
use super::flush::Doors;
use super::gather::Asks;
use super::hop::Hops;
use super::intake::Connection;
use super::jitter::Jitter;
use super::leave::Leaving;
use super::letter::{Letter, Served};
use super::listen::Listeners;
use super::loan::Loans;
use super::obey::Obeying;
use super::pubsub::Announcements;
use super::recording::{Journal, Recording};
use super::scatter::Scatters;
use super::script::Scripts;
use super::sequence::Sequence;
use super::settle::Settling;
use super::tick::Pace;
use super::vault::Vault;
use super::waiting::Timers;
use super::weight::Scales;
use crate::resp::Span;

/// Letters of one sender run in one turn, so that sockets are not starved.
const LETTERS_PER_TURN: u64 = 256;

/// How long a turn goes on with scripts and what they held up, before it looks
/// for what is new: nanoseconds.
const AT_HAND_NS: u64 = 200_000;

/// What a core is made from.
pub(super) struct Parts {
    pub(super) local: Local,
    pub(super) shard: Box<Shard>,
    pub(super) post: Postbox<Letter>,
    pub(super) hash_key: HashKey,
    pub(super) doors: Doors,
    pub(super) listeners: Vec<Listener>,
    pub(super) journal: Journal,
}

/// A shard core: its ring and its work.
pub(super) struct Core<K> {
    pub(super) ring: K,
    pub(super) work: Work,
    events: Vec<Event>,
    pub(super) jitter: Option<Jitter>,
}

/// Everything of a core but its ring.
pub(super) struct Work {
    pub(super) local: Local,
    pub(super) vault: Vault,
    pub(super) post: Postbox<Letter>,
    pub(super) hops: Hops,
    pub(super) loans: Loans,
    /// Letters that wait for their place in the order of all cores.
    pub(super) sequence: Sequence,
    pub(super) scatters: Scatters,
    pub(super) settling: Settling,
    pub(super) asks: Asks,
    pub(super) announcements: Announcements,
    pub(super) recording: Recording,
    pub(super) connections: Vec<Option<Connection>>,
    /// Sessions whose outbox has something new.
    pub(super) dirty: Vec<SessionId>,
    /// Sessions that may take requests from their inbox again.
    pub(super) resumed: Vec<SessionId>,
    /// How many sessions wait for their keys.
    pub(super) blocked: u64,
    pub(super) timers: Timers,
    /// Answers to blocked requests, to be posted behind the replies that are
    /// being made.
    pub(super) outgoing: Vec<(usize, Letter)>,
    pub(super) scripts: Scripts,
    pub(super) scales: Scales,
    /// Answers to requests of which this core does not know yet that they wait.
    pub(super) early: Vec<Served>,
    /// Sessions that CLIENT PAUSE holds back.
    pub(super) paused: Vec<SessionId>,
    /// Sessions to be read again.
    pub(super) unstopped: Vec<SessionId>,
    /// Sessions whose next request waits until replies before it have been made.
    pub(super) behind: Vec<SessionId>,
    /// Sessions whose clients become replicas.
    pub(super) leaving: Vec<Leaving>,
    /// Sessions to be hung up.
    pub(super) condemned: Vec<SessionId>,
    pub(super) spans: Vec<Span>,
    /// The last word of the request that runs, when it is a giant.
    pub(super) giant: Option<Vec<u8>>,
    pub(super) staged: Vec<Staged>,
    pub(super) hash_key: HashKey,
    pub(super) clock: Clock,
    pub(super) watch: Stopwatch,
    /// When the command that runs began, or the last one ended.
    pub(super) lap: u64,
    /// The one whose turn in the vault's line it is runs now.
    pub(super) is_in_turn: bool,
    pub(super) pace: Pace,
    /// Cleared databases that are being freed.
    pub(super) discarded: Vec<Discarded>,
    pub(super) dealt: u64,
    pub(super) listeners: Listeners,
    pub(super) doors: Doors,
    /// The primary as a client of this core.
    pub(super) obeying: Obeying,
    pub(super) is_stopping: bool,
}

impl<K: Kernel> Core<K> {
    /// A core around its ring, which must be made on this thread.
    pub(super) fn new(ring: K, parts: Parts) -> Core<K> {
        let cores = parts.local.placement.cores();
        let jitter = Jitter::from_environment(parts.local.core);
        let recording = Recording::new(parts.journal, parts.local.core);
        let work = Work {
            sequence: Sequence::new(parts.local.core, cores),
            scatters: Scatters::default(),
            settling: Settling::default(),
            local: parts.local,
            vault: Vault::new(parts.shard),
            post: parts.post,
            hops: Hops::new(cores),
            loans: Loans::default(),
            asks: Asks::default(),
            announcements: Announcements::default(),
            recording,
            connections: Vec::new(),
            dirty: Vec::new(),
            resumed: Vec::new(),
            blocked: 0,
            timers: Timers::default(),
            outgoing: Vec::new(),
            scripts: Scripts::default(),
            scales: Scales::default(),
            early: Vec::new(),
            paused: Vec::new(),
            unstopped: Vec::new(),
            behind: Vec::new(),
            leaving: Vec::new(),
            condemned: Vec::new(),
            spans: Vec::new(),
            giant: None,
            staged: Vec::new(),
            hash_key: parts.hash_key,
            clock: Clock {
                now: unix_ms(),
                touch: Touch::Lru,
                overdue: Overdue::Removed,
            },
            watch: Stopwatch::start(),
            lap: 0,
            is_in_turn: false,
            pace: Pace::default(),
            discarded: Vec::new(),
            dealt: 0,
            listeners: Listeners::new(parts.listeners),
            doors: parts.doors,
            obeying: Obeying::default(),
            is_stopping: false,
        };
        Core {
            ring,
            work,
            events: Vec::new(),
            jitter,
        }
    }

    /// Turns until told to stop.
    pub(super) fn run(mut self) {
        self.begin();
        while !self.work.is_stopping {
            self.turn();
        }
        self.farewell();
    }

    /// What comes before the first turn.
    pub(super) fn begin(&mut self) {
        self.listen();
        self.work.read_settings();
    }

    fn turn(&mut self) {
        let wait = self.wait();
        self.ring.enter(wait);
        self.after_enter(wait.is_some());
    }

    /// All of a turn but its one call of the kernel, in which the core may
    /// have slept.
    pub(super) fn after_enter(&mut self, has_slept: bool) {
        if has_slept {
            self.work.local.count().sleeps.add(1);
            self.work.post.wake_up();
        }
        let began = self.work.watch.ns();
        self.work.begin_turn();
        let mut events = std::mem::take(&mut self.events);
        self.ring.reap(&mut events);
        let happened = events.len() as u64;
        // Who asks now may know that a slow script has ended: what tells of it comes first.
        let early = self.work.local.busy.is_some().then(|| self.read_mail());
        for event in events.drain(..) {
            self.on_event(event);
        }
        self.events = events;
        let letters = early.unwrap_or(0) + self.read_mail();
        self.work.settle();
        self.work.resume_slowed();
        self.work.resume_recorded();
        self.work.resume_behind();
        self.run_at_hand();
        self.work.background();
        self.rearm_listeners();
        self.work.watch_if_waiting();
        self.send_off();
        self.work.count_turn(began, happened, letters);
    }

    /// Serves resumed sessions and runs the scripts whose shards are here, by
    /// turns and for a while: what stands behind a script in its client's
    /// pipeline need not wait for the kernel, nor its reply be sent alone.
    fn run_at_hand(&mut self) {
        // Most turns have none of either, and need no clock.
        if self.work.resumed.is_empty() && self.work.scripts.due.is_empty() {
            return;
        }
        let began = self.work.watch.ns();
        loop {
            self.work.run_resumed();
            self.run_due(began + AT_HAND_NS);
            if self.work.resumed.is_empty() || self.work.watch.ns() - began > AT_HAND_NS {
                return;
            }
        }
    }

    /// Replies and mail go out.
    fn send_off(&mut self) {
        self.work.seal();
        self.send_synced();
        self.hang_up_condemned();
        self.flush();
        self.see_off();
        self.work.post_hops();
        self.post_mail();
    }

    /// Mail goes out.
    pub(super) fn post_mail(&mut self) {
        self.work.seal();
        self.deliver();
        if self.work.post.say_posted() {
            self.work.tell_watchers();
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        let ring = &mut self.ring;
        let doors = &self.work.doors;
        let count = self.work.local.count();
        self.work.post.deliver(|core| {
            count.wakes.add(1);
            doors.knock(core, ring);
        });
    }

    /// A turn while a script runs that takes long: requests and mail are met,
    /// and what may not run now is refused.
    pub(super) fn turn_below_script(&mut self) {
        self.send_off();
        self.ring.enter(None);
        let mut events = Vec::new();
        self.ring.reap(&mut events);
        for event in events {
            self.on_event(event);
        }
        self.read_mail();
        self.work.run_resumed();
        self.send_off();
    }

    /// How long to sleep: not at all with work at hand, else until the next
    /// tick. Says so to the other cores first.
    pub(super) fn wait(&mut self) -> Option<Duration> {
        if self.work.has_work() || !self.work.recording.may_sleep() || !self.work.post.fall_asleep()
        {
            return None;
        }
        Some(self.work.until_tick())
    }

    /// Runs what the others wrote; says how many letters that were.
    fn read_mail(&mut self) -> u64 {
        let mut letters = 0;
        while let Some((from, letter)) = self.work.scripts.put_by.pop_front() {
            self.on_letter(from, letter);
        }
        if let Some(jitter) = &mut self.jitter {
            jitter.doze();
        }
        let cores = self.work.local.placement.cores();
        let mut late = 0_u64;
        // The control core is the one after the last.
        for from in 0..=cores {
            if self.jitter.as_mut().is_some_and(Jitter::holds_back) {
                late |= 1 << from;
                continue;
            }
            letters += self.read_mail_of(from).0;
        }
        if !self.work.sequence.is_empty() {
            letters += self.run_sequence(late);
        }
        letters
    }

    /// Runs letters of one sender: how many, and whether there are no more.
    fn read_mail_of(&mut self, from: usize) -> (u64, bool) {
        for letters in 0..LETTERS_PER_TURN {
            let Some(letter) = self.work.post.receive(from) else {
                return (letters, true);
            };
            self.on_letter(from, letter);
        }
        (LETTERS_PER_TURN, false)
    }

    /// Runs the letters with a stamp that have their place in the order. What
    /// senders have said is read before their mail.
    fn run_sequence(&mut self, late: u64) -> u64 {
        let mut letters = 0;
        let mut unread = 0_u64;
        for from in 0..self.work.local.placement.cores() {
            if !self.work.sequence.asks_for(from) {
                continue;
            }
            if late >> from & 1 == 1 {
                unread |= 1 << from;
                continue;
            }
            let below = self.work.post.posted_below(from);
            let (count, is_all) = self.read_mail_of(from);
            letters += count;
            if is_all {
                self.work.sequence.learn(from, below);
            } else {
                unread |= 1 << from;
            }
        }
        self.work.sequence.has_unread = unread > 0;
        while let Some((from, letter)) = self.work.sequence.next() {
            self.run_letter(from, letter);
        }
        letters
    }

    fn on_letter(&mut self, from: usize, letter: Letter) {
        if let Some(letter) = self.work.sequence.keep_back(from, letter) {
            self.run_letter(from, letter);
        }
    }

    fn run_letter(&mut self, from: usize, letter: Letter) {
        let work = &mut self.work;
        match letter {
            Letter::Connection {
                fd,
                is_unix,
                number,
            } => self.welcome(fd, is_unix, number),
            Letter::Listen(listeners) => self.on_listen(listeners),
            Letter::Batch(batch) => work.on_batch(from, batch),
            Letter::Replies(batch) => work.on_replies(from, batch),
            Letter::Borrow { loan, .. } => work.on_borrow(from, loan),
            Letter::Lend { loan, shard } => work.on_lend(from, loan, shard),
            Letter::Settled => work.settling.is_told(),
            Letter::Return { shard } => work.on_return(shard),
            Letter::Served(served) => work.on_served(*served),
            Letter::RunScript(call) => work.on_run_script(call),
            Letter::Scripted(scripted) => work.on_scripted(&scripted),
            Letter::Script(body) => work.on_script(body),
            Letter::Busy(busy) => work.on_busy(busy),
            Letter::Kill(kill) => work.on_kill(kill),
            Letter::TryAgain(wait) => work.on_try_again(wait),
            Letter::Forget(observer) => work.on_forget(observer),
            Letter::Ask { ask, request } => work.on_ask(from, ask, request),
            Letter::Answer { ask, bytes } => work.on_answer(from, ask, bytes),
            Letter::AskHolder { request, shard } => work.answer_holder(from, &request, shard),
            Letter::HeldAnswer { .. } => unreachable!("whoever asked waits for it"),
            Letter::Settings {
                change,
                settings,
                live,
            } => {
                work.local.settings = settings;
                let before = std::mem::replace(&mut work.local.live, live);
                work.read_settings();
                if work.local.live.is_replica() && !before.is_replica() {
                    work.end_all_waits();
                }
                if before.holds_writes && !work.local.live.holds_writes {
                    work.resume_paused();
                }
                work.post.post(from, Letter::TakenOver { change });
            }
            Letter::Relieve => work.relieve_memory(),
            Letter::RelieveClients => work.relieve_clients(),
            Letter::TrustWeights => {
                work.trust_weights();
                work.post.post(from, Letter::Relieved);
            }
            Letter::News { news, ask } => work.on_news(from, &news, ask),
            Letter::Known { ask } => work.on_known(ask),
            Letter::Publish(publication) => work.deliver(&publication),
            Letter::Feed(line) => work.feed_monitors(&line),
            Letter::Unmonitored => work.local.monitored &= !(1 << from),
            Letter::Lead(decision) => work.on_lead(from, decision),
            Letter::Decided(decided) => work.on_decided(*decided),
            Letter::LendAll { errand } => work.on_lend_all(errand),
            Letter::MakeCut(order) => work.on_make_cut(order),
            Letter::SaveFailed(failed) => work.local.save_failed = failed,
            Letter::Loaded {
                keyspace,
                functions,
            } => work.on_loaded(keyspace, &functions),
            Letter::Libraries { functions, flush } => {
                if flush {
                    work.local.functions.flush();
                }
                work.load_libraries(&functions);
            }
            Letter::LoadingBegins { is_served } => {
                work.local.is_loading = !is_served;
                work.local.is_async_loading = is_served;
            }
            Letter::LoadingOver => {
                work.local.is_loading = false;
                work.local.is_async_loading = false;
            }
            Letter::Obey(order) => work.on_order(*order),
            Letter::Met { number } => work.on_met(number),
            Letter::Parted { number } => work.on_parted(number),
            Letter::Lineage(lineage) => work.local.lineage = lineage,
            Letter::CaughtUp(id) => work.on_caught_up(id),
            Letter::ReplicaLeft(id) => work.on_replica_left(id),
            Letter::Replicas(replicas) => work.local.replicas = replicas,
            Letter::Announce(words) => work.tell_replicas(words),
            Letter::Decide(_)
            | Letter::Recruit(_)
            | Letter::EndWait { .. }
            | Letter::TakenOver { .. }
            | Letter::Relieved
            | Letter::Log { .. }
            | Letter::Sleep(_)
            | Letter::CatchUp(_)
            | Letter::AllLent { .. }
            | Letter::Emptied { .. }
            | Letter::Applied { .. }
            | Letter::Drained
            | Letter::CutMade { .. }
            | Letter::SavePoint(_)
            | Letter::Installed => {
                unreachable!("a shard core is not the control core")
            }
            Letter::Stop => work.is_stopping = true,
        }
    }

    /// Sends what is ready a last time, for a moment at most.
    fn farewell(mut self) {
        self.flush();
        self.ring.enter(Some(Duration::from_millis(1)));
    }
}

impl Work {
    fn begin_turn(&mut self) {
        self.clock.now = unix_ms();
        // Nothing changes by itself while clients are paused, and at a replica only what
        // its own clients have written.
        let live = &self.local.live;
        self.clock.overdue = match live.is_replica() {
            _ if self.local.is_paused() => Overdue::Left,
            true if live.replica_read_only => Overdue::Left,
            true => Overdue::Own,
            false => Overdue::Removed,
        };
    }

    /// Begins to measure commands that follow each other.
    pub(super) fn begin_lap(&mut self) -> u64 {
        self.lap = self.watch.ns();
        self.lap
    }

    /// Nanoseconds since the last command ended, or since `begin_lap`: one look
    /// at the clock per command instead of two.
    pub(super) fn lap(&mut self) -> u64 {
        let now = self.watch.ns();
        now - std::mem::replace(&mut self.lap, now)
    }

    /// The turn's clock for one client.
    pub(super) fn clock_for(&self, regard: Regard) -> Clock {
        match regard {
            Regard::Usual => self.clock,
            Regard::NoTouch => Clock {
                touch: Touch::Leave,
                ..self.clock
            },
            Regard::Obeyed => Clock {
                overdue: Overdue::Found,
                ..self.clock
            },
        }
    }

    /// Books a turn of the loop that began at this stopwatch time.
    fn count_turn(&mut self, began: u64, events: u64, letters: u64) {
        let held_up = self.post.take_held_up();
        let count = self.local.count();
        count.mailbox_full.add(held_up);
        count.loop_turns.add(1);
        if events + letters > 0 {
            count.busy_turns.add(1);
            count.busy_ns.add(self.watch.ns() - began);
            count.mail_received.add(letters);
        }
    }

    /// Whether a request may use the keyspace now.
    pub(super) fn vault_is_open(&mut self) -> bool {
        if self.is_in_turn {
            self.vault.at_home().is_some()
        } else {
            self.vault.open().is_some()
        }
    }

    fn has_work(&self) -> bool {
        !self.resumed.is_empty()
            || !self.condemned.is_empty()
            || self.discarded.iter().any(Discarded::may_be_freed)
            || self.pace.walk_goes_on && self.vault.is_home()
            || self.pace.frees_go_on
            || self.obeying.goes_on()
            || self.pace.relief.goes_on
            || self.post.has_unsent()
            || self.vault.has_ready()
            || self.settling.looks_again
            || !self.scripts.due.is_empty()
            || !self.scripts.put_by.is_empty()
    }

    /// Something that a session waited for is done. After the last it takes
    /// requests again, later in this turn.
    pub(super) fn resume(&mut self, id: SessionId) {
        use crate::session::Stage;
        if let Some(session) = self.local.roster.find(id) {
            session.awaiting = session.awaiting.saturating_sub(1);
            if session.awaiting > 0 {
                return;
            }
            if session.client.close_asap {
                session.stage = Stage::Closing;
            } else if session.stage == Stage::Waiting {
                session.stage = Stage::Open;
            }
            self.resumed.push(id);
        }
    }

    /// Serves resumed sessions from their inboxes.
    pub(super) fn run_resumed(&mut self) {
        while let Some(id) = self.resumed.pop() {
            self.serve_inbox(id);
        }
    }
}
