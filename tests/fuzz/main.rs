//! The properties of `properties/` on bytes that are almost right: seeds with a few bytes changed,
//! the same in every run. Coverage leads libFuzzer further (README.md); this runs on any toolchain,
//! takes part in the tests, and keeps the targets compiling. `SECONDS=60 cargo test --test fuzz`
//! goes on for so long with each property.

mod properties;

use std::env;
use std::panic;
use std::time::{Duration, Instant};

use basalt::base::Random;

/// Inputs for each property without SECONDS.
const INPUTS: u64 = 3_000;

/// Bytes that numbers and lengths are made of at their limits, and what texts are cut at.
const EDGE_BYTES: &[u8] = b"\x00\x01\x02\x3f\x40\x7f\x80\x81\xc0\xc3\xf0\xf4\xfe\xff\r\n \"*$09-";

/// Plays changed seeds, which stand one a line in hexadecimal digits.
fn play(name: &str, seeds: &str, check: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.lines().map(unhex).collect();
    let limit = env::var("SECONDS").ok().map(|text| {
        let seconds = text.parse().expect("SECONDS is a number");
        Duration::from_secs(seconds)
    });
    let start = Instant::now();
    seeds.iter().for_each(|seed| check(seed));
    let mut number = 0;
    while limit.map_or(number < INPUTS, |limit| start.elapsed() < limit) {
        let input = changed(&seeds, number);
        let outcome = panic::catch_unwind(|| check(&input));
        let shown = input.escape_ascii();
        assert!(outcome.is_ok(), "{name}, input {number}: \"{shown}\"");
        number += 1;
    }
}

fn changed(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = Random::new(number);
    let mut below = |end: usize| random.below(end as u64) as usize;
    let mut input = seeds[below(seeds.len())].clone();
    for _ in 0..=below(4) {
        if input.is_empty() {
            input.push(EDGE_BYTES[below(EDGE_BYTES.len())]);
        }
        let at = below(input.len());
        match below(8) {
            0 | 1 => input[at] ^= 1 << below(8),
            2 => input[at] = EDGE_BYTES[below(EDGE_BYTES.len())],
            3 => input[at] = input[at].wrapping_add(1),
            4 => drop(input.remove(at)),
            5 => input.insert(at, EDGE_BYTES[below(EDGE_BYTES.len())]),
            6 => input.truncate(at),
            _ => {
                let other = &seeds[below(seeds.len())];
                let from = below(other.len().max(1));
                input.truncate(at);
                input.extend(other.iter().skip(from));
            }
        }
    }
    input
}

fn unhex(line: &str) -> Vec<u8> {
    let digits = line.as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits are ASCII");
            u8::from_str_radix(pair, 16).expect("a seed is written in pairs of digits")
        })
        .collect()
}

#[test]
fn requests_are_the_same_in_any_pieces() {
    play(
        "decoder",
        include_str!("seeds/decoder.txt"),
        properties::decoder::check,
    );
}

#[test]
fn payloads_are_refused_or_read_back() {
    play(
        "payload",
        include_str!("seeds/payload.txt"),
        properties::payload::check,
    );
}

#[test]
fn packed_forms_are_refused_or_walked() {
    play(
        "packed",
        include_str!("seeds/packed.txt"),
        properties::packed::check,
    );
}

#[test]
fn sketches_are_refused_or_whole() {
    play(
        "sketch",
        include_str!("seeds/sketch.txt"),
        properties::sketch::check,
    );
}

#[test]
fn files_are_the_same_in_any_pieces() {
    play(
        "file",
        include_str!("seeds/file.txt"),
        properties::file::check,
    );
}

#[test]
fn settings_are_refused_or_rewritten() {
    play(
        "settings",
        include_str!("seeds/settings.txt"),
        properties::settings::check,
    );
}

#[test]
fn scripts_read_any_bytes() {
    play(
        "script",
        include_str!("seeds/script.txt"),
        properties::script::check,
    );
}
