//! A snapshot beside writers: the cut, the walk in slices of time, and the thread
//! that makes one sequence of bytes of what the cores hand on.

mod apart;
mod bgsave;
mod brake;
mod cut;
mod order;
mod points;
mod raw;
mod spill;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use bgsave::Saves;
pub(super) use brake::{Brake, follow_delays};
pub(super) use cut::CutOrder;
pub(super) use order::{Order, Running};
pub(super) use writer::{Failure, Target};
