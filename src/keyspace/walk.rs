//! Visiting many keys: SCAN, one slot, keys by chance.
//!
//! A SCAN cursor is `position << 14 | slot`: the slots one after the other,
//! and in each the position that `memory`'s table walks upwards. It says
//! nothing of shards or sizes, so it stays good while the table grows, and on
//! another number of cores.

use super::clock::{Clock, Overdue};
use super::database::{Database, is_expired};
use super::found::Found;
use super::stored::Entry;
use crate::base::Random;
use crate::memory::{Among, Position, SLOTS};

/// Bits of a SCAN cursor that say the slot.
pub const SCAN_SLOT_BITS: u32 = SLOTS.trailing_zeros();

/// Draws before the first entry that comes is taken.
const DRAWS_MAX: usize = 256;

/// Lanes a drawn entry may be in: a bucket and one overflow. An empty lane is
/// drawn again, so a full bucket is not less likely for each of its entries.
const DRAWN_LANES: u64 = 14;

/// Buckets a sample looks at for each entry it wants.
const BUCKETS_PER_SAMPLE: usize = 16;

fn position_of(cursor: u64) -> Position {
    Position {
        slot: (cursor & (SLOTS as u64 - 1)) as u16,
        within: (cursor >> SCAN_SLOT_BITS) as u32,
    }
}

fn cursor_of(position: Position) -> u64 {
    u64::from(position.within) << SCAN_SLOT_BITS | u64::from(position.slot)
}

/// A key that a walk meets. One whose time has come counts as well, or a call
/// could go on for as long as there are such.
pub enum Met<'m, 'e> {
    Live(&'m Found<'e>),
    /// Its name.
    Overdue(&'m [u8]),
}

impl Database {
    /// Visits keys from `cursor` on until `count` were met, by whole buckets;
    /// returns where to go on, 0 at the end. Every key that is there from the
    /// first call to the last is visited at least once. Any number is a valid
    /// cursor.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        clock: &Clock,
        mut visit: impl FnMut(&Found<'_>),
    ) -> u64 {
        let visit = |met: Met<'_, '_>| {
            if let Met::Live(found) = met {
                visit(found);
            }
        };
        self.scan_below((SLOTS, cursor), count, clock, visit)
            .unwrap_or(0)
    }

    /// As `scan`, over the slots below `end`: a shard's part of a walk that
    /// goes through several shards. `None` when nothing below `end` is left.
    pub fn scan_below(
        &self,
        (end, cursor): (usize, u64),
        count: usize,
        clock: &Clock,
        mut visit: impl FnMut(Met<'_, '_>),
    ) -> Option<u64> {
        let mut met = 0;
        let mut position = self.occupied_from(position_of(cursor), Among::All)?;
        loop {
            if usize::from(position.slot) >= end {
                return None;
            }
            if met >= count {
                return Some(cursor_of(position));
            }
            let next = self.slots.visit(position, |entry| {
                met += 1;
                let found = Found::new(entry);
                visit(match is_expired(entry, clock.due()) {
                    true => Met::Overdue(found.key()),
                    false => Met::Live(&found),
                });
            });
            position = self.position_after(position, next, Among::All)?;
        }
    }

    /// `position`, or the beginning of the next slot that holds something.
    pub(super) fn occupied_from(&self, position: Position, among: Among) -> Option<Position> {
        let slot = self.slots.next_slot(position.slot, among)?;
        let is_same = slot == position.slot;
        let within = if is_same { position.within } else { 0 };
        Some(Position { slot, within })
    }

    /// Goes on in the slot, if it does, or in the next one.
    pub(super) fn position_after(
        &self,
        position: Position,
        next: Option<u32>,
        among: Among,
    ) -> Option<Position> {
        let slot = position.slot;
        match next {
            Some(within) => Some(Position { slot, within }),
            None if usize::from(slot) + 1 == SLOTS => None,
            None => {
                let slot = slot + 1;
                self.occupied_from(Position { slot, within: 0 }, among)
            }
        }
    }

    /// Keys in one hash slot (CLUSTER COUNTKEYSINSLOT).
    pub fn slot_len(&self, slot: u16) -> usize {
        self.slots.slot_counts(slot).all as usize
    }

    /// Visits every live key of one hash slot.
    pub fn slot_visit(&self, slot: u16, clock: &Clock, mut visit: impl FnMut(&Found<'_>)) {
        let mut next = Some(0);
        while let Some(within) = next {
            next = self.slots.visit(Position { slot, within }, |entry| {
                if !is_expired(entry, clock.due()) {
                    visit(&Found::new(entry));
                }
            });
        }
    }

    /// A live key, each about as likely as any other. Expired keys that are
    /// drawn are removed, where they may be. `None` when no draw met a live key: the database is
    /// empty, or holds hundreds of expired keys for each live one.
    pub fn random(&mut self, random: &mut Random, clock: &Clock) -> Option<Found<'_>> {
        let mut rank = 0;
        let mut position = Position::default();
        for draw in 0..DRAWS_MAX {
            let slot = self.draw_slot(random, Among::All)?;
            let buckets = self.slots.slot_buckets(slot) as u64;
            // The reversed number of a bucket is a position in it.
            let within = (random.below(buckets) as u32).reverse_bits();
            position = Position { slot, within };
            rank = if draw < DRAWS_MAX / 2 {
                random.below(DRAWN_LANES)
            } else {
                0
            };
            let Some(occupied) = self.slots.find_at(position, nth(rank)) else {
                continue;
            };
            if !is_expired(occupied.entry(), clock.due()) {
                break;
            }
            if clock.overdue == Overdue::Removed {
                self.remains.expire(occupied.remove());
            }
        }
        let entry = self.slots.find_at(position, nth(rank))?.into_entry();
        (!is_expired(entry, clock.due())).then(|| Found::new(entry))
    }

    /// A slot, the likelier the more such entries it holds.
    fn draw_slot(&self, random: &mut Random, among: Among) -> Option<u16> {
        let held = self.slots.counts().of(among);
        if held == 0 {
            return None;
        }
        self.slots.slot_of_rank(random.below(held), among)
    }

    /// Visits up to `count` live keys from a place drawn by chance on: the
    /// candidates for eviction. Looks at 16 buckets for each at most, so a
    /// database with few deadlines may give fewer.
    pub fn sample(
        &self,
        random: &mut Random,
        count: usize,
        among: Among,
        clock: &Clock,
        mut visit: impl FnMut(&Found<'_>),
    ) {
        let Some(slot) = self.draw_slot(random, among) else {
            return;
        };
        let within = random.next() as u32;
        let mut position = Position { slot, within };
        let mut visited = 0;
        for _ in 0..count * BUCKETS_PER_SAMPLE {
            let next = self.slots.visit(position, |entry| {
                let is_meant = among == Among::All || entry.has_deadline();
                if visited < count && is_meant && !is_expired(entry, clock.due()) {
                    visited += 1;
                    visit(&Found::new(entry));
                }
            });
            if visited == count {
                return;
            }
            let after = self.position_after(position, next, among);
            let Some(after) = after.or_else(|| self.occupied_from(Position::default(), among))
            else {
                return;
            };
            position = after;
        }
    }
}

/// Wants the entry number `rank` of those it is asked about.
fn nth(rank: u64) -> impl FnMut(&Entry) -> bool {
    let mut left = rank;
    move |_| {
        let is_it = left == 0;
        left = left.wrapping_sub(1);
        is_it
    }
}
