//! Limits of encodings, so low that a few elements pass them.

use basalt::base::HashKey;
use basalt::value::Rules;

pub const RULES: Rules = Rules {
    hash_key: HashKey([1, 2]),
    list_max_listpack_size: -2,
    set_max_intset_entries: 4,
    set_max_listpack_entries: 4,
    set_max_listpack_value: 8,
    hash_max_listpack_entries: 4,
    hash_max_listpack_value: 8,
    zset_max_listpack_entries: 4,
    zset_max_listpack_value: 8,
    stream_node_max_bytes: 64,
    stream_node_max_entries: 4,
};
