//! Tests of the format, from its bytes up.

mod digests;
mod files;
mod packed;
mod payloads;
mod streams;
mod values;
