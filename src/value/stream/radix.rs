//! How large stock's radix tree over the nodes of a stream would be: XINFO STREAM tells it.
//!
//! The keys of that tree are the first ids of the nodes, 16 bytes each. A node of the tree is a
//! leaf, a place where keys part, or the bytes from one of these to the next that all keys below
//! share. So the tree follows from the keys alone, whatever came and went before.

use super::id::Id;

/// Bytes of a key.
const KEY_BYTES: u32 = 16;

/// How many nodes the tree has. The ids are in order, none twice.
pub(super) fn nodes_over(ids: impl Iterator<Item = Id>) -> u64 {
    let mut count = 0;
    // The depths of the places above the last key where keys part, the outermost first.
    let mut parting: Vec<u32> = Vec::new();
    let mut last: Option<u128> = None;
    for id in ids {
        let key = u128::from_be_bytes(id.to_bytes());
        if let Some(last) = last {
            let shared = (last ^ key).leading_zeros() / 8;
            // The last key is beside this one, or beside the one before it.
            let own = parting.last().copied().max(Some(shared));
            count += nodes_below(own, KEY_BYTES);
            while let Some(depth) = parting.pop_if(|depth| *depth > shared) {
                let above = parting.last().copied().max(Some(shared));
                count += nodes_below(above, depth);
            }
            if parting.last() != Some(&shared) {
                parting.push(shared);
            }
        }
        last = Some(key);
    }
    if last.is_some() {
        count += nodes_below(parting.last().copied(), KEY_BYTES);
    }
    while let Some(depth) = parting.pop() {
        count += nodes_below(parting.last().copied(), depth);
    }
    // The root is always there.
    count.max(1)
}

/// A leaf or a place where keys part at `depth`, and the bytes on the way to it. One byte leads
/// out of the place `above`.
fn nodes_below(above: Option<u32>, depth: u32) -> u64 {
    let start = above.map_or(0, |above| above + 1);
    1 + u64::from(depth > start)
}
