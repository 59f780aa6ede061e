//! basalt: a Redis-compatible storage node that uses every core.
//!
//! This page is the code map, in layer order: a module may name only modules
//! above it. `docs/architecture.md` says why, `tests/tidy.rs` checks it.

/// What `std` lacks: number text, glob, checksums, keyed hash, random numbers.
pub mod base;

/// Raw containers and byte counts: the slot table, its entries. Unsafe lives here.
pub mod memory;

/// RESP2/RESP3: bytes to requests, replies to bytes, and every error text.
pub mod resp;

/// The language commands are declared in: usage line, arity, keys, flags, tips.
pub mod spec;

/// The data types' own algorithms, without keys, replies or a clock.
pub mod value;

/// Every setting declared once, and the `redis.conf` reader.
pub mod config;

/// Counters, slow log, latency events and histograms, one set per core.
pub mod telemetry;

/// One shard's databases: lookup, expiry, eviction, scan.
pub mod keyspace;

/// RDB payloads: what DUMP writes and RESTORE reads.
pub mod snapshot;

/// What changed, in order: effects of commands and their one stream.
pub mod journal;

/// One core's data as one thing: its keyspace, and who observes its keys.
pub mod shard;

/// Lua scripts: EVAL's and FUNCTION's, calling commands through a host they are lent.
pub mod script;

/// Who listens to what: every subscription of the node, as one core knows it.
pub mod pubsub;

/// Links between nodes, as machines: what a replica says and does.
pub mod replication;

/// One client: its requests in, its replies out in order.
pub mod session;

/// The command table, routing, and every handler by family.
pub mod command;

/// The machine behind our names: rings, sockets, mailboxes, threads. Unsafe.
pub mod runtime;

/// Wires sessions and shards to the runtime: boot, loop turn, hop, shutdown.
pub mod server;
