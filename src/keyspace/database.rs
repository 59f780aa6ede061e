//! One database of one shard: what commands do with a key.
//!
//! A key whose deadline has passed is not there: whoever meets it first
//! removes it and counts it. Every operation finds its key once.

use std::mem;
use std::ops::Range;

use super::agenda::{Agenda, moment_of};
use super::clock::{Clock, Overdue};
use super::discarded::Discarded;
use super::found::Found;
use super::notes::{Note, Noted};
use super::owned::{Lifetime, Owned, OwnedContent};
use super::stored::{Content, Entry, NewValue, Occupied, Remains, Slots};
use crate::base::{HashKey, Random, parse_i64, write_i64};
use crate::memory::{INLINE_MAX, Marks};
use crate::value::Compound;

/// A key with its slot and hash, computed once.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub bytes: &'a [u8],
    pub slot: u16,
    pub hash: u64,
}

#[derive(Debug)]
pub struct Database {
    pub(super) slots: Slots,
    pub(super) remains: Remains,
    pub(super) agenda: Agenda,
    /// See the module `own`.
    pub(super) own: Agenda,
    random: Random,
    /// Where a short value is edited, kept to spare the allocation.
    scratch: Vec<u8>,
}

/// Stock Redis keeps a key during its last millisecond.
#[inline]
pub(super) fn is_expired(entry: &Entry, now: u64) -> bool {
    entry.deadline().is_some_and(|deadline| now > deadline)
}

/// The key if it is there and alive; removes it if its time has come.
#[inline]
fn live<'a>(
    slots: &'a mut Slots,
    remains: &mut Remains,
    key: Key<'_>,
    now: u64,
) -> Option<Occupied<'a>> {
    let occupied = slots.find_mut(key.slot, key.hash, key.bytes)?;
    if is_expired(occupied.entry(), now) {
        remains.expire(occupied.remove());
        return None;
    }
    Some(occupied)
}

impl Database {
    pub(super) fn new(hash_key: HashKey) -> Self {
        Self {
            slots: Slots::new(hash_key),
            remains: Remains::default(),
            agenda: Agenda::default(),
            own: Agenda::default(),
            random: Random::new(0),
            scratch: Vec::new(),
        }
    }

    /// Keys, those included whose time has come but that nobody met.
    pub fn len(&self) -> usize {
        self.slots.counts().all as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys with a deadline.
    pub fn expires_len(&self) -> usize {
        self.slots.counts().volatile as usize
    }

    /// Keys removed so far because their deadline passed.
    pub fn expired(&self) -> u64 {
        self.remains.expired()
    }

    #[inline]
    fn live(&mut self, key: Key<'_>, now: u64) -> Option<Occupied<'_>> {
        live(&mut self.slots, &mut self.remains, key, now)
    }

    /// Removes a key if its time has come.
    pub(super) fn remove_expired(&mut self, key: Key<'_>, now: u64) {
        let _alive = self.live(key, now).is_some();
    }

    /// Puts a key where there is none.
    #[inline]
    fn insert(&mut self, key: Key<'_>, value: NewValue<'_>, marks: Marks) {
        self.slots
            .insert(key.slot, key.hash, key.bytes, value, marks);
        self.remains.notes.new_key(key.bytes);
    }

    /// Writes down these things that happen to keys, from now on.
    pub fn note(&mut self, noted: Noted) {
        self.remains.notes.choose(noted);
    }

    /// Whether anything was written down since it was last asked for.
    #[inline]
    pub fn has_notes(&self) -> bool {
        !self.remains.notes.is_empty()
    }

    /// What was written down since it was last asked for.
    pub fn take_notes(&mut self) -> Vec<Note> {
        self.remains.notes.take()
    }

    /// Whether there is such a key; marks nothing.
    pub fn has(&mut self, key: Key<'_>, clock: &Clock) -> bool {
        match clock.overdue {
            Overdue::Removed => self.live(key, clock.due()).is_some(),
            Overdue::Left | Overdue::Own | Overdue::Found => self.peek(key, clock.due()).is_some(),
        }
    }

    /// Looks a key up and marks it as read. One whose time has come is not found.
    #[inline]
    pub fn find(&mut self, key: Key<'_>, clock: &Clock) -> Option<Found<'_>> {
        let occupied = self.slots.find_mut(key.slot, key.hash, key.bytes)?;
        if is_expired(occupied.entry(), clock.due()) {
            if clock.overdue == Overdue::Removed {
                self.remains.expire(occupied.remove());
            }
            return None;
        }
        let entry = occupied.into_entry();
        if let Some(access) = clock.access_of_read(entry.access(), &mut self.random) {
            entry.set_access(access);
        }
        Some(Found::new(entry))
    }

    /// Looks a key up and changes nothing: an expired one stays, unseen.
    #[inline]
    pub fn peek(&self, key: Key<'_>, now: u64) -> Option<Found<'_>> {
        let entry = self.slots.find(key.slot, key.hash, key.bytes)?;
        (!is_expired(entry, now)).then(|| Found::new(entry))
    }

    /// Stores a text; a canonical decimal is stored as an integer.
    #[inline]
    pub fn set(&mut self, key: Key<'_>, text: &[u8], lifetime: Lifetime, clock: &Clock) {
        let value = parse_i64(text).map_or(NewValue::Text(text), NewValue::Int);
        self.store(key, value, lifetime, clock);
    }

    /// As `set`, but a long text moves in.
    pub fn set_owned(&mut self, key: Key<'_>, text: Vec<u8>, lifetime: Lifetime, clock: &Clock) {
        if text.len() <= INLINE_MAX {
            self.set(key, &text, lifetime, clock);
        } else {
            self.store(key, NewValue::Owned(text.into()), lifetime, clock);
        }
    }

    /// As `set_owned`, but the text is raw, whatever it holds.
    pub fn set_raw(&mut self, key: Key<'_>, text: Vec<u8>, lifetime: Lifetime, clock: &Clock) {
        let value = if text.len() <= INLINE_MAX {
            NewValue::Text(&text)
        } else {
            NewValue::Owned(text.into())
        };
        self.store_as(key, value, lifetime, true, clock);
    }

    pub fn set_int(&mut self, key: Key<'_>, number: i64, lifetime: Lifetime, clock: &Clock) {
        self.store(key, NewValue::Int(number), lifetime, clock);
    }

    #[inline]
    fn store(&mut self, key: Key<'_>, value: NewValue<'_>, lifetime: Lifetime, clock: &Clock) {
        self.store_as(key, value, lifetime, false, clock);
    }

    #[inline]
    fn store_as(
        &mut self,
        key: Key<'_>,
        value: NewValue<'_>,
        lifetime: Lifetime,
        is_modified: bool,
        clock: &Clock,
    ) {
        let deadline = match lifetime {
            Lifetime::Keep | Lifetime::Forever => None,
            Lifetime::Until(deadline) => {
                self.list_own(key, deadline, clock);
                Some(deadline)
            }
        };
        let mut marks = Marks {
            deadline,
            access: clock.access_of_new(),
            is_modified,
        };
        let Some(occupied) = live(&mut self.slots, &mut self.remains, key, clock.due()) else {
            self.insert(key, value, marks);
            return;
        };
        let entry = occupied.entry();
        if lifetime == Lifetime::Keep {
            marks.deadline = entry.deadline();
        }
        // An overwritten key keeps how often it was asked for.
        if let Some(access) = clock.access_of_read(entry.access(), &mut self.random) {
            marks.access = access;
        }
        self.remains.replace(occupied, value, marks);
    }

    /// Stores a compound that has elements.
    pub fn set_compound(
        &mut self,
        key: Key<'_>,
        compound: Compound,
        lifetime: Lifetime,
        clock: &Clock,
    ) {
        let has_deadlines = moment_of(&compound).is_some();
        let value = NewValue::Compound(compound);
        self.store(key, value, lifetime, clock);
        if has_deadlines {
            self.note_fields(key);
        }
    }

    /// The compound of a key, to be changed in place; marks it as
    /// read. A string is an error.
    #[inline]
    pub fn compound_mut(
        &mut self,
        key: Key<'_>,
        clock: &Clock,
    ) -> Option<Result<&mut Compound, NotCompound>> {
        let occupied = live(&mut self.slots, &mut self.remains, key, clock.due())?;
        let entry = occupied.into_changing();
        if let Some(access) = clock.access_of_read(entry.access(), &mut self.random) {
            entry.set_access(access);
        }
        Some(entry.compound_mut().ok_or(NotCompound))
    }

    /// The compound of a key, to be changed in place; `new` appears where there
    /// is none. Marks it as read. A string is an error.
    #[inline]
    pub fn compound_or_new(
        &mut self,
        key: Key<'_>,
        clock: &Clock,
        new: impl FnOnce() -> Compound,
    ) -> Result<&mut Compound, NotCompound> {
        let place = self.live(key, clock.due()).map(|occupied| occupied.place());
        let entry = match place {
            Some(place) => {
                let entry = self.slots.at(key.slot, place).into_changing();
                if let Some(access) = clock.access_of_read(entry.access(), &mut self.random) {
                    entry.set_access(access);
                }
                entry
            }
            None => {
                let marks = Marks {
                    deadline: None,
                    access: clock.access_of_new(),
                    is_modified: false,
                };
                let value = NewValue::Compound(new());
                self.insert(key, value, marks);
                let occupied = self.slots.find_mut(key.slot, key.hash, key.bytes);
                occupied.expect("it was just put there").into_entry()
            }
        };
        entry.compound_mut().ok_or(NotCompound)
    }

    /// Removes a key whose compound has no elements left; of one that has, what
    /// was cut out is freed in steps.
    pub fn prune(&mut self, key: Key<'_>) -> bool {
        let Some(mut occupied) = self.slots.find_mut(key.slot, key.hash, key.bytes) else {
            return false;
        };
        let Some(compound) = occupied.compound_mut() else {
            return false;
        };
        let is_empty = compound.is_empty();
        if is_empty {
            self.remains.bury(occupied.remove());
        } else if compound.is_mending() {
            self.remains.mending.insert(key.bytes.into());
        }
        is_empty
    }

    /// Edits the text of a key, which is empty when the key is not there. The
    /// result is raw, whatever it holds, and keeps its deadline. A long text
    /// is edited where it is, in no other bytes than `changes` and behind its end;
    /// `len_hint` is the length it is expected to have.
    pub fn edit(
        &mut self,
        key: Key<'_>,
        clock: &Clock,
        len_hint: usize,
        changes: Range<usize>,
        edit: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut marks = Marks {
            deadline: None,
            access: clock.access_of_new(),
            is_modified: true,
        };
        let mut text = mem::take(&mut self.scratch);
        text.clear();
        let occupied = live(&mut self.slots, &mut self.remains, key, clock.due());
        let Some(mut occupied) = occupied else {
            text.reserve(len_hint);
            edit(&mut text);
            self.insert(key, short_or_owned(&mut text), marks);
            self.keep_scratch(text);
            return;
        };
        let access = occupied.entry().access();
        if let Some(access) = clock.access_of_read(access, &mut self.random) {
            occupied.set_access(access);
        }
        if let Some(long) = occupied.long_text_mut() {
            edit(long.changing(changes));
            self.keep_scratch(text);
            return;
        }
        let entry = occupied.entry();
        text.reserve(len_hint);
        match entry.content() {
            Content::Text(short) => text.extend_from_slice(short),
            Content::Int(number) => write_i64(&mut text, number),
            Content::Compound(_) => unreachable!("only strings are edited as text"),
        }
        marks.deadline = entry.deadline();
        marks.access = entry.access();
        edit(&mut text);
        occupied.replace(short_or_owned(&mut text), marks);
        self.keep_scratch(text);
    }

    /// Keeps the buffer for the next edit, unless it has grown large.
    fn keep_scratch(&mut self, text: Vec<u8>) {
        if text.capacity() <= 4 * INLINE_MAX {
            self.scratch = text;
        }
    }

    /// Sets or clears a deadline; `false` when there is no such key.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline: Option<u64>, clock: &Clock) -> bool {
        let Some(mut occupied) = self.live(key, clock.due()) else {
            return false;
        };
        occupied.set_deadline(deadline);
        if let Some(deadline) = deadline {
            self.list_own(key, deadline, clock);
        }
        true
    }

    /// Removes a key; `false` when it is not there.
    pub fn remove(&mut self, key: Key<'_>, clock: &Clock) -> bool {
        let Some(occupied) = self.live(key, clock.due()) else {
            return false;
        };
        let entry = occupied.remove();
        self.remains.bury(entry);
        true
    }

    /// Frees what was cut out of a value, in steps if it is large.
    pub fn bury(&mut self, cut: Compound) {
        self.remains.bury_compound(cut);
    }

    /// Takes a value out; a long text moves.
    pub fn take(&mut self, key: Key<'_>, clock: &Clock) -> Option<Owned> {
        let occupied = self.live(key, clock.due())?;
        Some(Owned::take(occupied.remove()))
    }

    /// Stores a value with its deadline and access mark, as it was taken.
    pub fn put(&mut self, key: Key<'_>, value: Owned, clock: &Clock) {
        let marks = Marks {
            deadline: value.deadline,
            access: value.access,
            is_modified: value.raw,
        };
        let has_deadlines = match &value.content {
            OwnedContent::Compound(compound) => {
                if compound.is_mending() {
                    self.remains.mending.insert(key.bytes.into());
                }
                if compound.is_cut() {
                    self.slots.begun.push(key.bytes.into());
                }
                moment_of(compound).is_some()
            }
            OwnedContent::Text(text) => {
                if text.is_cut() {
                    self.slots.begun.push(key.bytes.into());
                }
                false
            }
            OwnedContent::Int(_) => false,
        };
        let value = match value.content {
            OwnedContent::Int(number) => NewValue::Int(number),
            OwnedContent::Text(text) => NewValue::Owned(text),
            OwnedContent::Compound(compound) => NewValue::Compound(compound),
        };
        match live(&mut self.slots, &mut self.remains, key, clock.due()) {
            Some(occupied) => self.remains.replace(occupied, value, marks),
            None => self.insert(key, value, marks),
        }
        if has_deadlines {
            self.note_fields(key);
        }
        if let Some(deadline) = marks.deadline {
            self.list_own(key, deadline, clock);
        }
    }

    /// A copy of the value, which stays.
    pub fn copy_of(&mut self, key: Key<'_>, clock: &Clock) -> Option<Owned> {
        let occupied = self.live(key, clock.due())?;
        Some(Owned::copy(occupied.entry()))
    }

    /// Overwrites the access mark of a key (RESTORE with IDLETIME or FREQ).
    pub fn set_access(&mut self, key: Key<'_>, access: u32, clock: &Clock) -> bool {
        let Some(mut occupied) = self.live(key, clock.due()) else {
            return false;
        };
        occupied.set_access(access);
        true
    }

    /// MEMORY USAGE of a key: see `Found::bytes`.
    pub fn entry_bytes(&self, key: Key<'_>, now: u64) -> Option<usize> {
        Some(self.peek(key, now)?.bytes())
    }

    /// Values that are gone but not freed yet.
    pub fn unfreed(&self) -> usize {
        self.remains.len()
    }

    /// Frees about `budget` allocations of values that are gone; `false` when
    /// nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        self.remains.free_step(budget) || self.mend_step(budget)
    }

    /// Frees up to `budget` elements that were cut out of a value which is still
    /// there; `false` when there is none.
    fn mend_step(&mut self, budget: usize) -> bool {
        let Some(bytes) = self.remains.mending.first() else {
            return false;
        };
        let key = self.listed_key(bytes);
        let entry = self.slots.find_mut(key.slot, key.hash, key.bytes);
        // One that was renamed meanwhile is listed where it went.
        let goes_on = entry.is_some_and(|mut entry| {
            let compound = entry.compound_mut();
            compound.is_some_and(|compound| compound.mend_step(budget))
        });
        if !goes_on {
            self.remains.mending.pop_first();
        }
        true
    }

    /// Empties the database at once; the entries are freed by the caller, in
    /// steps.
    pub fn clear(&mut self) -> Discarded {
        self.forget_agenda();
        let empty = Slots::new(*self.slots.hash_key());
        Discarded::new(mem::replace(&mut self.slots, empty))
    }

    /// Fetches a key's slot. First of three stages: a batch goes through each
    /// stage with all its keys, then executes. None has an effect.
    #[inline]
    pub fn prefetch_slot(&self, key: Key<'_>) {
        self.slots.prefetch_slot(key.slot);
    }

    /// Fetches a key's bucket. Second stage.
    #[inline]
    pub fn prefetch_bucket(&self, key: Key<'_>) {
        self.slots.prefetch_bucket(key.slot, key.hash);
    }

    /// Fetches a key's entry. Third stage.
    #[inline]
    pub fn prefetch_entry(&self, key: Key<'_>) {
        self.slots.prefetch_entry(key.slot, key.hash);
    }
}

/// The key holds a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCompound;

/// A short text is stored from the buffer, a long one takes it along.
fn short_or_owned(text: &mut Vec<u8>) -> NewValue<'_> {
    if text.len() <= INLINE_MAX {
        NewValue::Text(text)
    } else {
        NewValue::Owned(mem::take(text).into())
    }
}
