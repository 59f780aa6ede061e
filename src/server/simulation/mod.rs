//! A whole node in one thread, from one seed: the cores with all of their
//! work, their mailboxes and the control core, under a scheduler that decides
//! who runs, which letters are late, what the network does and what time it
//! is. Only rings, sockets and threads are imagined.
//!
//! `SEED=n cargo test --release --lib simulation` replays one run, `SEEDS=n`
//! tries more of them. `docs/design/cross-core.md` says what is looked for.

mod acts;
mod client;
mod exchange;
#[path = "../../../tests/harness/history.rs"]
mod history;
mod ledger;
mod network;
mod node;
mod recorded;
mod rest;
mod ring;
mod tests;
mod world;
