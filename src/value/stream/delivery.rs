//! Giving entries to consumers: new ones, pending ones again, and those that
//! others have had for too long.

use super::consumers::ConsumerSlot;
use super::entries::Entries;
use super::group::{BOTH, Group, Pending};
use super::id::Id;
use super::node::Entry;
use super::walk::Direction;

/// Whether a consumer will say that it is done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    Expected,
    /// Nothing becomes pending.
    Waived,
}

/// How a claimed entry is to be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub consumer: ConsumerSlot,
    /// Only what was given so long ago.
    pub idle_min_ms: u64,
    /// What counts as the time of delivery from then on.
    pub delivered_at: u64,
    pub deliveries: Deliveries,
    /// Whether what is not pending becomes so.
    pub force: bool,
}

/// What becomes of the number of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliveries {
    OneMore,
    AsBefore,
    Set(u64),
}

/// What became of a claimed id.
#[derive(Clone, Debug)]
pub enum Claimed<'e> {
    Taken(Entry<'e>),
    /// The entry is no more, and so is not pending any more as it was.
    Deleted(Pending),
    /// Not pending, or not for long enough.
    Left,
}

/// How far a walk over pending entries came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// Where to go on; zero at the end.
    pub next: Id,
    /// Entries that were taken over or found deleted.
    pub changed: u64,
}

/// Pending entries looked at for each that is wanted.
const ATTEMPTS: u64 = 10;

impl Group {
    /// Gives up to `count` entries that the group has not read to a consumer;
    /// returns how many.
    pub fn deliver<'e>(
        &mut self,
        entries: &'e Entries,
        consumer: ConsumerSlot,
        count: usize,
        acknowledgement: Acknowledgement,
        now: u64,
        mut show: impl FnMut(Entry<'e>),
    ) -> usize {
        let mut given = 0;
        for entry in entries.after(self.last_id).take(count) {
            let id = entry.id;
            self.entries_read = match self.entries_read {
                Some(read) if !entries.has_gap_from(id) => Some(read.wrapping_add(1)),
                before if entries.history.added == 0 => before,
                Some(_) | None => entries.rank(id),
            };
            self.last_id = id;
            if acknowledgement == Acknowledgement::Expected {
                let pending = Pending {
                    consumer,
                    delivered_at: now,
                    deliveries: 1,
                };
                self.assign(id, pending);
            }
            show(entry);
            given += 1;
        }
        if given > 0 && acknowledgement == Acknowledgement::Expected {
            self.consumer_mut(consumer).active_at = Some(now);
        }
        given
    }

    /// Gives up to `count` entries that are pending at a consumer, those behind
    /// an id, to it again; `None` for one that is no more. Returns how many.
    pub fn deliver_again<'e>(
        &mut self,
        entries: &'e Entries,
        consumer: ConsumerSlot,
        after: Id,
        count: usize,
        now: u64,
        mut show: impl FnMut(Id, Option<Entry<'e>>),
    ) -> usize {
        let Some(start) = after.next() else {
            return 0;
        };
        let mut given = 0;
        for &id in self
            .consumers
            .get(consumer)
            .pending
            .range(start..)
            .take(count)
        {
            let entry = entries.range(id, id, Direction::Forward).next();
            if entry.is_some() {
                let pending = self.pending.get_mut(&id).expect(BOTH);
                if self.before.is_kept() {
                    self.before.keep(id, Some(*pending));
                }
                pending.delivered_at = now;
                pending.deliveries = pending.deliveries.wrapping_add(1);
            }
            show(id, entry);
            given += 1;
        }
        given
    }

    /// Gives one entry that is pending at anybody to a consumer.
    pub fn claim<'e>(
        &mut self,
        entries: &'e Entries,
        id: Id,
        claim: &Claim,
        now: u64,
    ) -> Claimed<'e> {
        let Some(entry) = entries.range(id, id, Direction::Forward).next() else {
            return match self.find_pending(id) {
                Some(pending) => {
                    self.acknowledge(id);
                    Claimed::Deleted(pending)
                }
                None => Claimed::Left,
            };
        };
        let deliveries = match self.find_pending(id) {
            Some(pending) => {
                if now.saturating_sub(pending.delivered_at) < claim.idle_min_ms {
                    return Claimed::Left;
                }
                pending.deliveries
            }
            // As if it had been given once before.
            None if claim.force => 1,
            None => return Claimed::Left,
        };
        let pending = Pending {
            consumer: claim.consumer,
            delivered_at: claim.delivered_at,
            deliveries: match claim.deliveries {
                Deliveries::OneMore => deliveries.wrapping_add(1),
                Deliveries::AsBefore => deliveries,
                Deliveries::Set(deliveries) => deliveries,
            },
        };
        self.assign(id, pending);
        self.consumer_mut(claim.consumer).active_at = Some(now);
        Claimed::Taken(entry)
    }

    /// Claims up to `count` pending entries from an id on. Looks at ten times
    /// as many, so that one call takes no longer than that.
    pub fn claim_stale<'e>(
        &mut self,
        entries: &'e Entries,
        start: Id,
        count: u64,
        claim: &Claim,
        now: u64,
        mut show: impl FnMut(Id, Claimed<'e>),
    ) -> Stale {
        let mut stale = Stale::default();
        let mut next = self.pending.range(start..).next().map(|(&id, _)| id);
        for _ in 0..count.saturating_mul(ATTEMPTS) {
            let Some(id) = next.filter(|_| stale.changed < count) else {
                break;
            };
            let claimed = self.claim(entries, id, claim, now);
            stale.changed += u64::from(!matches!(claimed, Claimed::Left));
            show(id, claimed);
            next = self.pending_after(id);
        }
        stale.next = next.unwrap_or_default();
        stale
    }
}
