//! Deadlines of fields, and taking out the fields whose time has come.
//!
//! A hash does not keep its deadlines in order: that would cost more than the
//! deadlines themselves. It knows a moment before which nothing is due, and a
//! sweep over its buckets, a few at a time, that takes out what is due then and
//! finds the next such moment when it has come around.

use crate::value::rules::Rules;

use super::fields::{Fate, Form, Hash, Table, is_alive};

/// No deadline.
const NEVER: u64 = u64::MAX;

/// Where the sweep stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// No field is due before.
    earliest: u64,
    position: u32,
    /// The earliest deadline met or set in this round.
    met: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            earliest: NEVER,
            position: 0,
            met: NEVER,
        }
    }
}

impl Sweep {
    /// A deadline was set.
    pub(super) fn note(&mut self, deadline: u64) {
        self.earliest = self.earliest.min(deadline);
        self.met = self.met.min(deadline);
    }
}

impl Hash {
    /// The moment before which no field is due; `None` without deadlines. May
    /// be earlier than the earliest deadline, never later.
    #[inline]
    pub fn next_deadline(&self) -> Option<u64> {
        let Form::Table(table) = &self.0 else {
            return None;
        };
        (table.sweep.earliest != NEVER).then_some(table.sweep.earliest)
    }

    /// Whether a field may have to go.
    #[inline]
    pub fn is_due(&self, now: u64) -> bool {
        matches!(&self.0, Form::Table(table) if table.sweep.earliest < now)
    }

    /// Looks at up to `buckets` buckets and takes out the fields that are due;
    /// returns how many went, each of
    /// which `removed_field` is told.
    pub fn sweep(
        &mut self,
        now: u64,
        buckets: usize,
        mut removed_field: impl FnMut(&[u8]),
    ) -> usize {
        let Form::Table(table) = &mut self.0 else {
            return 0;
        };
        let Table { fields, sweep } = &mut **table;
        let mut removed = 0;
        let mut due = Vec::new();
        for _ in 0..buckets {
            if fields.volatile_len() == 0 {
                *sweep = Sweep::default();
                break;
            }
            let next = fields.visit(sweep.position, |entry| match entry.deadline() {
                None => {}
                Some(_) if !is_alive(entry, now) => due.push(entry.key().to_vec()),
                Some(deadline) => sweep.met = sweep.met.min(deadline),
            });
            for field in due.drain(..) {
                if fields.remove(&field).is_some() {
                    removed += 1;
                    removed_field(&field);
                }
            }
            sweep.position = next.unwrap_or_default();
            if next.is_none() {
                sweep.earliest = sweep.met;
                sweep.met = NEVER;
                if sweep.earliest >= now {
                    break;
                }
            }
        }
        removed
    }

    /// Sets or clears the deadline of a field; `false` without such a field at
    /// `now`.
    pub fn set_deadline(&mut self, field: &[u8], fate: Fate, now: u64, rules: &Rules) -> bool {
        if self.deadline(field, now).is_none() {
            return false;
        }
        let deadline = match fate {
            Fate::Keep => return true,
            Fate::Clear => None,
            Fate::Until(deadline) => Some(deadline),
        };
        if deadline.is_some() {
            self.become_table(rules);
        }
        if let Form::Table(table) = &mut self.0 {
            table.fields.set_deadline(field, deadline);
            if let Some(deadline) = deadline {
                table.sweep.note(deadline);
            }
        }
        true
    }
}
