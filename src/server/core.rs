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

/// How long a turn goes on with scripts and what they held up, before it looks
/// for what is new: nanoseconds.
const AT_HAND_NS: u64 = 200_000;

/// How long a core that is one of several goes on with what came in before it looks at
/// its mail, and sends its own: who waits for a core waits no longer for its clients.
/// Nanoseconds.
const UNREAD_NS: u64 = 200_000;

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
    /// Connections sent to each core.
    pub(super) dealt_to: Vec<u64>,
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
            dealt_to: vec![0; cores],
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
        let is_one_of_several = self.work.local.placement.cores() > 1;
        // Who asks now may know that a slow script has ended: what tells of it comes first.
        let early = self.work.local.busy.is_some().then(|| self.read_mail());
        let mut letters = early.unwrap_or(0);
        let mut looked = began;
        for event in events.drain(..) {
            self.on_event(event);
            let is_long = self.work.watch.ns() - looked > UNREAD_NS || self.ring.is_hasty();
            if is_one_of_several && is_long {
                letters += self.read_mail();
                self.work.settle();
                // Scripts wait: one that takes long would take up what has come in
                // behind it before these events.
                self.work.run_resumed_until(looked + 2 * UNREAD_NS);
                self.send_off();
                looked = self.work.watch.ns();
            }
        }
        self.events = events;
        letters += self.read_mail();
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
            // All of them: cut short, each turn sends the few replies of a few requests.
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
        debug_assert!(
            !self.work.post.is_holding(),
            "what is held has something to wait for"
        );
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
            || self.sequence.has_own_next()
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

    /// Serves resumed sessions from their inboxes, first come, first served, until this
    /// stopwatch time; the rest is served later.
    fn run_resumed_until(&mut self, until_ns: u64) {
        let mut resumed = std::mem::take(&mut self.resumed);
        let mut served = 0;
        for id in &resumed {
            served += 1;
            self.serve_inbox(*id);
            if self.watch.ns() > until_ns {
                break;
            }
        }
        resumed.drain(..served);
        resumed.append(&mut self.resumed);
        self.resumed = resumed;
    }

    /// Serves resumed sessions from their inboxes, and whoever is resumed by that.
    pub(super) fn run_resumed(&mut self) {
        while let Some(id) = self.resumed.pop() {
            self.serve_inbox(id);
        }
    }
}
