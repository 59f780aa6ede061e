//! The rim of Lua: the only place that holds its pointers.
//!
//! Why there is one at all: an error in Lua may be any value and carries the
//! line it happened in, a read-only table is read-only for `rawset` too, and a
//! call may pass 8,000 arguments. None of this can be said through mlua's safe
//! face, which raises errors of its own type and keeps a reference for every
//! value. So mlua builds Lua and owns its state, and this folder speaks to it.
//!
//! What always holds: a Rust function called by Lua returns before an error is
//! raised, so nothing of ours is on the way when Lua jumps. [`Stack`] is its
//! face: values are borrowed from it as long as they cannot move.

mod call;
mod guard;
mod machine;
mod slot;
mod stack;

pub(super) use call::{Failure, Native, Outcome, UPVALUE, push_native_with};
pub(super) use guard::Guard;
pub(super) use machine::{Machine, Ran};
pub(super) use slot::HostSlot;
pub(super) use stack::{Kind, Loaded, Stack};
