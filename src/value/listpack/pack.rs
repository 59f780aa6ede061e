//! The packed list itself: one allocation, its header, and every change to it.

use std::fmt;
use std::ops::Range;

use super::coding::{END, Entry, after, read};
use super::item::Item;
use super::validate;
use super::walk::Position;
use crate::memory::Thin;

/// The length of all, which `Thin` keeps.
const TOTAL_BYTES: usize = 4;
/// Total and count.
pub(super) const HEADER_BYTES: usize = 6;
/// A count that does not fit into its field.
pub(super) const COUNT_UNKNOWN: u16 = u16::MAX;

/// See the module. The bytes always are a valid packed list.
#[derive(Clone, PartialEq, Eq)]
pub struct Listpack(Thin);

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Listpack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

impl Listpack {
    /// Values stay below this: stock's limit for packed lists.
    pub const BYTES_MAX: usize = 1 << 30;
    /// Bytes of a packed list without elements.
    pub const EMPTY_BYTES: usize = HEADER_BYTES + 1;
    /// The most bytes an entry has beyond its text.
    pub const ENTRY_OVERHEAD_MAX: usize = 10;

    /// One without elements.
    pub fn new() -> Self {
        Self(Thin::from(&[0, 0, END][..]))
    }

    /// One from bytes of anywhere; `None` if anything about them is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let count = validate::count(bytes)?;
        let mut pack = Self(Thin::from(&bytes[TOTAL_BYTES..]));
        pack.set_count(count);
        Some(pack)
    }

    /// The elements. Counts them when there are 65,535 or more.
    #[inline]
    pub fn len(&self) -> usize {
        match self.stated_count() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.byte_len() == Self::EMPTY_BYTES
    }

    /// All of it, header and end included.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.0.whole()
    }

    /// How many bytes `bytes` has.
    #[inline]
    pub fn byte_len(&self) -> usize {
        self.bytes().len()
    }

    /// What the allocator sets aside for it.
    pub fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// Bytes that an element of this text takes.
    pub fn entry_bytes(text: &[u8]) -> usize {
        Entry::of(Item::of(text)).len()
    }

    /// Appends an element.
    #[inline]
    pub fn push_back(&mut self, text: &[u8]) {
        self.put(self.entries_end(), 0, Item::of(text));
    }

    /// Appends an integer.
    pub fn push_back_int(&mut self, number: i64) {
        self.put(self.entries_end(), 0, Item::Int(number));
    }

    /// Appends an element of another packed list.
    pub fn push_back_item(&mut self, item: Item<'_>) {
        self.put(self.entries_end(), 0, item);
    }

    /// Puts an element before all others.
    #[inline]
    pub fn push_front(&mut self, text: &[u8]) {
        self.put(HEADER_BYTES, 0, Item::of(text));
    }

    /// Puts an element before another, whose place it takes.
    pub fn insert_before(&mut self, position: Position, text: &[u8]) {
        self.put(position.at(), 0, Item::of(text));
    }

    /// Puts an element after another; returns where.
    pub fn insert_after(&mut self, position: Position, text: &[u8]) -> Position {
        let at = after(self.bytes(), position.at());
        self.put(at, 0, Item::of(text));
        Position::new(at)
    }

    /// Puts an element in the place of another.
    pub fn replace(&mut self, position: Position, text: &[u8]) {
        self.replace_with(position, Item::of(text));
    }

    /// Puts an integer in the place of an element.
    pub fn replace_int(&mut self, position: Position, number: i64) {
        self.replace_with(position, Item::Int(number));
    }

    fn replace_with(&mut self, position: Position, item: Item<'_>) {
        let old_len = after(self.bytes(), position.at()) - position.at();
        self.put(position.at(), old_len, item);
    }

    /// Takes out up to `count` elements from a position on; returns where the
    /// first one after them stands now.
    pub fn remove(&mut self, position: Position, count: usize) -> Option<Position> {
        let start = position.at();
        let mut end = start;
        let mut removed = 0;
        while removed < count && end < self.entries_end() {
            end = after(self.bytes(), end);
            removed += 1;
        }
        self.cut(start, end, removed);
        (start < self.entries_end()).then_some(position)
    }

    /// Takes out up to `count` elements from an index on.
    pub fn remove_range(&mut self, index: usize, count: usize) {
        let len = self.len();
        if index >= len || count == 0 {
            return;
        }
        let position = self
            .seek(index as i64)
            .expect("the index is below the length");
        if count >= len - index {
            self.cut(position.at(), self.entries_end(), len - index);
        } else {
            self.remove(position, count);
        }
    }

    /// Keeps the elements for which `keep` says so, in one pass.
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) {
        let end = self.entries_end();
        let mut kept_end = HEADER_BYTES;
        let mut removed = 0;
        let mut at = HEADER_BYTES;
        while at < end {
            let (item, next) = read(self.bytes(), at);
            if keep(item) {
                self.shift(at..next, kept_end);
                kept_end += next - at;
            } else {
                removed += 1;
            }
            at = next;
        }
        self.cut(kept_end, end, removed);
    }

    /// Takes out the elements from an index on, as a list of their own.
    pub fn split_off(&mut self, index: usize) -> Self {
        let mut tail = Self::new();
        if let Some(position) = self.seek(index as i64) {
            let len = self.len();
            let end = self.entries_end();
            tail.extend_raw(&self.bytes()[position.at()..end], len - index);
            self.cut(position.at(), end, len - index);
        }
        tail
    }

    /// Appends copies of all elements of another.
    pub fn append(&mut self, other: &Self) {
        self.extend_raw(
            &other.bytes()[HEADER_BYTES..other.entries_end()],
            other.len(),
        );
    }

    /// Where the last entry ends.
    #[inline]
    pub(super) fn entries_end(&self) -> usize {
        self.byte_len() - 1
    }

    fn stated_count(&self) -> u16 {
        u16::from_le_bytes([self.0[0], self.0[1]])
    }

    fn set_count(&mut self, count: usize) {
        let stated = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
        self.0[..2].copy_from_slice(&stated.to_le_bytes());
    }

    /// Appends whole entries.
    fn extend_raw(&mut self, entries: &[u8], count: usize) {
        let len = self.len();
        let at = self.entries_end();
        self.make_gap(at, 0, entries.len());
        self.range_mut(at..at + entries.len())
            .copy_from_slice(entries);
        self.set_count(len + count);
    }

    /// Writes an entry over `old_len` bytes at `at`: those of an entry, or none.
    #[inline]
    fn put(&mut self, at: usize, old_len: usize, item: Item<'_>) {
        let entry = Entry::of(item);
        let len = entry.len();
        self.make_gap(at, old_len, len);
        entry.write(self.range_mut(at..at + len));
        let stated = self.stated_count();
        if old_len == 0 && stated != COUNT_UNKNOWN {
            self.set_count(usize::from(stated) + 1);
        }
    }

    /// Takes out `count` entries that stand between two places.
    fn cut(&mut self, start: usize, end: usize, count: usize) {
        let stated = self.stated_count();
        self.make_gap(start, end - start, 0);
        match stated {
            COUNT_UNKNOWN => {
                let len = self.iter().count();
                self.set_count(len);
            }
            stated => self.set_count(usize::from(stated) - count),
        }
    }

    /// Makes `old_len` bytes at `at` be `len` bytes, to be written by the
    /// caller, and moves what follows.
    #[inline]
    fn make_gap(&mut self, at: usize, old_len: usize, len: usize) {
        let old_total = self.byte_len();
        let total = old_total - old_len + len;
        if len > old_len {
            self.0.resize(total - TOTAL_BYTES);
            self.shift(at + old_len..old_total, at + len);
        } else {
            self.shift(at + old_len..old_total, at + len);
            self.0.resize(total - TOTAL_BYTES);
        }
    }

    /// Bytes behind the total, which is not ours to write.
    #[inline]
    fn range_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.0[range.start - TOTAL_BYTES..range.end - TOTAL_BYTES]
    }

    /// Copies these bytes to `to`.
    #[inline]
    fn shift(&mut self, range: Range<usize>, to: usize) {
        let range = range.start - TOTAL_BYTES..range.end - TOTAL_BYTES;
        self.0.copy_within(range, to - TOTAL_BYTES);
    }
}
