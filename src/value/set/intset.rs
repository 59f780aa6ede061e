//! Sorted integers in one allocation, all of the width that the widest needs.
//!
//! The bytes are exactly those stock keeps and writes to disk. The width only
//! grows: an integer that does not fit is the least or the greatest of all, so
//! it goes to one end while the others are written anew.
//!
//! ```text
//! | width, u32 LE: 2, 4 or 8 | integers, u32 LE | integer | integer | …
//! ```

use std::fmt;

use crate::memory::Thin;

/// Width and count.
const HEADER_BYTES: usize = 8;

/// The most integers, so that all have room in 4 GiB; stock's limit is twice
/// as many.
pub(super) const INTEGERS_MAX: usize = (1 << 29) - 2;

/// See the module. The bytes always are a valid set of integers, or an empty one.
#[derive(Clone, PartialEq, Eq)]
pub struct Intset(Thin);

impl Default for Intset {
    fn default() -> Self {
        Self::with_width(2)
    }
}

impl fmt::Debug for Intset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter()).finish()
    }
}

impl Intset {
    /// One from bytes of anywhere; `None` if anything about them is wrong, and
    /// if it would be empty, which no stored set is.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (width, rest) = bytes.split_first_chunk::<4>()?;
        let (count, integers) = rest.split_first_chunk::<4>()?;
        let width = u32::from_le_bytes(*width);
        let count = u32::from_le_bytes(*count);
        let has_room = matches!(width, 2 | 4 | 8)
            && u64::from(count) * u64::from(width) == integers.len() as u64;
        if !has_room || count == 0 || count as usize > INTEGERS_MAX {
            return None;
        }
        let set = Self(Thin::from(bytes));
        set.iter()
            .is_sorted_by(|left, right| left < right)
            .then_some(set)
    }

    fn with_width(width: usize) -> Self {
        let empty = [width as u8, 0, 0, 0, 0, 0, 0, 0];
        Self(Thin::from(&empty[..]))
    }

    /// All of it, header included.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        (self.0.len() - HEADER_BYTES) / self.width()
    }

    pub fn is_empty(&self) -> bool {
        self.0.len() == HEADER_BYTES
    }

    /// What the allocator sets aside for it.
    pub fn allocated_bytes(&self) -> usize {
        self.0.allocated_bytes()
    }

    /// The integer at an index below `len`, the least at 0.
    #[inline]
    pub fn get(&self, index: usize) -> i64 {
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        read(&self.0[at..at + width])
    }

    /// The integers in ascending order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator + use<'_> {
        self.0[HEADER_BYTES..].chunks_exact(self.width()).map(read)
    }

    #[inline]
    pub fn contains(&self, integer: i64) -> bool {
        self.search(integer).is_ok()
    }

    /// Adds an integer; `true` when it is new.
    pub fn insert(&mut self, integer: i64) -> bool {
        let needed = width_of(integer);
        if needed > self.width() {
            self.widen(needed);
        }
        let Err(index) = self.search(integer) else {
            return false;
        };
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        let old_total = self.0.len();
        self.0.resize(old_total + width);
        self.0.copy_within(at..old_total, at + width);
        self.0[at..at + width].copy_from_slice(&integer.to_le_bytes()[..width]);
        self.write_count();
        true
    }

    /// Takes an integer out; `true` when it was there.
    pub fn remove(&mut self, integer: i64) -> bool {
        let Ok(index) = self.search(integer) else {
            return false;
        };
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        self.0.copy_within(at + width.., at);
        self.0.resize(self.0.len() - width);
        self.write_count();
        true
    }

    /// Keeps the integers that `keep` says, asked in ascending order.
    pub fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let width = self.width();
        let mut end = HEADER_BYTES;
        for at in (HEADER_BYTES..self.0.len()).step_by(width) {
            if keep(read(&self.0[at..at + width])) {
                self.0.copy_within(at..at + width, end);
                end += width;
            }
        }
        self.0.resize(end);
        self.write_count();
    }

    /// Where an integer is, or where it would be.
    #[inline]
    fn search(&self, integer: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Many sets are filled in ascending order.
        if high > 0 && self.get(high - 1) < integer {
            return Err(high);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(&integer) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Writes all integers anew, each with more bytes.
    fn widen(&mut self, width: usize) {
        let mut wide = Self::with_width(width);
        wide.0.resize(HEADER_BYTES + self.len() * width);
        let places = wide.0[HEADER_BYTES..].chunks_exact_mut(width);
        for (place, integer) in places.zip(self.iter()) {
            place.copy_from_slice(&integer.to_le_bytes()[..width]);
        }
        wide.write_count();
        *self = wide;
    }

    #[inline]
    fn width(&self) -> usize {
        // 2, 4 or 8.
        usize::from(self.0[0])
    }

    fn write_count(&mut self) {
        let count = u32::try_from(self.len()).expect("the owner keeps it below INTEGERS_MAX");
        self.0[4..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

/// The integer in 2, 4 or 8 bytes.
#[inline]
fn read(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("the width is 2, 4 or 8"),
    }
}

fn width_of(integer: i64) -> usize {
    if i16::try_from(integer).is_ok() {
        2
    } else if i32::try_from(integer).is_ok() {
        4
    } else {
        8
    }
}
