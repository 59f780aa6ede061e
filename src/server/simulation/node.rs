//! The node itself: its cores, awake or asleep, its control core and its time.

use std::os::fd::RawFd;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use crate::base::{HashKey, Random};
use crate::command::{Placement, Table, local};
use crate::config::Settings;
use crate::runtime::clock::{imagined, unix_us};
use crate::runtime::core::{Bell, Mailboxes, Postbox};
use crate::shard::Shard;
use crate::telemetry::{Counters, Lineage};

use super::super::aof::FileState;
use super::super::control::{Changes, Control};
use super::super::core::{Core, Parts};
use super::super::dealer::Dealer;
use super::super::door::{self, Announced};
use super::super::errand::Errands;
use super::super::flush::Doors;
use super::super::hub::Hub;
use super::super::jitter::Jitter;
use super::super::log::Log;
use super::super::recording::{FILE, Journal, LANES};
use super::super::snapshot::Saves;
use super::super::upstream::Upstream;
use super::ring::ImaginedRing;

/// See the module.
pub(super) struct Node {
    pub(super) cores: Vec<Core<ImaginedRing>>,
    control: Control,
    /// Until when a core sleeps if nobody wakes it, in nanoseconds.
    asleep: Vec<Option<u64>>,
    now_ns: u64,
    pub(super) is_recorded: bool,
    pub(super) journal: Journal,
}

impl Node {
    /// A node of some cores whose mailboxes hold so many letters.
    pub(super) fn new(
        table: &'static Table,
        settings: &Arc<Settings>,
        (cores, room): (usize, usize),
        dice: &mut Random,
    ) -> Node {
        imagined::set(imagined::BEGAN);
        let placement = Placement::new(cores);
        let mailboxes = Mailboxes::with_room_for(room, cores + 1);
        let counters: Arc<Vec<Counters>> =
            Arc::new((0..cores).map(|_| Counters::default()).collect());
        let hash_key = HashKey([dice.next(), dice.next()]);
        // Nobody hears it: the world asks the control core itself.
        let nobody = Bell::from_descriptor(-1);
        let doors = Doors::new((0..cores as RawFd).collect(), nobody);
        let journal = Journal::new(cores, [nobody; LANES]);
        // Three seeds of four.
        let is_recorded = !hash_key.0[0].is_multiple_of(4);
        let made = (0..cores).map(|core| {
            let mut local = local(core, placement, table, settings);
            local.counters = Arc::clone(&counters);
            local.random = Random::new(dice.next());
            local.system.unix_us = unix_us;
            let databases = local.live.databases as usize;
            let mut shard = Shard::new(core, databases, hash_key);
            if is_recorded {
                shard.recorded_by = FILE;
            }
            let parts = Parts {
                local,
                shard,
                post: Postbox::new(Arc::clone(&mailboxes), core),
                hash_key,
                doors: doors.clone(),
                listeners: Vec::new(),
                journal: journal.clone(),
            };
            let mut core = Core::new(ImaginedRing::default(), parts);
            core.jitter = None;
            core.begin();
            core
        });
        let made: Vec<_> = made.collect();
        let control = Control {
            settings: Settings::clone(settings),
            table,
            post: Postbox::new(mailboxes, cores),
            bell: nobody,
            bells: vec![nobody; cores],
            config_file: None,
            shown: crate::server::shown::Shown::nowhere(),
            log: Log::of(settings),
            counters,
            changes: Changes::default(),
            errands: Errands::default(),
            persistence: Arc::default(),
            upstream: Upstream::new(
                (nobody, hash_key),
                Dealer::new(table, cores),
                Arc::default(),
            ),
            hub: Hub::new(
                settings,
                journal.clone(),
                nobody,
                Arc::default(),
                Lineage::new("0".repeat(40)),
            ),
            loading: None,
            snapshot: None,
            saves: Saves::default(),
            file: FileState {
                orders: mpsc::channel().0,
                bell: nobody,
                journal: journal.clone(),
                is_on: false,
                cuts: 0,
                wanted: None,
            },
            announced: Announced::new(settings, &Log::of(settings)),
            failure: mpsc::channel().0,
            doors: door::Doors::default(),
            unrelieved: Vec::new(),
            relieving: 0,
            has_asked: false,
            clients_limit: 0,
            is_stopping: false,
        };
        Node {
            cores: made,
            control,
            asleep: vec![None; cores],
            now_ns: 0,
            is_recorded,
            journal,
        }
    }

    /// Has letters come late, so many of so many, or none.
    pub(super) fn hold_back(&mut self, letters: Option<(u64, u64)>, dice: &mut Random) {
        for core in &mut self.cores {
            core.jitter = letters.map(|letters| Jitter::awake(dice.next(), letters));
        }
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Time passes.
    pub(super) fn pass(&mut self, ns: u64) {
        self.now_ns += ns;
        imagined::set(imagined::BEGAN + Duration::from_nanos(self.now_ns));
    }

    /// When the first of the sleeping cores wakes by itself.
    pub(super) fn next_wake_ns(&self) -> u64 {
        let wakes = self.asleep.iter().flatten();
        let first = wakes.min().copied();
        first.unwrap_or(self.now_ns).max(self.now_ns)
    }

    /// Whether a turn of this core would be more than sleep.
    pub(super) fn may_run(&self, core: usize) -> bool {
        match self.asleep[core] {
            None => true,
            Some(until) => self.cores[core].ring.has_events() || until <= self.now_ns,
        }
    }

    /// A turn of one core, up to where it asks to sleep.
    pub(super) fn turn(&mut self, at: usize) {
        let core = &mut self.cores[at];
        match self.asleep[at].take() {
            Some(_) => core.after_enter(true),
            None => match core.wait() {
                None => core.after_enter(false),
                Some(wait) => self.asleep[at] = Some(self.now_ns + wait.as_nanos() as u64),
            },
        }
        for woken in std::mem::take(&mut self.cores[at].ring.woken) {
            self.cores[woken].ring.ring_bell();
        }
    }

    /// A turn of the control core.
    pub(super) fn turn_control(&mut self) {
        self.control.read_mail();
        let cores = &mut self.cores;
        self.control
            .post
            .deliver(|core| cores[core].ring.ring_bell());
    }

    /// Whether letters wait for the control core, or for room at another.
    pub(super) fn control_has_work(&self) -> bool {
        self.control.post.has_mail() || self.control.post.has_unsent()
    }

    /// Whether a pause holds somebody back.
    pub(super) fn is_pausing(&self) -> bool {
        let mut cores = self.cores.iter();
        cores.any(|core| !core.work.paused.is_empty())
    }

    /// A core that sleeps while it has mail and nobody has rung.
    pub(super) fn overslept(&self) -> Option<usize> {
        (0..self.cores.len()).find(|&core| {
            let Core { ring, work, .. } = &self.cores[core];
            self.asleep[core].is_some() && !ring.has_events() && work.post.has_mail()
        })
    }
}
