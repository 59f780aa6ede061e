//! The executor of the control core: one thread, woken by a doorbell.

mod executor;

pub use executor::{Doorbell, Visitor, door, run};
