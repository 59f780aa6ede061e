//! How large a node may become: what `list-max-listpack-size` says.

use crate::value::listpack::Listpack;

/// Bytes of a node whose elements are limited in number.
const COUNTED_BYTES_MAX: usize = 8192;

/// What an element may add to a node beside its text: a generous estimate, the
/// one by which stock fills its nodes.
const ELEMENT_OVERHEAD: usize = 8;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    bytes_max: usize,
    /// `None` when bytes alone decide.
    count_max: Option<usize>,
}

impl Limit {
    /// A positive size counts elements; -1 to -5 are 4, 8, 16, 32, 64 KiB.
    pub(super) fn of(list_max_listpack_size: i64) -> Self {
        match usize::try_from(list_max_listpack_size) {
            Ok(count) => Self {
                bytes_max: COUNTED_BYTES_MAX,
                count_max: Some(count.max(1)),
            },
            Err(_) => Self {
                bytes_max: 2048 << list_max_listpack_size.unsigned_abs().min(5),
                count_max: None,
            },
        }
    }

    /// Whether a packed list of this many bytes and elements is small enough.
    pub(super) fn admits(self, bytes: usize, count: usize) -> bool {
        bytes <= self.bytes_max && self.count_max.is_none_or(|max| count <= max)
    }

    /// Whether `pack` may take in another element of this text.
    pub(super) fn admits_another(self, pack: &Listpack, text: &[u8]) -> bool {
        let bytes = pack.byte_len() + text.len() + ELEMENT_OVERHEAD;
        self.admits(bytes, pack.len() + 1)
    }

    /// Whether a text stands alone in its node.
    pub(super) fn is_large(self, text: &[u8]) -> bool {
        let bytes = Listpack::EMPTY_BYTES + text.len() + ELEMENT_OVERHEAD;
        bytes > self.bytes_max
    }

    /// Whether a chain of this one node goes back to being a packed list. Half
    /// the limit, so that a list at the limit does not go to and fro; a limit
    /// by count looks at the count alone.
    pub(super) fn admits_return(self, pack: &Listpack) -> bool {
        match self.count_max {
            Some(max) => pack.len() <= max / 2,
            None => pack.byte_len() <= self.bytes_max / 2,
        }
    }
}
