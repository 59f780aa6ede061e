//! When a value changes its encoding: the thresholds that users set, in one
//! place, because an operation may read one type and make another.

use crate::base::HashKey;

/// What operations that may change an encoding are given. The names are those
/// of the settings, whose units and defaults they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Places the elements of tables; one for all shards of a node.
    pub hash_key: HashKey,
    /// Elements of a list's node if positive; -1 to -5 for 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// Members of a set of integers.
    pub set_max_intset_entries: usize,
    /// Members of a packed set.
    pub set_max_listpack_entries: usize,
    /// Bytes of a member in a packed set.
    pub set_max_listpack_value: usize,
    /// Fields of a packed hash.
    pub hash_max_listpack_entries: usize,
    /// Bytes of a field or value in a packed hash.
    pub hash_max_listpack_value: usize,
    /// Members of a packed sorted set.
    pub zset_max_listpack_entries: usize,
    /// Bytes of a member in a packed sorted set.
    pub zset_max_listpack_value: usize,
    /// Bytes of a stream's node; 0 is no limit.
    pub stream_node_max_bytes: usize,
    /// Entries of a stream's node; 0 is no limit.
    pub stream_node_max_entries: usize,
}

impl Rules {
    /// The defaults of the settings, with a hash key of no secrecy.
    #[cfg(test)]
    pub const DEFAULT: Self = Self {
        hash_key: HashKey([1, 2]),
        list_max_listpack_size: -2,
        set_max_intset_entries: 512,
        set_max_listpack_entries: 128,
        set_max_listpack_value: 64,
        hash_max_listpack_entries: 512,
        hash_max_listpack_value: 64,
        zset_max_listpack_entries: 128,
        zset_max_listpack_value: 64,
        stream_node_max_bytes: 4096,
        stream_node_max_entries: 100,
    };
}
