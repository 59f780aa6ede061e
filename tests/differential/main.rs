//! Random commands, asked of stock Redis and of basalt with one shard and with four side by side,
//! and their replies compared: all types and their edges, few keys, both protocols.
//!
//! An episode begins with empty servers and is told by its seed alone; where the servers differ,
//! its commands are replayed with fewer and fewer, and the few that still show it are printed.
//! `SEED=… STEPS=… cargo test --test differential` plays one episode again, `HOURS=2` goes on for
//! so long with seeds of its own (two minutes otherwise, with the same seeds each time, so that a
//! change is to blame for what it finds); `FROM=…`, told at the end, has it draw the same seeds
//! again. What is to differ is listed in `differences.rs`.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands asks for bytes too")]
mod wire;

mod compare;
mod corrupt;
mod differences;
mod episode;
mod grammar;
mod queued;
mod random;
mod shrink;
mod side;
mod stage;
mod step;
mod words;

use std::collections::BTreeSet;
use std::env;
use std::io::{self, Write as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use episode::Episode;
use process::Server;
use random::Random;
use stage::Stage;
use wire::Reply;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_basalt");

/// How long the tests take part in it.
const SHORT: Duration = Duration::from_secs(120);

/// Where the seeds of those two minutes begin.
const SHORT_SEEDS: u64 = 20_261_125;

/// Commands of an episode.
const STEPS: usize = 400;

/// How many differences are gathered before a run ends.
const FINDINGS_MAX: usize = 30;

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    let value = text.parse().ok();
    Some(value.unwrap_or_else(|| panic!("{name}={text} is no number")))
}

#[test]
fn random_commands_are_answered_as_by_stock() {
    let fixed: Option<u64> = setting("SEED");
    let steps = setting("STEPS").unwrap_or(STEPS);
    let limit = match (fixed, setting::<f64>("HOURS")) {
        (Some(_), _) => Duration::ZERO,
        (None, Some(hours)) => Duration::from_secs_f64(hours * 3600.0),
        (None, None) => SHORT,
    };
    let start = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("the clock is past 1970").as_nanos();
    let now = u64::try_from(now).expect("it is long until 2554");
    let is_long = limit > SHORT;
    let first = setting("FROM").unwrap_or(if is_long { now } else { SHORT_SEEDS });
    let mut seeds = Random::new(first);
    let mut stage = Stage::start();
    let templates = grammar::templates();
    let (mut findings, mut met, mut episodes) = (Vec::new(), BTreeSet::new(), 0_u64);
    loop {
        // Six digits are typed easily, and are enough to differ.
        let seed = fixed.unwrap_or_else(|| seeds.next() % 1_000_000_000);
        let episode = Episode::new(seed, steps, &templates);
        episodes += 1;
        if let Some((at, difference)) = episode.first_difference(&mut stage) {
            let finding = shrink::finding(&mut stage, &episode, at, &difference);
            // What the same commands show again and again is told once.
            if met.insert(finding.names) {
                findings.push(finding.text);
                // Told at once, as a long run is not waited for.
                writeln!(io::stderr(), "{}", findings[findings.len() - 1]).expect("it is open");
            }
        }
        if start.elapsed() >= limit || findings.len() >= FINDINGS_MAX {
            break;
        }
    }
    let seconds = start.elapsed().as_secs();
    let told = format!("FROM={first}: {episodes} episodes of {steps} commands in {seconds} s\n");
    io::stderr().write_all(told.as_bytes()).expect("it is open");
    assert!(
        findings.is_empty(),
        "{} difference(s) in {episodes} episodes of {steps} commands:\n\n{}",
        findings.len(),
        findings.join("\n")
    );
}

/// Groups of COMMAND DOCS whose commands are asked.
const GROUPS: &[&str] = &[
    "bitmap",
    "generic",
    "geo",
    "hash",
    "hyperloglog",
    "list",
    "set",
    "sorted-set",
    "stream",
    "string",
];

/// Commands that are not, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("dump", "payloads differ; TRANSFER dumps and restores"),
    ("pfselftest", "it takes long and reads nothing"),
    ("wait", "it is about replicas: tests/replication asks it"),
];

#[test]
fn every_command_of_the_data_that_stock_has_is_asked() {
    let (ours, stock) = (
        Server::start(PROGRAM, &[]),
        Server::start("redis-server", &[]),
    );
    let (mut ours, mut stock) = (ours.client(), stock.client());
    let asked: BTreeSet<String> = grammar::templates().iter().map(|one| one.name()).collect();
    let Ok(Reply::Array(docs)) = ours.ask(&["COMMAND", "DOCS"]) else {
        panic!("COMMAND DOCS is a list of names and what is told of them");
    };
    for pair in docs.chunks(2) {
        let [Reply::Bulk(name), Reply::Array(told)] = pair else {
            panic!("{pair:?} is no name with what is told of it");
        };
        let name = String::from_utf8_lossy(name);
        let is_data = GROUPS
            .iter()
            .any(|group| told.contains(&Reply::Bulk(group.as_bytes().into())));
        let info = stock
            .ask(&["COMMAND", "INFO", &name])
            .expect("stock answers");
        let is_new = info == Reply::Array(vec![Reply::Null]);
        let is_left_out = LEFT_OUT.iter().any(|(left_out, _)| *left_out == name);
        assert!(
            !is_data || is_new || is_left_out || asked.contains(&name.to_uppercase()),
            "{name} is not asked: add it to tests/differential/commands.txt"
        );
    }
}
