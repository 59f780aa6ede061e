//! One core's data as one thing: the keyspace, and who waits for or watches
//! its keys. It is what a core lends to another, so observers travel with the
//! keys they observe and nobody can change a key behind their back.

mod core_data;
mod marks;
mod observers;
#[cfg(test)]
mod tests;
mod wait;
mod watch;

pub use core_data::Shard;
pub use marks::Marks;
pub use observers::{Census, Observer, Observers, Ready};
pub use wait::{Awaited, Wait};
pub use watch::Watch;
