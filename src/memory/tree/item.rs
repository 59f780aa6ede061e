//! An item of the tree: an entry that the tree does not own, and its score.
#![expect(unsafe_code, reason = "the items read entries they do not own")]

use std::cmp::Ordering;
use std::mem::ManuallyDrop;

use crate::memory::content::Content;
use crate::memory::dict::Field;

/// An entry of the dictionary beside this tree, and its score.
#[derive(Clone, Copy)]
pub(in crate::memory) struct Item {
    pub(in crate::memory) score: f64,
    /// A copy of the entry's word; the entry stays the dictionary's.
    pub(super) word: u64,
}

impl Item {
    pub(in crate::memory) fn of(field: &Field) -> Self {
        Self {
            score: score_of(field),
            word: field.word(),
        }
    }

    /// The member's bytes.
    pub(in crate::memory) fn member(&self) -> &[u8] {
        // SAFETY: the word is that of an entry which lives as long as its item:
        // `Ranked` removes an item before its entry, and an entry whose number
        // changes stays where it is.
        let field = unsafe { Field::from_word(self.word) };
        let field = ManuallyDrop::new(field);
        let member: *const [u8] = field.key();
        // SAFETY: as above: the bytes outlive the item that is borrowed.
        unsafe { &*member }
    }

    /// Asks the processor to fetch the member.
    #[inline]
    pub(super) fn prefetch(&self) {
        // SAFETY: as in `member`.
        let field = unsafe { Field::from_word(self.word) };
        ManuallyDrop::new(field).prefetch();
    }

    /// Whether it is this entry's.
    pub(in crate::memory) fn is_of(&self, field: &Field) -> bool {
        self.word == field.word()
    }

    /// The entry itself, to be freed.
    ///
    /// # Safety
    ///
    /// The entry is owned by nobody else, and this item is its last.
    pub(in crate::memory) unsafe fn into_entry(self) -> Field {
        // SAFETY: the caller says that the entry lives and is nobody's.
        unsafe { Field::from_word(self.word) }
    }

    /// Most scores differ: the member, a line of memory elsewhere, is read where they do not.
    #[inline]
    pub(in crate::memory) fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        let scores = self.score.partial_cmp(&score);
        scores
            .expect("a score is a number")
            .then_with(|| self.member().cmp(member))
    }
}

pub(in crate::memory) fn score_of(field: &Field) -> f64 {
    match field.content() {
        Content::Int(bits) => f64::from_bits(bits.cast_unsigned()),
        Content::Text(_) => unreachable!("scores are stored as numbers"),
        Content::Compound(never) => match *never {},
    }
}
