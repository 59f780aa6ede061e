//! The replica side of a link, as a machine.

mod action;
mod incoming;
mod machine;
mod plea;

pub use action::{Action, Level, Stage};
pub use machine::Follower;
