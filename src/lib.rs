//! basalt: a Redis-compatible storage node that uses every core.
//!
//! This page is the code map; `docs/architecture.md` says who may name whom.

/// What `std` lacks: number text, glob, checksums, keyed hash, random numbers, time.
pub mod base;
/// Raw containers and byte counts: the slot table and its entries. Unsafe lives here.
pub mod memory;
/// RESP2/RESP3: bytes to requests, replies to bytes, and every error text.
pub mod resp;
/// The data types' own algorithms, without keys, replies or a clock.
pub mod value;
/// Every setting declared once, and the `redis.conf` reader.
pub mod config;
/// One shard's databases: lookup, expiry, scan.
pub mod keyspace;
