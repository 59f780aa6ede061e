//! Values as Redis writes them to leave a node: DUMP payloads now, with the strings and lengths
//! of the RDB format that they are made of.
//!
//! Readers take any bytes and answer with a fault, never a panic; writers write what stock 7.0
//! and everything later reads.

mod payload;
mod string;
#[cfg(test)]
mod tests;

pub use payload::{PayloadFault, RDB_VERSION, RDB_VERSION_MAX, read_payload, write_payload};
pub use string::{Compression, StringFault, read_length, read_string, write_length, write_string};
