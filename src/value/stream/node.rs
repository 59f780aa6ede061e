//! A node: entries that follow each other, packed in stock's bytes.
//!
//! ```text
//! node   = live, deleted, n, field × n, 0, entry, entry …
//! entry  = flags, ms, seq, value × n, parts              fields as above
//!        | flags, ms, seq, m, (field, value) × m, parts  fields of its own
//! ```
//!
//! `ms` and `seq` are counted from the node's id, which is that of its first
//! entry and wraps; `parts` is the number of the entry's elements before it, so
//! that it is found from behind, where the `0` marks the end. A deleted entry
//! keeps its place and is flagged. The packed list of a node always has this
//! form and at least one entry, be it a deleted one: a node goes when its last
//! entry is deleted by name, but stays when a trim takes that from before a
//! deleted one. Ids grow from the node's, but those of deleted entries may be
//! any: XSETID can take the stream's last id back over them.

use super::id::Id;
use crate::value::Rules;
use crate::value::cut::CutElement;
use crate::value::listpack::{Item, Iter, Listpack, Position};
use crate::value::row_cut::{CutNode, Stamp};

pub(super) const DELETED: i64 = 1;
pub(super) const SAME_FIELDS: i64 = 2;

/// Elements of an entry before its values: flags, ms, seq.
pub(super) const PREFIX: usize = 3;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) id: Id,
    pack: Listpack,
    stamp: Stamp,
}

impl CutNode for Node {
    fn stamp(&mut self) -> &mut Stamp {
        &mut self.stamp
    }

    fn element(&self) -> CutElement<'_> {
        CutElement::Node(self.id, &self.pack)
    }

    fn bytes(&self) -> usize {
        self.pack.byte_len()
    }
}

/// An entry that is there.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub id: Id,
    pub fields: Fields<'a>,
}

/// The fields of an entry with their values, in the order they were given in.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    /// The node's fields, where they are the entry's.
    names: Option<Iter<'a>>,
    /// The values, or fields and values by turns.
    rest: Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Item<'a>, Item<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.rest.next()?,
        };
        Some((name, self.rest.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// How many entries a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) live: u64,
    pub(super) deleted: u64,
}

/// What stands before a node's entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// The first field, or the `0` if there is none.
    fields_at: Position,
    fields: usize,
    pub(super) entries_at: Option<Position>,
}

/// An entry in its place.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) at: Position,
    pub(super) is_deleted: bool,
    flags: i64,
    /// Elements up to the next entry.
    elements: usize,
    pub(super) entry: Entry<'a>,
}

impl Node {
    /// A node whose first entry has these fields and values, which stand by
    /// turns.
    pub(super) fn of<'t>(id: Id, texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone) -> Self {
        let mut pack = Listpack::new();
        pack.push_back_int(0);
        pack.push_back_int(0);
        pack.push_back_int((texts.len() / 2) as i64);
        for field in texts.clone().step_by(2) {
            pack.push_back(field);
        }
        pack.push_back_int(0);
        let mut node = Self::saved(id, pack);
        node.push(id, texts);
        node
    }

    /// A node that was saved; its packed list is valid.
    pub(super) fn saved(id: Id, pack: Listpack) -> Self {
        let stamp = Stamp::NONE;
        Self { id, pack, stamp }
    }

    pub(super) fn pack(&self) -> &Listpack {
        &self.pack
    }

    /// Whether an entry with texts of so many bytes goes into this node, and
    /// not into the next.
    pub(super) fn takes(&self, text_bytes: usize, rules: &Rules) -> bool {
        let bytes_max = match rules.stream_node_max_bytes {
            // Whatever the setting says.
            0 => Listpack::BYTES_MAX,
            bytes => bytes.min(Listpack::BYTES_MAX),
        };
        let Counts { live, deleted } = self.counts();
        let entries_max = rules.stream_node_max_entries as u64;
        self.pack.byte_len() + text_bytes < bytes_max
            && (entries_max == 0 || live + deleted < entries_max)
    }

    /// Adds an entry behind all others.
    pub(super) fn push<'t>(
        &mut self,
        id: Id,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
    ) {
        let pairs = texts.len() / 2;
        let same = self.has_fields(texts.clone().step_by(2));
        let flags = if same { SAME_FIELDS } else { 0 };
        self.pack.push_back_int(flags);
        let (ms, seq) = (
            id.ms.wrapping_sub(self.id.ms),
            id.seq.wrapping_sub(self.id.seq),
        );
        self.pack.push_back_int(ms as i64);
        self.pack.push_back_int(seq as i64);
        if same {
            for value in texts.skip(1).step_by(2) {
                self.pack.push_back(value);
            }
            self.pack.push_back_int((PREFIX + pairs) as i64);
        } else {
            self.pack.push_back_int(pairs as i64);
            for text in texts {
                self.pack.push_back(text);
            }
            self.pack.push_back_int((PREFIX + 1 + 2 * pairs) as i64);
        }
        let Counts { live, deleted } = self.counts();
        self.set_counts(Counts {
            live: live + 1,
            deleted,
        });
    }

    fn has_fields<'t>(&self, fields: impl ExactSizeIterator<Item = &'t [u8]>) -> bool {
        let head = self.head();
        let mut own = self.pack.iter_from(head.fields_at).take(head.fields);
        fields.len() == head.fields && fields.zip(&mut own).all(|(field, own)| own.eq_bytes(field))
    }

    pub(super) fn counts(&self) -> Counts {
        let mut items = self.pack.iter();
        let mut count = || int(items.next()) as u64;
        Counts {
            live: count(),
            deleted: count(),
        }
    }

    /// Whether it has any entries, deleted ones too.
    pub(super) fn has_entries(&self) -> bool {
        let Counts { live, deleted } = self.counts();
        live > 0 || deleted > 0
    }

    fn set_counts(&mut self, counts: Counts) {
        let first = self.pack.first().expect(FORM);
        self.pack.replace_int(first, counts.live as i64);
        let second = self.pack.next(first).expect(FORM);
        self.pack.replace_int(second, counts.deleted as i64);
    }

    pub(super) fn head(&self) -> Head {
        let deleted_at = self.pack.first().and_then(|live| self.pack.next(live));
        let fields_at = self.pack.next(deleted_at.expect(FORM)).expect(FORM);
        let fields = int(Some(self.pack.get(fields_at))) as usize;
        let first = self.pack.next(fields_at).expect(FORM);
        Head {
            fields_at: first,
            fields,
            entries_at: self.skip(first, fields + 1),
        }
    }

    /// The place so many elements further on.
    fn skip(&self, at: Position, elements: usize) -> Option<Position> {
        let mut at = at;
        for _ in 0..elements {
            at = self.pack.next(at)?;
        }
        Some(at)
    }

    /// The entry at a place.
    #[inline]
    pub(super) fn read(&self, head: &Head, at: Position) -> Placed<'_> {
        let mut rest = self.pack.iter_from(at);
        let flags = int(rest.next());
        let ms = self.id.ms.wrapping_add(int(rest.next()) as u64);
        let seq = self.id.seq.wrapping_add(int(rest.next()) as u64);
        let (names, left, elements) = if flags & SAME_FIELDS == 0 {
            let pairs = int(rest.next()) as usize;
            (None, pairs, PREFIX + 1 + 2 * pairs + 1)
        } else {
            let names = self.pack.iter_from(head.fields_at);
            (Some(names), head.fields, PREFIX + head.fields + 1)
        };
        Placed {
            at,
            is_deleted: flags & DELETED != 0,
            flags,
            elements,
            entry: Entry {
                id: Id { ms, seq },
                fields: Fields { names, rest, left },
            },
        }
    }

    /// Where the entry after another stands.
    #[inline]
    pub(super) fn after(&self, placed: &Placed<'_>) -> Option<Position> {
        self.skip(placed.at, placed.elements)
    }

    /// The entry that ends right before a place, the node's end if none is
    /// given; with deleted ones.
    pub(super) fn read_before(&self, head: &Head, end: Option<Position>) -> Option<Placed<'_>> {
        let last = match end {
            Some(end) => self.pack.prev(end),
            None => self.pack.last(),
        };
        let mut at = last.expect(FORM);
        let parts = int(Some(self.pack.get(at)));
        if parts == 0 {
            return None;
        }
        for _ in 0..parts {
            at = self.pack.prev(at).expect(FORM);
        }
        Some(self.read(head, at))
    }

    /// The id of the last entry, a deleted one too.
    pub(super) fn last_id(&self) -> Id {
        let last = self.read_before(&self.head(), None);
        last.expect(FORM).entry.id
    }

    /// The id of the last entry that is not deleted.
    pub(super) fn last_live_id(&self) -> Option<Id> {
        let head = self.head();
        let mut end = None;
        loop {
            let placed = self.read_before(&head, end)?;
            if !placed.is_deleted {
                return Some(placed.entry.id);
            }
            end = Some(placed.at);
        }
    }

    /// The entry of this id.
    fn find(&self, id: Id) -> Option<Placed<'_>> {
        let head = self.head();
        let mut at = head.entries_at;
        while let Some(place) = at {
            let placed = self.read(&head, place);
            if !placed.is_deleted && placed.entry.id >= id {
                return (placed.entry.id == id).then_some(placed);
            }
            at = self.after(&placed);
        }
        None
    }

    /// Flags entries as deleted, from the first one on while `goes` says so;
    /// returns how many.
    pub(super) fn delete_front(&mut self, mut goes: impl FnMut(Id) -> bool) -> u64 {
        let head = self.head();
        let mut at = head.entries_at;
        let mut count = 0;
        while let Some(place) = at {
            let placed = self.read(&head, place);
            if !placed.is_deleted && !goes(placed.entry.id) {
                break;
            }
            let elements = placed.elements;
            if !placed.is_deleted {
                let flags = placed.flags | DELETED;
                // A saved node may have it in more bytes than it needs, so what follows moves.
                self.pack.replace_int(place, flags);
                count += 1;
            }
            at = self.skip(place, elements);
        }
        self.count_deleted(count);
        count
    }

    /// Flags one entry as deleted; `false` if it is not there.
    pub(super) fn delete(&mut self, id: Id) -> bool {
        let Some(placed) = self.find(id) else {
            return false;
        };
        let (at, flags) = (placed.at, placed.flags);
        self.pack.replace_int(at, flags | DELETED);
        self.count_deleted(1);
        true
    }

    fn count_deleted(&mut self, count: u64) {
        let Counts { live, deleted } = self.counts();
        self.set_counts(Counts {
            live: live - count,
            deleted: deleted + count,
        });
    }
}

/// Why an element is there.
const FORM: &str = "a node begins with its counts and fields, and has an entry";

/// A number of a node.
#[inline]
pub(super) fn int(item: Option<Item<'_>>) -> i64 {
    match item {
        Some(Item::Int(number)) => number,
        Some(Item::Text(_)) | None => panic!("a node's numbers are packed as such"),
    }
}
