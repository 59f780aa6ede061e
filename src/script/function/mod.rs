//! The libraries of FUNCTION: their texts, their functions, a Lua of their own.

mod header;
mod libraries;
mod payload;
mod register;
mod view;

pub use libraries::{Existing, Libraries};
pub use payload::Policy;
pub(super) use register::{Loading, register_function};
pub use view::{Function, Library};
