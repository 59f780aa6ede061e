//! Which cores a request needs.

use crate::base::slot_of;
use crate::resp::Args;
use crate::spec;

use super::database::cursor_core;
use super::table::{Entry, KeyPlan, Run};

/// Slot → core, held by every core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    cores: usize,
}

/// Hash slots of a node.
const SLOTS: usize = 16384;

impl Placement {
    /// Slots in `cores` runs of equal length, in order.
    #[must_use]
    pub fn new(cores: usize) -> Placement {
        assert!((1..=64).contains(&cores), "one bit per core in a word");
        Placement { cores }
    }

    /// How many cores there are.
    #[must_use]
    pub fn cores(self) -> usize {
        self.cores
    }

    /// All cores, one bit each.
    #[must_use]
    pub fn all(self) -> u64 {
        u64::MAX >> (64 - self.cores)
    }

    /// All cores but one.
    pub fn others(self, me: usize) -> impl Iterator<Item = usize> {
        (0..self.cores).filter(move |&core| core != me)
    }

    /// The cores of some keys, one bit each.
    pub fn cores_of_keys<'k>(self, keys: impl Iterator<Item = &'k [u8]>) -> u64 {
        keys.fold(0, |cores, key| cores | 1 << self.core_of(slot_of(key)))
    }

    /// The core that owns a slot.
    #[must_use]
    pub fn core_of(self, slot: u16) -> usize {
        usize::from(slot) * self.cores / SLOTS
    }

    /// The first slot of a core; for the number of cores, the slots' end.
    #[must_use]
    pub fn first_slot(self, core: usize) -> usize {
        (core * SLOTS).div_ceil(self.cores)
    }
}

/// Where a request's keys live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// It names none.
    Nowhere,
    /// On this core.
    One(usize),
    /// On these cores, one bit each.
    Many(u64),
}

impl Route {
    /// These cores, one bit each.
    #[must_use]
    pub fn cores(self) -> u64 {
        match self {
            Route::Nowhere => 0,
            Route::One(core) => 1 << core,
            Route::Many(cores) => cores,
        }
    }
}

/// The cores of which a command must have the shards to run, one bit each;
/// none for one that sees no data.
#[must_use]
pub fn cores_needed(entry: &Entry, args: Args<'_>, placement: Placement) -> u64 {
    match entry.command.run {
        Run::Data(_) | Run::DataOrWhole(..) => route(entry, args, placement).cores(),
        Run::Whole(_) | Run::EverywhereOr(..) => placement.all(),
        Run::AtCursor(_) => 1 << cursor_core(args, placement),
        Run::Here(_)
        | Run::AloneOr(..)
        | Run::Everywhere(_)
        | Run::Led(_)
        | Run::Node(_)
        | Run::Waits(_)
        | Run::EverywhereOrNode(..)
        | Run::Container(_)
        | Run::Exec
        | Run::Script { .. }
        | Run::KillScript { .. } => 0,
    }
}

/// Finds a request's cores; arguments that do not say where the keys are have
/// no route, and the handler refuses them with its own words.
#[must_use]
pub fn route(entry: &Entry, args: Args<'_>, placement: Placement) -> Route {
    if let Run::DataOrWhole(_, reads_unnamed) = entry.command.run
        && reads_unnamed(args)
    {
        return match placement.cores() {
            1 => Route::One(0),
            _ => Route::Many(placement.all()),
        };
    }
    let mut cores = 0u64;
    each_slot(entry, args, |slot| cores |= 1 << placement.core_of(slot));
    match cores.count_ones() {
        0 => Route::Nowhere,
        1 => Route::One(cores.trailing_zeros() as usize),
        _ => Route::Many(cores),
    }
}

/// Tells the slot of each key that a request names.
pub fn each_slot(entry: &Entry, args: Args<'_>, mut tell: impl FnMut(u16)) {
    match entry.keys {
        KeyPlan::None => {}
        KeyPlan::One(index) => {
            if usize::from(index) < args.len() {
                tell(slot_of(args.get(usize::from(index))));
            }
        }
        KeyPlan::Range { first, step, tail } => {
            let end = args.len().saturating_sub(usize::from(tail));
            for index in (usize::from(first)..end).step_by(usize::from(step)) {
                tell(slot_of(args.get(index)));
            }
        }
        KeyPlan::Search => {
            // Keys of a request that is wrong elsewhere are still its keys;
            // the handler refuses it in its own words.
            let _refused_later = spec::each_key(&entry.command.spec, &args, |index, _| {
                tell(slot_of(args.get(index)));
            });
        }
    }
}

impl spec::Words for Args<'_> {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, index: usize) -> &[u8] {
        self.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_the_core_whose_run_it_is_in() {
        for cores in [1, 2, 3, 5, 16, 64] {
            let placement = Placement::new(cores);
            assert_eq!(placement.first_slot(0), 0);
            assert_eq!(placement.first_slot(cores), SLOTS);
            for slot in 0..SLOTS {
                let core = placement.core_of(slot as u16);
                let run = placement.first_slot(core)..placement.first_slot(core + 1);
                assert!(run.contains(&slot), "{cores} cores, slot {slot}");
            }
        }
    }
}
