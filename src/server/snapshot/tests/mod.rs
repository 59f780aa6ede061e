//! Snapshots under attack: one shard whose keys change in every way there is while a
//! snapshot of it is written, compared with a copy made at the cut.
//!
//! `SEEDS=n` plays so many.

mod attack;
mod large;
mod play;
