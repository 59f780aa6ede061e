//! The command table: one row per command, its handler below it.
//!
//! `table` finds the row by name once; `route` says which cores a request
//! needs; `admit` refuses what may not run now; `turn` and `scene` are what a
//! handler may touch. The families hold rows and handlers.

mod admit;
mod after;
mod ahead;
mod bitmap;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod check;
mod connection;
mod database;
mod effect;
#[cfg(test)]
mod effects;
mod errand;
mod eval;
mod event;
mod families;
mod gather;
mod geo;
mod hash;
mod help;
mod hyperloglog;
mod item;
mod key;
#[cfg(test)]
mod leaves;
mod list;
mod multi_pop;
mod pubsub;
mod replication;
mod route;
mod scene;
mod script;
mod secret;
mod server;
mod set;
mod sort;
mod sorted_set;
mod stream;
mod string;
mod table;
mod timeout;
mod transaction;
mod turn;
mod version;
mod waiting;
mod walk;

pub use admit::{Admission, admit};
pub use after::After;
#[cfg(test)]
pub(crate) use check::local;
pub use database::{Onward, Walked, cursor_core};
pub use effect::{removal, words_of_note};
pub use errand::{Background, Disk, Errand, Failover, Reload, SavePoint, Saving, Shutdown, Wait};
pub use eval::{Evaluation, functions_reach_only_declared_keys, reaches_only_declared_keys};
pub use event::{Event, noted};
pub use families::commands;
pub use gather::{Caller, Gather, Part};
pub use key::{idle_for, used_often, with_value};
pub use pubsub::Publication;
pub use route::{Placement, Route, cores_needed, each_slot, route};
pub use scene::{BUFFERS_IDLE_MS, Facts, Local, Node, Pause, Rates, Readings, Scene, System, Wish};
pub use script::{BusyScript, LibraryHost, change_libraries};
pub use secret::shown_words;
pub use table::{Command, DataHandler, Entry, KeyPlan, Merge, Run, Split, Subject, Table};
pub use turn::{Data, First, Lent, Tally, Turn, rules};
pub use version::REDIS_VERSION;
pub use waiting::{Asker, Side, Waiting};
