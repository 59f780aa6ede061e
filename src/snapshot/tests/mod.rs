//! Tests of the format, from its bytes up.

mod digests;
mod packed;
mod payloads;
mod streams;
mod values;
