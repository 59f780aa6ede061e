//! How the bytes of an entry lie: see `entry`.

use std::alloc::Layout;

use super::class_bytes;

/// What the value bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Kind {
    Int = 1,
    Text = 2,
    Boxed = 3,
    Compound = 4,
}

impl Kind {
    /// Whether the value bytes own something.
    #[inline]
    pub(super) fn is_owner(self) -> bool {
        matches!(self, Self::Boxed | Self::Compound)
    }
}

/// Every entry begins at a multiple of this, so that a compound can.
pub(super) const ALIGN: usize = 8;

/// Where the parts of an allocation begin.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) key_at: usize,
    pub(super) key_len: usize,
    pub(super) value_at: usize,
    pub(super) value_len: usize,
}

impl Shape {
    #[inline]
    pub(super) fn new(kind: Kind, key_at: usize, key_len: usize, value_len: usize) -> Self {
        let key_end = key_at + key_len;
        let value_at = if kind == Kind::Compound {
            key_end.next_multiple_of(ALIGN)
        } else {
            key_end
        };
        Self {
            key_at,
            key_len,
            value_at,
            value_len,
        }
    }

    /// Bytes that are used of the allocation.
    pub(super) fn total(self) -> usize {
        self.value_at + self.value_len
    }

    pub(super) fn layout(self) -> Layout {
        Layout::from_size_align(class_bytes(self.total()), ALIGN)
            .expect("an entry is far smaller than the address space")
    }
}

/// Writes a length in groups of seven bits, the lowest first; the high bit
/// says that more follow. Returns the position after it.
#[inline]
pub(super) fn write_length(head: &mut [u8], mut at: usize, mut length: usize) -> usize {
    assert!(length < 1 << 35, "keys and values are limited to 512 MiB");
    while length >= 0x80 {
        head[at] = length as u8 | 0x80;
        length >>= 7;
        at += 1;
    }
    head[at] = length as u8;
    at + 1
}
