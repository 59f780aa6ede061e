//! What holds for any bytes, one file for each part of the node that reads bytes from outside.

pub mod decoder;
pub mod file;
pub mod packed;
pub mod payload;
mod rules;
pub mod script;
pub mod settings;
pub mod sketch;
