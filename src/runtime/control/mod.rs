//! The executor of the control core: one thread, woken by a doorbell, and its
//! connections to other nodes.

mod executor;
mod wire;

pub use executor::{Doorbell, Executor, Visitor, door};
pub use wire::{Alarm, Wire};
