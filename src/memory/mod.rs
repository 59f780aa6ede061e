//! Raw containers and byte counts: the counting allocator, and the table that
//! holds one database, from its slots down to the bytes of an entry.
//!
//! Unsafe code is in eight files: `counted` (the allocator trait), `entry` (one
//! allocation for key and value), `thin` (bytes owned by one word), `segments`
//! (a list of 24 bytes), `tree` and `ranked` (items that name a dictionary's entries),
//! `bucket` (SSE2) and `prefetch` (a hint). Everything above them is safe.

mod arena;
mod bucket;
mod content;
mod counted;
mod cut;
mod dict;
mod dict_cut;
mod entry;
mod long_text;
mod prefetch;
mod ranked;
mod ranked_cut;
mod segments;
mod shape;
mod slots;
mod table;
mod thin;
mod tree;
mod unranked;

pub use content::{Content, Marks, NewValue};
pub use counted::{class_bytes, give_back, keep_what_is_freed, used_memory};
pub use cut::{Keep, Kept, Taking, Walked};
pub use dict::{Dict, Field};
pub use entry::{Entry, INLINE_MAX};
pub use long_text::{KeepPages, LongText};
pub use ranked::{Ranked, ranked_score};
pub use slots::{Among, Counts, Occupied, Position, SLOTS, Slots};
pub use table::Place;
pub use thin::Thin;
pub use unranked::Unranked;
