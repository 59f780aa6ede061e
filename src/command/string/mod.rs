//! The string family: texts and numbers at a key.

mod count;
mod expiry;
mod part;
mod read;
mod several;
mod subsequence;
mod write;

pub(super) use count::COMMANDS as COUNT;
pub(super) use part::COMMANDS as PART;
pub(super) use read::COMMANDS as READ;
pub(super) use several::COMMANDS as SEVERAL;
pub(super) use subsequence::COMMANDS as SUBSEQUENCE;
pub(super) use write::COMMANDS as WRITE;
