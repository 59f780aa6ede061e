//! Bytes owned by one word: what a small value keeps its elements in.
//!
//! ```text
//! length of all, u32 LE | bytes | free up to the size class
//! ```
//!
//! A vector says in three words what this says in one and four bytes: with a
//! keyspace of small values each word counts. A packed list begins with its
//! length anyway, in the same form, so with the length it is the whole of one.
//! The allocation always has the class of its length, so the room is not
//! written down either; it is the allocator's business to leave a block where
//! it is when little changes.
//!
//! Invariants: the address was allocated with `layout(len)`, where `len` is
//! what its first four bytes say and at least four, and all `len` are written.
#![expect(unsafe_code, reason = "the length stands with the bytes")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use super::class_bytes;

const HEADER: usize = size_of::<u32>();

/// See the module.
pub struct Thin(NonNull<u8>);

// SAFETY: the bytes are this one's alone, and bytes are tied to no thread.
unsafe impl Send for Thin {}
// SAFETY: through `&self` they are only read.
unsafe impl Sync for Thin {}

fn layout(len: usize) -> Layout {
    Layout::from_size_align(class_bytes(len), HEADER)
        .expect("a length of 32 bits is far below the address space")
}

impl Thin {
    /// The most bytes.
    pub const LEN_MAX: usize = u32::MAX as usize - HEADER;

    /// `len` bytes in all, of which only the length is written.
    fn allocate(len: usize) -> Self {
        assert!(len - HEADER <= Self::LEN_MAX, "users stay below the limit");
        // SAFETY: a class is at least eight bytes.
        let at = unsafe { alloc(layout(len)) };
        let at = NonNull::new(at).unwrap_or_else(|| handle_alloc_error(layout(len)));
        let mut thin = Self(at);
        thin.write_len(len);
        thin
    }

    fn write_len(&mut self, len: usize) {
        let stated = (len as u32).to_le_bytes();
        // SAFETY: every allocation begins with four bytes for the length.
        unsafe { ptr::copy_nonoverlapping(stated.as_ptr(), self.0.as_ptr(), HEADER) };
    }

    #[inline]
    fn stated_len(&self) -> usize {
        // SAFETY: the allocation begins with the length, aligned as a `u32`.
        let stated = unsafe { self.0.cast::<u32>().read() };
        u32::from_le(stated) as usize
    }

    #[inline]
    fn body(&self) -> NonNull<u8> {
        // SAFETY: the length is at least that of the header.
        unsafe { self.0.add(HEADER) }
    }

    /// All of it: the length in four bytes, and the bytes.
    #[inline]
    pub fn whole(&self) -> &[u8] {
        // SAFETY: so many bytes are written, and `&self` keeps them unchanged.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), self.stated_len()) }
    }

    /// What the allocator sets aside for it.
    pub fn allocated_bytes(&self) -> usize {
        layout(self.stated_len()).size()
    }

    /// Cuts bytes off the end, or adds zeros there.
    #[inline]
    pub fn resize(&mut self, len: usize) {
        assert!(len <= Self::LEN_MAX, "users stay below the limit");
        let (old_len, len) = (self.stated_len(), HEADER + len);
        if layout(len) != layout(old_len) {
            self.move_to(len);
        }
        if len > old_len {
            // SAFETY: `old_len` is inside the allocation, or one past it.
            let end = unsafe { self.0.add(old_len) };
            // SAFETY: the allocation holds `len` bytes.
            unsafe { end.write_bytes(0, len - old_len) };
        }
        self.write_len(len);
    }

    /// Into an allocation for so many bytes in all; the length is the caller's
    /// to write.
    fn move_to(&mut self, len: usize) {
        let (old, new) = (layout(self.stated_len()), layout(len).size());
        // SAFETY: allocated with this layout; a class is not zero bytes.
        let moved = unsafe { realloc(self.0.as_ptr(), old, new) };
        self.0 = NonNull::new(moved).unwrap_or_else(|| handle_alloc_error(layout(len)));
    }
}

impl From<&[u8]> for Thin {
    fn from(bytes: &[u8]) -> Self {
        let thin = Self::allocate(HEADER + bytes.len());
        // SAFETY: fresh memory with room for them behind its header.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), thin.body().as_ptr(), bytes.len()) };
        thin
    }
}

impl Deref for Thin {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.whole()[HEADER..]
    }
}

impl DerefMut for Thin {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: so many bytes are written, and `&mut self` is their only user.
        unsafe { slice::from_raw_parts_mut(self.body().as_ptr(), self.stated_len() - HEADER) }
    }
}

impl Clone for Thin {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl PartialEq for Thin {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Thin {}

impl fmt::Debug for Thin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nobody uses it any more.
        unsafe { dealloc(self.0.as_ptr(), layout(self.stated_len())) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    #[test]
    fn it_is_one_word_as_is_none() {
        assert_eq!(size_of::<Option<Thin>>(), size_of::<usize>());
    }

    #[test]
    fn random_changes_are_those_of_a_vector() {
        let mut random = Random::new(11);
        let mut thin = Thin::from(&b""[..]);
        let mut model = Vec::new();
        for step in 0..if cfg!(miri) { 200 } else { 20_000 } {
            let most = if random.below(10) == 0 { 5_000 } else { 60 };
            let len = random.below(most) as usize;
            thin.resize(len);
            model.resize(len, 0);
            if let Some(at) = (len > 0).then(|| random.below(len as u64) as usize) {
                thin[at] = step as u8;
                model[at] = step as u8;
            }
            assert_eq!(*thin, *model);
            assert_eq!(*thin.clone(), *model);
        }
    }

    #[test]
    fn it_takes_the_class_of_its_bytes_and_length() {
        assert_eq!(Thin::from(&[0; 4][..]).allocated_bytes(), 8);
        assert_eq!(Thin::from(&[0; 28][..]).allocated_bytes(), 32);
        assert_eq!(Thin::from(&[0; 29][..]).allocated_bytes(), 48);
    }
}
