//! Which keys hold hashes with deadlines of fields, in the order in which
//! something is due: what active expiry visits besides the keys' own deadlines.
//!
//! A key is listed under its hash's `next_deadline`, or an earlier moment. A key
//! that has gone, or holds something else, stays listed until it is visited:
//! when its moment has come, or by a round that looks at a few in every step, so
//! that nothing stays for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Bound;

use super::clock::{Clock, Overdue};
use super::database::{Database, Key};
use super::stored::Content;
use crate::base::{keyed_hash, slot_of};
use crate::value::hash::Hash;
use crate::value::{Compound, Typed};

/// Keys looked at in each step for whether they are still to be listed.
pub(super) const VERIFIED_PER_STEP: usize = 4;

/// A moment and the key that has something due then.
type Listed = (u64, Box<[u8]>);

/// See the module. Each key is listed once.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<Listed>,
    by_key: BTreeMap<Box<[u8]>, u64>,
    /// Where the round goes on.
    verified: Listed,
}

impl Agenda {
    /// How many keys are listed.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Lists a key under a moment, or takes it off.
    pub(super) fn put(&mut self, key: &[u8], moment: Option<u64>) {
        let listed = self.by_key.get(key).copied();
        if listed == moment {
            return;
        }
        if let Some(listed) = listed
            && let Some((key, _)) = self.by_key.remove_entry(key)
        {
            self.by_time.remove(&(listed, key));
        }
        if let Some(moment) = moment {
            self.by_time.insert((moment, key.into()));
            self.by_key.insert(key.into(), moment);
        }
    }

    /// The key that is due first, if that is before `now`.
    pub(super) fn due(&self, now: u64) -> Option<Box<[u8]>> {
        let (moment, key) = self.by_time.first()?;
        (*moment < now).then(|| key.clone())
    }

    /// The next key of the round.
    pub(super) fn next_to_verify(&mut self) -> Option<Box<[u8]>> {
        let from = Bound::Excluded(&self.verified);
        let next = self.by_time.range((from, Bound::Unbounded)).next();
        self.verified = next.cloned().unwrap_or_default();
        next.map(|(_, key)| key.clone())
    }
}

/// When a field of the hash is due, if the compound is one.
pub(super) fn moment_of(compound: &Compound) -> Option<u64> {
    Hash::of(compound).and_then(Hash::next_deadline)
}

/// Whether one of its fields has a deadline now: a moment alone may be of one
/// that has gone.
fn has_deadlines(compound: &Compound) -> bool {
    Hash::of(compound).is_some_and(Hash::has_deadlines)
}

impl Database {
    /// Keys that may hold hashes with deadlines of fields.
    pub fn listed_len(&self) -> usize {
        self.agenda.by_key.len()
    }

    /// Whether a hash has a field with a deadline.
    pub fn has_field_deadlines(&self) -> bool {
        self.agenda.by_key.keys().any(|bytes| {
            let compound = self.compound(self.listed_key(bytes));
            compound.is_some_and(has_deadlines)
        })
    }

    /// The compound of a key, if it has one.
    pub(super) fn compound(&self, key: Key<'_>) -> Option<&Compound> {
        let entry = self.slots.find(key.slot, key.hash, key.bytes)?;
        match entry.content() {
            Content::Compound(compound) => Some(compound),
            Content::Int(_) | Content::Text(_) => None,
        }
    }

    /// Learns when a field of a key's hash is due, after deadlines were set.
    pub fn note_fields(&mut self, key: Key<'_>) {
        let moment = self.compound(key).and_then(moment_of);
        if moment.is_some() || !self.agenda.by_key.is_empty() {
            self.agenda.put(key.bytes, moment);
        }
    }

    /// Takes out what is due of a key's hash, looking at up to `buckets` of its
    /// buckets; the key goes with its last field. Nothing, where overdue keys stay, too.
    #[inline]
    pub fn sweep_fields(&mut self, key: Key<'_>, clock: &Clock, buckets: usize) {
        let may_go = clock.overdue == Overdue::Removed && !self.agenda.by_key.is_empty();
        if may_go && self.sweep(key, clock, buckets).is_some() {
            self.note_fields(key);
        }
    }

    /// The fields that went, if the key's hash had any that are due.
    fn sweep(&mut self, key: Key<'_>, clock: &Clock, buckets: usize) -> Option<usize> {
        if !Hash::of(self.compound(key)?)?.is_due(clock.now) {
            return None;
        }
        let mut occupied = self.slots.find_mut(key.slot, key.hash, key.bytes)?;
        let hash = Hash::of_mut(occupied.compound_mut()?)?;
        // Who does the same elsewhere must know all that is gone here.
        let names = self.remains.notes.names_fields();
        let buckets = if names { usize::MAX } else { buckets };
        let mut fields = Vec::new();
        let removed = hash.sweep(clock.now, buckets, |field| {
            if names {
                fields.push(Box::from(field));
            }
        });
        let is_empty = hash.is_empty();
        if removed > 0 {
            self.remains
                .notes
                .fields_expired(key.bytes, fields, is_empty);
        }
        if is_empty {
            self.remains.bury(occupied.remove());
        }
        Some(removed)
    }

    /// One step of active expiry of fields: visits the key that is due first,
    /// and verifies a few others. Returns the fields that went, or `None` when
    /// nothing is due.
    pub fn expire_fields_step(&mut self, clock: &Clock, buckets: usize) -> Option<usize> {
        for _ in 0..VERIFIED_PER_STEP {
            if let Some(bytes) = self.agenda.next_to_verify() {
                self.note_fields(self.listed_key(&bytes));
            }
        }
        let bytes = self.agenda.due(clock.now)?;
        let key = self.listed_key(&bytes);
        let removed = self.sweep(key, clock, buckets);
        self.note_fields(key);
        Some(removed.unwrap_or(0))
    }

    pub(super) fn listed_key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        Key {
            bytes,
            slot: slot_of(bytes),
            hash: keyed_hash(self.slots.hash_key(), bytes),
        }
    }

    /// Forgets everything: the database is empty.
    pub(super) fn forget_agenda(&mut self) {
        drop(mem::take(&mut self.agenda));
        self.forget_own();
    }
}
