//! The buckets of one slot: a list that grows by one without ever copying
//! more than 64 KiB.
//!
//! The first 1,024 buckets are one allocation that grows by size classes
//! (a quarter each time), so a slot of 51 buckets wastes at most 5. Above,
//! segments of 1,024 buckets are added through a directory of pointers. 10
//! million keys in one slot are 1.7 million buckets, 1,650 segments, and the
//! directory's last doubling copied 8 KB.
//!
//! Invariants: `len` buckets are initialised; bucket `i` is at `first + i`
//! below `SEGMENT` and at `more[i / SEGMENT - 1] + i % SEGMENT` above;
//! `capacity` is what `first` was allocated for; `more` is used only when the
//! first segment is full.
#![expect(
    unsafe_code,
    reason = "a table is 32 bytes, which Vec and Box cannot give"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error, realloc};
use std::ptr::{self, NonNull};

use super::bucket::Bucket;
use super::class_bytes;

/// Whatever its compounds are, a bucket is one line.
const BUCKET_BYTES: usize = size_of::<Bucket<()>>();

/// Buckets in a full segment: 64 KiB.
pub const SEGMENT: usize = 1024;

pub struct Segments<C> {
    first: NonNull<Bucket<C>>,
    #[expect(clippy::box_collection, reason = "one word instead of three")]
    more: Option<Box<Vec<NonNull<Bucket<C>>>>>,
    len: u32,
    capacity: u32,
}

// SAFETY: a segment owns its buckets; a bucket owns its entries, and those
// own bytes, vectors of bytes and `C`s. Nothing is shared or tied to a thread
// unless `C` is.
unsafe impl<C: Send> Send for Segments<C> {}

fn layout(buckets: usize) -> Layout {
    Layout::array::<Bucket<()>>(buckets).expect("a segment is at most 64 KiB")
}

/// A segment of empty buckets: empty is all zero.
fn allocate<C>(buckets: usize) -> NonNull<Bucket<C>> {
    // SAFETY: callers ask for one bucket or more.
    let bytes = unsafe { alloc_zeroed(layout(buckets)) };
    NonNull::new(bytes.cast()).unwrap_or_else(|| handle_alloc_error(layout(buckets)))
}

impl<C> Segments<C> {
    pub const EMPTY: Self = Self {
        first: NonNull::dangling(),
        more: None,
        len: 0,
        capacity: 0,
    };

    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    fn address(&self, index: usize) -> *mut Bucket<C> {
        assert!(index < self.len as usize, "a bucket that is not there");
        if index < SEGMENT {
            // SAFETY: `index < len`, and the first segment holds that many.
            unsafe { self.first.as_ptr().add(index) }
        } else {
            self.address_beyond(index)
        }
    }

    #[inline]
    fn address_beyond(&self, index: usize) -> *mut Bucket<C> {
        let more = self
            .more
            .as_ref()
            .expect("a second segment has a directory");
        let segment = more[index / SEGMENT - 1];
        // SAFETY: every segment of the directory holds `SEGMENT` buckets.
        unsafe { segment.as_ptr().add(index % SEGMENT) }
    }

    #[inline]
    pub fn get(&self, index: usize) -> &Bucket<C> {
        // SAFETY: `address` checked the index; `&self` keeps the bucket still.
        unsafe { &*self.address(index) }
    }

    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut Bucket<C> {
        // SAFETY: as above, and `&mut self` is its only user.
        unsafe { &mut *self.address(index) }
    }

    #[inline]
    pub fn prefetch(&self, index: usize) {
        super::prefetch::line(self.address(index));
    }

    /// Bytes of all buckets, those included that are not used yet.
    pub fn allocated_bytes(&self) -> usize {
        let more = self.more.as_ref().map_or(0, |more| more.len());
        (self.capacity as usize + more * SEGMENT) * BUCKET_BYTES
    }

    /// Adds an empty bucket at the end.
    pub fn push(&mut self) {
        let index = self.len as usize;
        if index < SEGMENT {
            if index == self.capacity as usize {
                self.set_capacity(class_bytes((index + 1) * BUCKET_BYTES) / BUCKET_BYTES);
            }
        } else if index.is_multiple_of(SEGMENT) {
            let more = self.more.get_or_insert_default();
            if more.len() == index / SEGMENT - 1 {
                more.push(allocate(SEGMENT));
            }
        }
        self.len += 1;
        let fresh = self.address(index);
        // SAFETY: `index < len`, and the memory is ours and written whole.
        unsafe { ptr::write(fresh, Bucket::EMPTY) };
    }

    /// Takes the last bucket off.
    ///
    /// A segment is freed when the one before it is half empty, so a table
    /// that hovers at the border does not allocate at every step.
    pub fn pop(&mut self) -> Bucket<C> {
        let last = self.address(self.len() - 1);
        // SAFETY: initialised, and never read again: `len` falls below it.
        let bucket = unsafe { ptr::read(last) };
        self.len -= 1;
        let len = self.len as usize;
        let segments_kept = (len + SEGMENT / 2).div_ceil(SEGMENT);
        if let Some(more) = &mut self.more
            && more.len() + 1 > segments_kept.max(1)
        {
            let segment = more.pop().expect("its length was just compared");
            // SAFETY: `allocate(SEGMENT)` made it, and no bucket below `len`
            // is in it.
            unsafe { dealloc(segment.as_ptr().cast(), layout(SEGMENT)) };
            if more.is_empty() {
                self.more = None;
            }
        }
        if len <= self.capacity as usize / 2 {
            let roomy = (len + len / 4) * BUCKET_BYTES;
            self.set_capacity(class_bytes(roomy) / BUCKET_BYTES);
        }
        bucket
    }

    /// Moves the first segment into an allocation of `buckets`.
    fn set_capacity(&mut self, buckets: usize) {
        let buckets = buckets.min(SEGMENT).max(self.len().min(SEGMENT));
        let old = self.capacity as usize;
        self.capacity = buckets as u32;
        self.first = match (old, buckets) {
            (_, same) if same == old => self.first,
            (0, _) => allocate(buckets),
            (_, 0) => {
                // SAFETY: allocated with this layout, and `len` is zero.
                unsafe { dealloc(self.first.as_ptr().cast(), layout(old)) };
                NonNull::dangling()
            }
            (_, _) => {
                let bytes = layout(buckets).size();
                // SAFETY: allocated with this layout; the new size is not zero.
                let moved = unsafe { realloc(self.first.as_ptr().cast(), layout(old), bytes) };
                NonNull::new(moved.cast()).unwrap_or_else(|| handle_alloc_error(layout(buckets)))
            }
        };
    }
}

impl<C> Drop for Segments<C> {
    fn drop(&mut self) {
        while self.len > 0 {
            drop(self.pop());
        }
        self.set_capacity(0);
        for segment in self.more.take().into_iter().flat_map(|more| *more) {
            // SAFETY: `allocate(SEGMENT)` made it, and no bucket is left.
            unsafe { dealloc(segment.as_ptr().cast(), layout(SEGMENT)) };
        }
    }
}
