//! Active expiry: slices of walking for keys whose time has come.
//!
//! A slice is short and the rest after it longer, so a million keys that end
//! in one second cost a share of the core (`active-expire-effort`) and never
//! one long pause. Before the keys come the hashes with fields whose time has
//! come. Without due keys a tick walks a little and stops.

use crate::keyspace::{Clock, Database, ExpireCursor};
use crate::runtime::clock::Stopwatch;
use crate::session::Regard;

use super::core::Work;

/// One slice; a step of the walk may exceed it by some tens of µs.
const SLICE_NS: u64 = 250_000;

/// The least that is slept away from, so that very short slices do not add up.
const REST_FOR_NS: u64 = SLICE_NS / 4;

/// Buckets walked between two looks at the clock.
const BUCKETS_PER_STEP: usize = 64;

/// Of the share of expired keys, how much one slice's finding counts.
const STALE_WEIGHT: f64 = 0.05;

/// What `active-expire-effort` asks for. 1 and 10 are the ends of stock's
/// documented trade: more processor time for fewer expired keys in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effort {
    /// The most of the core's time that slices take.
    duty_percent: u64,
    /// More than this part of the deadlines met were due: go on.
    stale_percent: usize,
    /// Walked per database and tick when little expires: 100 µs or so at 1.
    buckets_per_tick: usize,
}

impl Effort {
    /// From 1 to 10.
    fn of(setting: u32) -> Effort {
        let more = setting.clamp(1, 10) - 1;
        Effort {
            duty_percent: 25 + 2 * u64::from(more),
            stale_percent: 10 - more as usize,
            buckets_per_tick: 2048 + 512 * more as usize,
        }
    }

    /// How long to leave the core alone after a slice that took so long.
    fn rest_ns(self, took_ns: u64) -> u64 {
        took_ns.max(REST_FOR_NS) * (100 - self.duty_percent) / self.duty_percent
    }
}

/// Where the walks stand.
#[derive(Default)]
pub(super) struct Expiry {
    /// By database.
    cursors: Vec<ExpireCursor>,
    /// The database the next slice begins with, so that all have their turn.
    next_database: usize,
    /// Many due keys were found, and the walk goes on at this stopwatch time.
    pub(super) goes_on_at_ns: Option<u64>,
    /// A moving mean of the share of expired keys among those with a deadline.
    stale_share: f64,
}

/// What a slice met.
#[derive(Default)]
struct Found {
    met: usize,
    due: usize,
    /// Some database had many due keys when its walk was left.
    is_stale: bool,
    is_out_of_time: bool,
}

impl Work {
    /// Walks for due keys for one slice of time.
    pub(super) fn expire_slice(&mut self) {
        if self.local.is_loading {
            // What goes now would not be recorded.
            return;
        }
        let effort = Effort::of(self.local.live.active_expire_effort);
        let clock = self.clock_for(Regard::NoTouch);
        let started = self.watch.ns();
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        let expiry = &mut self.pace.expiry;
        let databases = keyspace.databases();
        expiry.cursors.resize_with(databases, ExpireCursor::default);
        let mut found = Found::default();
        for offset in 0..databases {
            let index = (expiry.next_database + offset) % databases;
            let database = keyspace.db_mut(index);
            if database.own_len() > 0 {
                database.forget_own();
            }
            let until = (&self.watch, started + SLICE_NS);
            if database.listed_len() > 0 {
                visit_hashes(database, &clock, until, &mut found);
            }
            if database.expires_len() > 0 && !found.is_out_of_time {
                let cursor = &mut expiry.cursors[index];
                walk(database, cursor, &clock, effort, until, &mut found);
            }
            if found.is_out_of_time {
                expiry.next_database = index + 1;
                break;
            }
        }
        let took = self.watch.ns() - started;
        expiry.goes_on_at_ns = found
            .is_stale
            .then(|| started + took + effort.rest_ns(took));
        if found.is_out_of_time {
            self.local.count().expired_time_cap_reached.add(1);
        }
        self.local.count().expire_ns.add(took);
        self.note_stale_share(found.due, found.met);
        self.note_latency("expire-cycle", took);
        self.tell_notes();
    }

    /// At a replica: lets those keys go whose deadline its own clients gave, for one
    /// slice of time.
    pub(super) fn expire_own(&mut self) {
        if self.local.is_loading {
            // What goes now would not be recorded.
            return;
        }
        let clock = self.clock_for(Regard::NoTouch);
        let until = self.watch.ns() + SLICE_NS;
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        for index in 0..keyspace.databases() {
            let database = keyspace.db_mut(index);
            if database.own_len() > 0 {
                while database.expire_own_step(&clock) && self.watch.ns() < until {}
            }
        }
        self.tell_notes();
    }

    /// Takes a slice's finding into the mean INFO shows.
    pub(super) fn note_stale_share(&mut self, due: usize, met: usize) {
        let found = if met == 0 {
            0.0
        } else {
            due as f64 / met as f64
        };
        let mean = &mut self.pace.expiry.stale_share;
        *mean += (found - *mean) * STALE_WEIGHT;
        let basis_points = (*mean * 10_000.0) as u64;
        self.local
            .count()
            .expired_stale_basis_points
            .set(basis_points);
    }
}

/// Visits the hashes with fields that are due, until none is or the time is up.
fn visit_hashes(
    database: &mut Database,
    clock: &Clock,
    (watch, until_ns): (&Stopwatch, u64),
    found: &mut Found,
) {
    while database
        .expire_fields_step(clock, BUCKETS_PER_STEP)
        .is_some()
    {
        if watch.ns() >= until_ns {
            found.is_out_of_time = true;
            found.is_stale = true;
            break;
        }
    }
}

/// Walks one database until little is due there, or until the time is up.
fn walk(
    database: &mut Database,
    cursor: &mut ExpireCursor,
    clock: &Clock,
    effort: Effort,
    (watch, until_ns): (&Stopwatch, u64),
    found: &mut Found,
) {
    let (mut walked, mut met, mut due) = (0, 0, 0);
    loop {
        let progress = database.expire_step(cursor, BUCKETS_PER_STEP, clock, |_| {});
        walked += progress.buckets;
        met += progress.visited;
        due += progress.expired;
        let many_due = due * 100 > met * effort.stale_percent;
        let is_enough = progress.is_round || walked >= effort.buckets_per_tick && !many_due;
        found.is_out_of_time = !is_enough && watch.ns() >= until_ns;
        if is_enough || found.is_out_of_time {
            found.is_stale |= many_due;
            break;
        }
    }
    found.met += met;
    found.due += due;
}

#[cfg(test)]
mod tests {
    use super::Effort;

    #[test]
    fn effort_goes_from_a_quarter_of_the_core_to_less_than_half() {
        let (least, most) = (Effort::of(1), Effort::of(10));
        assert_eq!((least.duty_percent, least.stale_percent), (25, 10));
        assert_eq!((most.duty_percent, most.stale_percent), (43, 1));
        assert_eq!(least.rest_ns(300_000), 900_000);
        assert!(most.rest_ns(300_000) < 400_000);
        assert!(most.buckets_per_tick > 3 * least.buckets_per_tick);
    }
}
