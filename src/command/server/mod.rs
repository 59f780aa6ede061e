//! The server family: what a node says of itself, and how it is set and ended.

mod command;
mod config;
mod debug;
mod debug_data;
mod footprint;
mod info;
mod info_commands;
mod info_sections;
mod info_shards;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod print;
mod save;
mod share;
mod shutdown;
mod slow_log;
#[cfg(test)]
mod tests;
mod time;

pub(super) use command::COMMANDS as COMMAND;
pub(super) use config::COMMANDS as CONFIG;
pub(super) use debug::COMMANDS as DEBUG;
pub(super) use info::COMMANDS as INFO;
pub(super) use latency::COMMANDS as LATENCY;
pub(super) use lolwut::COMMANDS as LOLWUT;
pub(super) use memory::COMMANDS as MEMORY;
pub(super) use monitor::COMMANDS as MONITOR;
pub(super) use save::COMMANDS as SAVE;
pub(super) use shutdown::COMMANDS as SHUTDOWN;
pub(super) use slow_log::COMMANDS as SLOWLOG;
pub(super) use time::COMMANDS as TIME;
