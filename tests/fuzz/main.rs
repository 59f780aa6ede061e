//! The properties of `properties/` on bytes that are almost right: seeds with a few bytes changed,
//! the same in every run. Coverage leads libFuzzer further (README.md); this runs on any toolchain,
//! takes part in the tests, and keeps the targets compiling. `SECONDS=60 cargo test --test fuzz`
//! goes on for so long with each property. `made/` makes whole RDB files instead of changing some.

mod made;
mod properties;

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::panic;
use std::time::{Duration, Instant};

use basalt::base::Random;

/// Inputs for each property without SECONDS.
const INPUTS: u64 = 3_000;

/// Made files without SECONDS.
const FILES: u64 = 1_000;

/// No file of some ten KiB takes so much of a core's time, on any machine.
const LONG: Duration = Duration::from_secs(5);

/// What the process may have had at most, all tests together.
const PEAK_KIB: u64 = 512 << 10;

/// Bytes that numbers and lengths are made of at their limits, and what texts are cut at.
const EDGE_BYTES: &[u8] = b"\x00\x01\x02\x3f\x40\x7f\x80\x81\xc0\xc3\xf0\xf4\xfe\xff\r\n \"*$09-";

/// How long each property is asked for; without SECONDS, for so many inputs.
fn limit() -> Option<Duration> {
    env::var("SECONDS").ok().map(|text| {
        let seconds = text.parse().expect("SECONDS is a number");
        Duration::from_secs(seconds)
    })
}

/// Plays changed seeds, which stand one a line in hexadecimal digits.
fn play(name: &str, seeds: &str, check: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.lines().map(unhex).collect();
    let limit = limit();
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

/// How long this thread has been on a core.
fn on_a_core() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat");
    let told = told.expect("it is readable on Linux");
    let ns = told.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.expect("a number"))
}

/// Of four files one is right and is loaded whole; the others are wrong in places, few or many.
/// None takes long, and all together take no memory that their bytes do not pay for.
#[test]
fn made_files_are_loaded_whole_or_refused() {
    let (limit, start) = (limit(), Instant::now());
    let (mut refused, mut number) = (0, 0);
    while limit.map_or(number < FILES, |limit| start.elapsed() < limit) {
        let fault_in = [0, 20, 100, 400][number as usize % 4];
        let piece_bytes = 1 + number as usize * 7919 % 300;
        let outcome = panic::catch_unwind(|| {
            let (file, keys) = made::Maker::new(number, fault_in).file();
            let began = on_a_core();
            let found = properties::file::found(&file, piece_bytes);
            let took = on_a_core() - began;
            assert!(took < LONG, "it took {took:?}");
            let is_whole = found.fault.is_none() && found.values == keys;
            assert!(is_whole || fault_in > 0, "{keys} keys: {found:?}");
            !is_whole
        });
        let outcome = outcome.unwrap_or_else(|_| panic!("made file {number}"));
        refused += u64::from(outcome);
        number += 1;
    }
    // Some faults change nothing: an unused byte, a count that is not looked at.
    assert!(refused * 3 > number, "{refused} of {number} were refused");
    let status = fs::read_to_string("/proc/self/status").expect("it is readable on Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|rest| rest.trim().strip_suffix(" kB"));
    let peak_kib: u64 = peak.and_then(|kib| kib.parse().ok()).expect("a number");
    assert!(peak_kib < PEAK_KIB, "{peak_kib} KiB were resident");
    if limit.is_some() {
        let told = format!("{number} files, {refused} refused, at most {peak_kib} KiB resident\n");
        let _unseen = io::stdout().write_all(told.as_bytes()).is_err();
    }
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
