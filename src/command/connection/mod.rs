//! The connection family: who a client is, and what it is told.

mod client;
mod clients;
mod describe;
mod filter;
mod greet;

pub(super) use client::COMMANDS as CLIENT;
pub(super) use greet::COMMANDS as GREET;
