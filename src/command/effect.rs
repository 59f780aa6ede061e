//! What a turn leaves in the journal: how its changes are done again elsewhere,
//! at another time, by a replica or out of a file.
//!
//! A command that changed something leaves its own words, unless they would do
//! something else there: chance, the clock and what was found decide here, once.
//! Such a handler says with `leave_instead` what is done instead. What happens
//! by itself, a key or a field whose time has come, is left by the turn.

use crate::journal::Effects;
use crate::keyspace::{Happening, Key, Note};
use crate::resp::Args;

use super::after::After;
use super::turn::Turn;

/// How a turn is recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Who records, one bit each; nobody, for most.
    pub(super) by: u8,
    /// What was left so far that is not the request's own words.
    effects: Option<Box<Effects>>,
    /// The request's own words are left, too, if it changed something.
    is_rewritten: bool,
    /// What was left are changes apart, and no unit.
    pub(super) is_apart: bool,
}

impl Recorded {
    pub(super) fn by(by: u8) -> Recorded {
        Recorded {
            by,
            effects: None,
            is_rewritten: false,
            is_apart: false,
        }
    }

    /// Leaves a request.
    pub(super) fn push(&mut self, database: usize, words: &[&[u8]]) {
        let effects = self.effects.get_or_insert_default();
        effects.push(database, words.iter().copied());
    }

    /// Leaves what happened by itself.
    pub(super) fn push_note(&mut self, database: usize, note: &Note, removal: &[u8]) {
        if let Some(words) = words_of_note(note, removal) {
            let effects = self.effects.get_or_insert_default();
            effects.push_by_itself(database, words.into_iter());
        }
    }
}

/// What is left of something that happened by itself, if anything is; a key
/// goes by this command.
#[must_use]
pub fn words_of_note<'a>(note: &'a Note, removal: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    match note.happening {
        Happening::New | Happening::Gone => None,
        Happening::Expired => Some(vec![removal, &note.key]),
        Happening::FieldsExpired => {
            let fields = note.fields.iter().map(|field| &**field);
            let words = [&b"HDEL"[..], &note.key].into_iter().chain(fields);
            Some(words.collect())
        }
    }
}

/// What removes a key elsewhere, as a `lazyfree-lazy-…` setting wants it.
#[must_use]
pub fn removal(is_lazy: bool) -> &'static [u8] {
    if is_lazy { b"UNLINK" } else { b"DEL" }
}

impl Turn<'_> {
    /// Whether anybody records: if not, nothing need be said.
    #[inline]
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.recorded.by != 0
    }

    /// Says that this is left, in the selected database, and the request's own
    /// words are not.
    #[inline]
    pub fn leave_instead(&mut self, words: &[&[u8]]) {
        if self.is_recorded() {
            self.leave(words);
        }
    }

    #[cold]
    fn leave(&mut self, words: &[&[u8]]) {
        self.take_notes();
        self.recorded.push(self.database, words);
        self.recorded.is_rewritten = true;
    }

    /// Says that the request's own words are not left.
    #[inline]
    pub fn leave_nothing(&mut self) {
        self.recorded.is_rewritten = true;
    }

    /// Says that a key gets this deadline, in Unix milliseconds.
    #[inline]
    pub(super) fn leave_deadline(&mut self, key: &Key<'_>, deadline: u64, condition: &[&[u8]]) {
        if self.is_recorded() {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(deadline).as_bytes();
            let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key.bytes, digits];
            words.extend(condition);
            self.leave(&words);
        }
    }

    /// Says that a key goes because a deadline has passed.
    #[inline]
    pub(super) fn leave_expired(&mut self, key: &Key<'_>) {
        self.leave_instead(&[removal(self.live.lazy.expire), key.bytes]);
    }
}

impl After {
    /// What the turn left, in order: what it said, then the words of the
    /// request if these are left.
    #[must_use]
    pub fn effects(&mut self, database: usize, args: Args<'_>) -> Option<Box<Effects>> {
        let mut effects = self.recorded.effects.take();
        if self.leaves_words() {
            let effects = effects.get_or_insert_default();
            effects.push(database, args.iter());
        }
        effects
    }

    /// Whether the request's own words are left.
    #[must_use]
    pub fn leaves_words(&self) -> bool {
        self.tally.changes > 0 && !self.recorded.is_rewritten
    }

    /// What was left beside the request's own words.
    #[must_use]
    pub fn take_said(&mut self) -> Option<Box<Effects>> {
        self.recorded.effects.take()
    }

    /// Whether what was left are changes apart, and no unit.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.recorded.is_apart
    }

    /// Who records, one bit each.
    #[inline]
    #[must_use]
    pub fn recorded_by(&self) -> u8 {
        self.recorded.by
    }
}
