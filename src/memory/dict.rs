//! A table with one owner: the elements of one big hash, set or sorted set.
//!
//! The same buckets, entries and growth by one bucket at a time as the
//! keyspace's tables, so no insert into a set of ten million waits for a
//! rehash, and a walk with a position misses nothing that stays. An entry is
//! the element's name with a text (a hash's value), a number (a score) or an
//! empty text (a set's member) in one allocation, and a deadline of its own
//! where one is set.
//!
//! ```text
//! an element of 10 bytes   3 + 1 + 1 + 10, a class of   16 bytes
//! its share of the buckets 64 / (7 × 0.85), overflow    14
//! ```

use std::convert::Infallible;
use std::fmt;

use super::arena::Arena;
use super::content::{Marks, NewValue};
use super::cut::Cut;
use super::entry::Entry;
use super::table::{Table, tag_of};
use crate::base::{HashKey, Random, keyed_hash};

/// An element: its name is the entry's key.
pub type Field = Entry<Infallible>;

/// Elements of a bucket and its overflow that may be drawn. A bucket that is
/// not split yet has up to 2 × 7 × 0.85 = 11.9 on average, and more than 42
/// once in 10^11 such buckets. A draw beyond what a bucket has is drawn again,
/// seven times on average, so every element is as likely as any other.
const DRAWN_MAX: u64 = 42;

/// Elements in a bucket, about.
const PER_BUCKET: usize = 6;

/// Entries whose size is measured for `allocated_bytes`.
const MEASURED: usize = 64;

/// See the module.
pub struct Dict {
    pub(super) table: Table<Infallible>,
    pub(super) arena: Arena<Infallible>,
    hash_key: HashKey,
    /// A cut whose buckets are kept before they change.
    pub(super) cut: Option<Box<Cut<Infallible>>>,
    /// Of the last cut.
    pub(super) epoch: u32,
}

impl fmt::Debug for Dict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

/// Bucket by bucket: nothing is hashed, and nothing is looked for. The copy has no cut.
impl Clone for Dict {
    fn clone(&self) -> Self {
        let mut copy = Self::with_room(self.hash_key, self.len());
        let (table, arena) = (&mut copy.table, &mut copy.arena);
        self.table.copy_into(&self.arena, table, arena);
        copy
    }
}

impl Dict {
    pub fn new(hash_key: HashKey) -> Self {
        Self {
            table: Table::EMPTY,
            arena: Arena::default(),
            hash_key,
            cut: None,
            epoch: 0,
        }
    }

    /// An empty dictionary that so many elements do not make grow.
    pub fn with_room(hash_key: HashKey, elements: usize) -> Self {
        let mut dict = Self::new(hash_key);
        dict.table.make_room(elements);
        dict
    }

    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    pub fn len(&self) -> usize {
        self.table.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }

    /// Elements with a deadline.
    pub fn volatile_len(&self) -> usize {
        self.table.volatile as usize
    }

    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Field> {
        let place = self.table.find(&self.arena, self.hash(name), name)?;
        Some(self.table.entry(&self.arena, place))
    }

    /// Stores an element; `true` when its name is new.
    pub fn insert(
        &mut self,
        name: &[u8],
        value: NewValue<'_, Infallible>,
        deadline: Option<u64>,
    ) -> bool {
        let marks = Marks {
            deadline,
            ..Marks::NONE
        };
        let hash = self.hash(name);
        if let Some(place) = self.table.find(&self.arena, hash, name) {
            self.keep_bucket(place);
            let field = self.table.entry_mut(&mut self.arena, place);
            let had = field.has_deadline();
            field.replace(value, marks);
            self.count_deadline(had, deadline.is_some());
            return false;
        }
        self.add(hash, Field::new(tag_of(hash), name, value, marks));
        true
    }

    /// Stores an element unless its name is there; `true` when it was not.
    pub fn insert_new(&mut self, name: &[u8], value: NewValue<'_, Infallible>) -> bool {
        let hash = self.hash(name);
        let is_new = !self.has(hash, name);
        if is_new {
            self.add(hash, Field::new(tag_of(hash), name, value, Marks::NONE));
        }
        is_new
    }

    /// Whether there is an element of this name, which has this hash.
    #[inline]
    pub(super) fn has(&self, hash: u64, name: &[u8]) -> bool {
        self.table.find(&self.arena, hash, name).is_some()
    }

    /// Adds an element of this hash, whose name is not there.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, field: Field) {
        self.keep_before_insert(hash);
        let hash_key = self.hash_key;
        self.table.insert(&mut self.arena, hash, field, &|name| {
            keyed_hash(&hash_key, name)
        });
    }

    /// Stores an element; hands out the entry its name had, which is not written
    /// over.
    pub fn renew(&mut self, name: &[u8], value: NewValue<'_, Infallible>) -> Option<Field> {
        let hash = self.hash(name);
        let Some(place) = self.table.find(&self.arena, hash, name) else {
            self.insert(name, value, None);
            return None;
        };
        let field = Field::new(tag_of(hash), name, value, Marks::NONE);
        self.keep_bucket(place);
        let place = self.table.entry_mut(&mut self.arena, place);
        let former = std::mem::replace(place, field);
        self.count_deadline(former.has_deadline(), false);
        Some(former)
    }

    /// Sets or clears an element's deadline, in Unix milliseconds; `false`
    /// when there is no such element.
    pub fn set_deadline(&mut self, name: &[u8], deadline: Option<u64>) -> bool {
        let Some(place) = self.table.find(&self.arena, self.hash(name), name) else {
            return false;
        };
        self.keep_bucket(place);
        let field = self.table.entry_mut(&mut self.arena, place);
        let had = field.has_deadline();
        field.set_deadline(deadline);
        self.count_deadline(had, deadline.is_some());
        true
    }

    /// Takes an element out.
    pub fn remove(&mut self, name: &[u8]) -> Option<Field> {
        let place = self.table.find(&self.arena, self.hash(name), name)?;
        self.keep_before_remove(place);
        Some(self.table.remove(&mut self.arena, place))
    }

    /// Visits the elements of one bucket and returns the next position, or
    /// `None` after the last bucket. Begin with 0; any number is a position.
    /// An element that is there from the first step to the last is visited at
    /// least once, whatever is added or removed meanwhile.
    pub fn visit<'a>(&'a self, position: u32, mut visit: impl FnMut(&'a Field)) -> Option<u32> {
        self.table
            .visit(&self.arena, position, |_, field| visit(field))
    }

    /// An element drawn by chance, each as likely as any other.
    pub fn draw(&self, random: &mut Random) -> Option<&Field> {
        if self.is_empty() {
            return None;
        }
        let buckets = self.table.buckets() as u64;
        let drawn_max = DRAWN_MAX.min(self.len() as u64);
        loop {
            // The reversed number of a bucket is a position in it.
            let position = (random.below(buckets) as u32).reverse_bits();
            let mut left = random.below(drawn_max);
            let mut drawn = None;
            self.visit(position, |field| {
                if left == 0 {
                    drawn = Some(field);
                }
                left = left.wrapping_sub(1);
            });
            if drawn.is_some() {
                return drawn;
            }
        }
    }

    /// Every element, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.table.iter(&self.arena)
    }

    /// About how many allocations there are to free.
    pub fn weight(&self) -> usize {
        self.len() + self.arena.chunks()
    }

    /// Frees about `budget` elements; `false` when nothing is left.
    pub fn free_step(&mut self, budget: usize) -> bool {
        self.keep_rest();
        for _ in 0..budget.div_ceil(PER_BUCKET) {
            if !self.table.drop_bucket(&mut self.arena, drop) && !self.arena.drop_chunk() {
                return false;
            }
        }
        true
    }

    /// Bytes the allocator sets aside: buckets exactly, elements by measuring
    /// some of them.
    pub fn allocated_bytes(&self) -> usize {
        let measured = self.len().min(MEASURED);
        let sum: usize = self.iter().take(measured).map(Field::allocated_bytes).sum();
        let elements = sum * self.len() / measured.max(1);
        self.table.allocated_bytes() + self.arena.allocated_bytes() + elements
    }

    #[inline]
    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        keyed_hash(&self.hash_key, name)
    }

    fn count_deadline(&mut self, had: bool, has: bool) {
        self.table.volatile -= u32::from(had);
        self.table.volatile += u32::from(has);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Content;

    /// So many, or a few for Miri, which takes a thousand times as long.
    const fn scaled(full: u32, under_miri: u32) -> u32 {
        if cfg!(miri) { under_miri } else { full }
    }

    fn numbered(len: u32) -> Dict {
        let mut dict = Dict::new(HashKey([1, 2]));
        for number in 0..len {
            let name = number.to_le_bytes();
            assert!(dict.insert(&name, NewValue::Int(i64::from(number)), None));
        }
        dict
    }

    #[test]
    fn elements_are_found_overwritten_and_removed() {
        let mut dict = numbered(1000);
        let name = 7_u32.to_le_bytes();
        assert!(!dict.insert(&name, NewValue::Text(b"seven"), Some(5)));
        let field = dict.find(&name).expect("it was inserted");
        assert_eq!(field.content(), Content::Text(b"seven"));
        assert_eq!(field.deadline(), Some(5));
        assert_eq!((dict.len(), dict.volatile_len()), (1000, 1));
        assert!(dict.set_deadline(&name, None));
        assert_eq!(dict.volatile_len(), 0);
        assert!(dict.remove(&name).is_some());
        assert!(dict.remove(&name).is_none());
        assert!(dict.find(&name).is_none());
        assert!(!dict.set_deadline(&name, Some(1)));
        assert_eq!(dict.len(), 999);
    }

    #[test]
    fn a_walk_and_an_iteration_meet_every_element_once() {
        let len = scaled(5000, 300);
        let dict = numbered(len);
        let mut met = vec![0; len as usize];
        let mut next = Some(0);
        while let Some(position) = next {
            next = dict.visit(position, |field| {
                let Content::Int(number) = field.content() else {
                    panic!("only numbers were put in");
                };
                met[number as usize] += 1;
            });
        }
        assert!(met.iter().all(|&times| times == 1));
        assert_eq!(dict.iter().count(), met.len());
        assert_eq!(dict.clone().len(), met.len());
    }

    /// Everything of the elements, in an order.
    fn elements(dict: &Dict) -> Vec<(Vec<u8>, Vec<u8>, Option<u64>)> {
        let mut elements: Vec<_> = dict
            .iter()
            .map(|field| {
                let content = format!("{:?}", field.content()).into_bytes();
                (field.key().to_vec(), content, field.deadline())
            })
            .collect();
        elements.sort();
        elements
    }

    #[test]
    fn a_copy_has_the_same_and_is_as_small_as_one_that_was_filled() {
        let mut random = Random::new(9);
        let steps = u64::from(scaled(6_000, 300));
        let mut dict = Dict::new(HashKey([1, 2]));
        for step in 0..=steps {
            // Grows, then shrinks to nothing.
            let name = random.below(steps / 4).to_le_bytes();
            if random.below(steps) >= step {
                let text = vec![b'x'; random.below(40) as usize * 30];
                let deadline = (random.below(3) == 0).then_some(step);
                dict.insert(&name, NewValue::Text(&text), deadline);
            } else {
                dict.remove(&name);
            }
            if step % (steps / 30) != 0 && step != steps {
                continue;
            }
            let mut copy = dict.clone();
            assert_eq!(elements(&copy), elements(&dict));
            assert_eq!(copy.volatile_len(), dict.volatile_len());
            let mut filled = Dict::new(dict.hash_key());
            for field in dict.iter() {
                filled.insert(field.key(), NewValue::Int(0), None);
            }
            assert_eq!(copy.table.buckets(), filled.table.buckets(), "{step}");
            // It is good for all that follows, and nobody else's.
            let before = elements(&dict);
            for name in 0..steps / 4 {
                let name = name.to_le_bytes();
                assert_eq!(copy.find(&name).is_some(), dict.find(&name).is_some());
                copy.set_deadline(&name, Some(1));
                copy.insert(&[&name[..], b"more"].concat(), NewValue::Int(1), None);
                copy.remove(&name);
            }
            assert_eq!(copy.len() as u64, steps / 4);
            assert_eq!(elements(&dict), before);
        }
        let given_room = Dict::with_room(HashKey([1, 2]), 1_000);
        assert!(given_room.clone().is_empty() && given_room.iter().next().is_none());
    }

    #[test]
    fn every_element_is_drawn_about_as_often() {
        let dict = numbered(100);
        let mut random = Random::new(1);
        let mut drawn = [0_u32; 100];
        for _ in 0..scaled(100_000, 300) {
            let field = dict.draw(&mut random).expect("it is not empty");
            let name: [u8; 4] = field.key().try_into().expect("four bytes were put in");
            drawn[u32::from_le_bytes(name) as usize] += 1;
        }
        assert!(
            cfg!(miri) || drawn.iter().all(|times| (850..1150).contains(times)),
            "{drawn:?}"
        );
        assert!(Dict::new(HashKey([1, 2])).draw(&mut random).is_none());
    }

    #[test]
    fn elements_in_the_overflow_of_a_full_bucket_are_drawn() {
        // Just before a round of splits ends, when some buckets have twice the load.
        let dict = numbered(700);
        let mut random = Random::new(1);
        let mut drawn = vec![0_u32; 700];
        for _ in 0..scaled(70_000, 300) {
            let field = dict.draw(&mut random).expect("it is not empty");
            let name: [u8; 4] = field.key().try_into().expect("four bytes were put in");
            drawn[u32::from_le_bytes(name) as usize] += 1;
        }
        assert!(
            cfg!(miri) || drawn.iter().all(|times| (50..160).contains(times)),
            "{drawn:?}"
        );
    }

    #[test]
    fn freeing_in_steps_comes_to_an_end() {
        let mut dict = numbered(scaled(3000, 300));
        let mut steps = 0;
        while dict.free_step(60) {
            steps += 1;
        }
        let least = scaled(40, 3);
        assert!(dict.is_empty() && steps > least, "{steps} steps");
    }

    #[test]
    fn a_small_dictionary_is_small() {
        let bytes = numbered(129).allocated_bytes();
        assert!(bytes < 129 * 52, "{bytes}");
    }
}
