//! A basalt node: the real machines, and around them as little as possible of what
//! drives them (`src/server/hub/`, `src/server/upstream.rs`). Its data is a model.

mod errands;
mod handing;
mod hub;
mod lane;
mod node;
mod sync;
mod upstream;

pub(super) use node::{Basalt, Disk, File};
