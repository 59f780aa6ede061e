//! telemetry: what a node tells about itself, one set per core.
//!
//! No clock and no file: times come in as arguments. A core writes its own set
//! only; readers merge copies, or read the counters' cells directly.

mod command_stats;
mod core_set;
mod counters;
mod error_stats;
mod latency;
mod parcel;
mod persistence;
mod replication;
mod slow_log;

pub use command_stats::{CommandRow, CommandStats};
pub use core_set::Telemetry;
pub use counters::{Cell, Counters, Rate, Totals, totals};
pub use error_stats::ErrorStats;
pub use latency::{History, Latency, Sample};
pub use parcel::{Parcel, pack_number, pack_text};
pub use persistence::Persistence;
pub use replication::{Handover, Lineage, Link, Replica, Replication};
pub use slow_log::{SlowCommand, SlowEntry, SlowLog, merged};
