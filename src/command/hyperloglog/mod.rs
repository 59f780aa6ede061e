//! HyperLogLog commands: counting different elements in a few kilobytes.

mod count;
mod debug;
#[cfg(test)]
mod tests;
mod valid;
mod write;

pub(super) use count::COMMANDS as COUNT;
pub(super) use debug::COMMANDS as DEBUG;
pub(super) use write::COMMANDS as WRITE;
