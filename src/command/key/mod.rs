//! The key family: what every key can do, whatever it holds.

mod age;
mod exist;
mod expire;
mod look;
mod object;
mod payload;
mod relocate;
mod ttl;

#[cfg(test)]
mod tests;

pub use age::{idle_for, used_often};
pub(super) use exist::COMMANDS as EXIST;
pub(super) use expire::COMMANDS as EXPIRE;
pub(super) use object::COMMANDS as OBJECT;
pub(super) use payload::COMMANDS as PAYLOAD;
pub use payload::with_value;
pub(super) use relocate::COMMANDS as RELOCATE;
pub(super) use ttl::COMMANDS as TTL;
