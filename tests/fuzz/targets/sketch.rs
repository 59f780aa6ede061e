//! `properties/sketch.rs` on what libFuzzer makes.

#![no_main]

#[path = "../properties/mod.rs"]
#[expect(dead_code, reason = "a target is one of the properties")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::sketch::check(input));
