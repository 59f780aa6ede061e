//! Commands that run scripts and functions. Running them is the server's
//! (`server/script.rs`); here are their rows, their words, and what can be
//! known of a script before it runs.

mod declared;
mod library;
mod lua;
mod request;
mod rows;

pub use declared::reaches_only_declared_keys;
pub use library::functions_reach_only_declared_keys;
pub use request::Evaluation;
pub(super) use rows::COMMANDS;
