//! Tests of scripts, with a host that makes its replies up. What stock replies is compared in
//! `tests/script`; here is what a client cannot see: the host, endings, memory.

mod engine;
mod function;
mod host;
mod run;
