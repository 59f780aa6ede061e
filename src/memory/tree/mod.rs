//! A counted B+-tree of a dictionary's entries, in the order of (score, name).
//!
//! ```text
//! Inner: up to 64 children, each with its count and its first item
//!   └ Leaf: up to 64 items of 16 bytes: score 8 | word of the entry 8
//! an item                 16 / 0.7                         23
//! ```
//!
//! Items added behind the last one fill their leaves, so a tree built in order
//! takes 16 bytes for an item. Removing joins a leaf with its neighbour when
//! both fit into three quarters of one. No operation on one item touches more
//! than a leaf and its path, and cutting a range out touches two paths.
//!
//! Invariants: items are in order; a child's count and first item are those of
//! its subtree; all leaves are at one depth; no subtree but the root is empty,
//! and the root does not have one child alone.
//!
//! A tree does not own the entries: whoever holds it keeps each alive as long as
//! its item is there.
mod build;
mod item;
mod node;
mod root;

pub(super) use build::Leaves;
pub(super) use item::{Item, score_of};
pub(super) use root::Tree;
