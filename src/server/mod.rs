//! Wires sessions and shards to the runtime.
//!
//! `core` is the loop turn of one shard core. What a turn does is spread by
//! idea: `intake` (connections and their bytes), `serve` (requests in order),
//! `hop` (one key, another core), `afar` (transactions and scripts at another core), `loan` (keys of several cores), `gather`
//! (a part at every core), `lead` (what every core keeps a copy of), `transaction` (MULTI to EXEC), `script`,
//! `script_call` and `busy` (Lua), `waiting` (blocked
//! requests), `flush` (replies out), `tick` (time), `expiry` (keys
//! whose time has come), `relief` and `weight` (memory limits), `snapshot` (the data
//! written beside writers).

mod account;
mod afar;
mod ahead;
mod aof;
mod ask;
mod boot;
mod busy;
mod check;
mod control;
mod core;
mod crash;
mod dealer;
mod dial;
mod door;
mod errand;
mod expiry;
mod flush;
mod gather;
mod giant;
mod hop;
mod hub;
mod intake;
mod janitor;
mod jitter;
mod lead;
mod leave;
mod letter;
mod listen;
mod load;
mod loading;
mod loan;
mod log;
mod mail;
mod marks;
mod obey;
mod parted;
mod pubsub;
mod reach;
mod recording;
mod relief;
mod replay;
mod replay_script;
mod resync;
mod save;
mod scatter;
mod script;
mod script_call;
mod sequence;
mod serve;
mod settle;
mod shown;
#[cfg(test)]
mod simulation;
mod snapshot;
mod tick;
mod transaction;
mod upstream;
mod vault;
mod waiting;
mod weight;

pub use boot::run;
pub use janitor::start_janitor;
