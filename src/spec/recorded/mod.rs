//! Rows beside what the reference server says of its commands.
//!
//! `tests/fixtures/command-info.json` and `command-docs.json` hold the facts of COMMAND and
//! COMMAND DOCS of Redis 7.0.15, without its sentences, one command in a line.
//! `differences-7.2.txt` lists where we follow Redis 7.2 instead, with the reason; what it does
//! not list must be equal, and what it lists must differ.

mod check;
mod json;
mod lines;

pub(crate) use check::check;
