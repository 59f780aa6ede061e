//! The append-only file: written by a thread of its own from the journal's
//! lane, read at the start, checked by `basalt-check-aof`.

mod check;
mod folder;
mod increment;
mod load;
mod orders;
mod requests;
mod restraint;
mod syncer;
mod writer;

pub(super) use check::{asked, run};
pub(super) use folder::Folder;
pub(super) use load::{Opened, load, open};
pub(super) use orders::{FileState, found, founded};
pub(super) use restraint::Restraint;
pub(super) use writer::{FileThread, Policy};
