//! The parts of the bench: which runs each makes and which measures it takes from them.
//!
//! Every part starts fresh servers, alternates between the two sides within a round, and swaps which side goes first
//! from round to round.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::cross;
use crate::drive::{Generator, Measured, Pace};
use crate::fill::{fill, fill_type};
use crate::lives::LIVES;
use crate::options::{Mix, Options, Part};
use crate::polite::{Life, Lived, Pause, live};
use crate::process;
use crate::publish;
use crate::record::Record;
use crate::replies::Replies;
use crate::requests::Requests;
use crate::server::{Plan, Server, is_basalt};
use crate::snapshots;
use crate::types::{GROWTHS, TESTS};

/// The two sides: first the one under test.
pub type Pair = [Server; 2];

/// Runs one part and adds its rows to the record.
pub fn run(part: Part, options: &Options, record: &mut Record) -> io::Result<()> {
    match part {
        Part::Sweep => sweep(options, record),
        Part::Tail => tail(options, record),
        Part::Hop => hop(options, record),
        Part::Memory => memory(options, record),
        Part::IdleConnections => idle_connections(options, record),
        Part::Idle => idle(options, record),
        Part::Types => types(options, record),
        Part::TypeMemory => type_memory(options, record),
        Part::Polite => polite(options, LIVES, record),
        Part::Built => polite(
            options,
            &LIVES.iter().map(Life::built).collect::<Vec<_>>(),
            record,
        ),
        Part::Cross => cross::cross(options, record),
        Part::Publish => publish::publish(options, record),
        Part::Beside => cross::beside(options, record),
        Part::Open => open(options, record),
        Part::Save => snapshots::save(options, record),
        Part::SaveLarge => snapshots::save_large(options, record),
        Part::Sync => snapshots::sync(options, record),
    }
}

/// Starts both servers with the same cores.
pub fn pair(options: &Options) -> io::Result<Pair> {
    let plan = |binary: &std::path::Path| Plan::new(binary, options.shards, &options.server_cores);
    Ok([
        Server::start(&plan(&options.basalt))?,
        Server::start(&plan(&options.stock))?,
    ])
}

/// Both sides of one round, in an order that changes with the round.
pub fn both<T>(
    round: usize,
    servers: &Pair,
    mut act: impl FnMut(&Server) -> io::Result<T>,
) -> io::Result<[T; 2]> {
    if round.is_multiple_of(2) {
        let ours = act(&servers[0])?;
        Ok([ours, act(&servers[1])?])
    } else {
        let theirs = act(&servers[1])?;
        Ok([act(&servers[0])?, theirs])
    }
}

fn fill_both(options: &Options, servers: &Pair) -> io::Result<()> {
    servers
        .iter()
        .try_for_each(|server| fill(server, options.keys, true, options.value_size))
}

pub fn load(
    options: &Options,
    server: &Server,
    mix: Mix,
    pace: Pace,
    seed: usize,
) -> io::Result<Measured> {
    let seed = seed as u64 + 1;
    let requests = Requests::new(
        mix,
        options.keys,
        options.distribution,
        options.value_size,
        seed,
    );
    let size = Some(options.value_size);
    let generator = Generator::connect(server, options.connections, requests, size)?;
    let generator = generator.sleeping(options.sleeps);
    generator.run(server, pace, options.warm_up(), options.measured)
}

fn sweep(options: &Options, record: &mut Record) -> io::Result<()> {
    let servers = pair(options)?;
    let before = both(0, &servers, Server::resident)?;
    fill_both(options, &servers)?;
    let mut worst_foreign = 0.0_f64;
    for round in 0..options.rounds {
        for mix in &options.mixes {
            for depth in &options.pipeline {
                let test = format!("{} P{depth}", mix.name());
                let runs = both(round, &servers, |server| {
                    let (busy, start) = (core_busy(options)?, Instant::now());
                    let run = load(options, server, *mix, Pace::Closed(*depth), round)?;
                    let total = core_busy(options)?.saturating_sub(busy) as f64;
                    // The run's own share, warm-up included, is estimated from the measured part.
                    let own = run.server.cpu as f64 / run.elapsed.as_secs_f64()
                        * start.elapsed().as_secs_f64();
                    worst_foreign =
                        worst_foreign.max((total - own) / start.elapsed().as_nanos() as f64);
                    Ok(run)
                })?;
                add_run(record, &test, &runs);
            }
        }
    }
    let after = both(0, &servers, Server::resident)?;
    record.add("sweep", "RSS before load", "MB", before.map(megabytes));
    record.add("sweep", "RSS after load", "MB", after.map(megabytes));
    record.remarks.push(format!(
        "sweep: others used at most {:.0} % of the server's first core.",
        worst_foreign.max(0.0) * 100.0
    ));
    Ok(())
}

fn open(options: &Options, record: &mut Record) -> io::Result<()> {
    let servers = pair(options)?;
    fill_both(options, &servers)?;
    for round in 0..options.rounds {
        for mix in &options.mixes {
            let pace = Pace::Open(options.rate, options.arrivals);
            let runs = both(round, &servers, |server| {
                load(options, server, *mix, pace, round)
            })?;
            add_run(
                record,
                &format!("{} open at {:.0}/s", mix.name(), options.rate),
                &runs,
            );
        }
    }
    Ok(())
}

/// Stock's highest rate in a closed loop at P1 sets the rate that both sides then get.
fn tail(options: &Options, record: &mut Record) -> io::Result<()> {
    let servers = pair(options)?;
    fill_both(options, &servers)?;
    for mix in &options.mixes {
        let highest = load(options, &servers[1], *mix, Pace::Closed(1), 0)?;
        let rate = rate(&highest) * options.load;
        let test = format!(
            "{} tail at {:.0} % of stock's rate",
            mix.name(),
            options.load * 100.0
        );
        record.remarks.push(format!(
            "{test}: {rate:.0} requests per second, {:?} arrivals.",
            options.arrivals
        ));
        for round in 0..options.rounds {
            let pace = Pace::Open(rate, options.arrivals);
            let runs = both(round, &servers, |server| {
                load(options, server, *mix, pace, round)
            })?;
            add_run(record, &test, &runs);
        }
    }
    Ok(())
}

/// The binary under test with several shards against itself with one.
fn hop(options: &Options, record: &mut Record) -> io::Result<()> {
    if !is_basalt(&options.basalt) {
        record.remarks.push(
            "hop: the binary is not basalt and has no shards; both sides are the same.".to_owned(),
        );
    }
    let plan = |shards, cores: &str| Plan::new(&options.basalt, shards, cores);
    let many = Server::start(&plan(options.hop_shards, &options.hop_cores))?;
    let servers = [many, Server::start(&plan(1, &options.server_cores))?];
    let sides = [
        format!("{} shards", options.hop_shards),
        "1 shard".to_owned(),
    ];
    let names = std::mem::replace(&mut record.names, sides);
    fill_both(options, &servers)?;
    for round in 0..options.rounds {
        for mix in &options.mixes {
            for depth in &options.pipeline {
                let test = format!("{} P{depth} hop", mix.name());
                let pace = Pace::Closed(*depth);
                let runs = both(round, &servers, |server| {
                    load(options, server, *mix, pace, round)
                })?;
                add_run(record, &test, &runs);
            }
        }
    }
    record.names = names;
    Ok(())
}

fn memory(options: &Options, record: &mut Record) -> io::Result<()> {
    let test = format!(
        "{} keys key:N, {} B values",
        options.memory_keys, options.value_size
    );
    let servers = pair(options)?;
    let growth = both(0, &servers, |server| {
        let before = server.resident()?;
        fill(server, options.memory_keys, false, options.value_size)?;
        thread::sleep(Duration::from_millis(500));
        Ok(server.resident()?.saturating_sub(before) as f64 / options.memory_keys as f64)
    })?;
    record.add(&test, "RSS growth per key", "B", growth);
    Ok(())
}

/// Each connection sends one PING, so that the server has set up what it sets up for a client, and then rests.
fn idle_connections(options: &Options, record: &mut Record) -> io::Result<()> {
    let servers = pair(options)?;
    let growth = both(0, &servers, |server| {
        let before = server.resident()?;
        let mut clients = Vec::with_capacity(options.idle_clients);
        for _ in 0..options.idle_clients {
            let mut stream = TcpStream::connect(server.address)?;
            stream.write_all(b"*1\r\n$4\r\nPING\r\n")?;
            let mut reply = [0; 64];
            let size = io::Read::read(&mut stream, &mut reply)?;
            if Replies::new(Some(0)).count(&reply[..size])? != 1 {
                return Err(io::Error::other("PING was not answered"));
            }
            clients.push(stream);
        }
        thread::sleep(Duration::from_secs(5));
        Ok(megabytes(server.resident()?.saturating_sub(before)))
    })?;
    record.add(
        &format!("{} idle connections", options.idle_clients),
        "RSS growth",
        "MB",
        growth,
    );
    Ok(())
}

fn idle(options: &Options, record: &mut Record) -> io::Result<()> {
    let servers = pair(options)?;
    thread::sleep(Duration::from_secs(1));
    for _ in 0..options.rounds.min(3) {
        let (start, before) = (Instant::now(), both(0, &servers, Server::usage)?);
        thread::sleep(Duration::from_secs(5));
        let (seconds, after) = (
            start.elapsed().as_secs_f64(),
            both(0, &servers, Server::usage)?,
        );
        let used = [0, 1].map(|side| after[side].since(before[side]));
        let switches = used.map(|used| (used.voluntary + used.involuntary) as f64 / seconds);
        record.add("idle node", "context switches", "/s", switches);
        record.add(
            "idle node",
            "CPU",
            "µs/s",
            used.map(|used| used.cpu as f64 / 1000.0 / seconds),
        );
    }
    Ok(())
}

/// Each test on servers of its own, so that none meets what another left.
fn types(options: &Options, record: &mut Record) -> io::Result<()> {
    for test in options.chosen(TESTS, |test| test.name)? {
        let servers = pair(options)?;
        for server in &servers {
            fill_type(server, test.filling)?;
        }
        for round in 0..options.rounds {
            for depth in &options.pipeline {
                let runs = both(round, &servers, |server| {
                    let requests = Requests::of_type(test, round as u64 + 1);
                    let generator =
                        Generator::connect(server, options.connections, requests, None)?;
                    let pace = Pace::Closed(*depth);
                    generator.run(server, pace, options.warm_up(), options.measured)
                })?;
                add_run(record, &format!("{} P{depth}", test.name), &runs);
            }
        }
    }
    Ok(())
}

fn type_memory(options: &Options, record: &mut Record) -> io::Result<()> {
    for test in options.chosen(GROWTHS, |test| test.name)? {
        let servers = pair(options)?;
        let growth = both(0, &servers, |server| {
            let before = server.resident()?;
            fill_type(server, test.filling)?;
            thread::sleep(Duration::from_millis(500));
            Ok(server.resident()?.saturating_sub(before) as f64 / test.elements as f64)
        })?;
        record.add(test.name, "RSS growth per element", "B", growth);
    }
    Ok(())
}

/// Fresh servers in each round; the smallest of the rounds is what is recorded.
fn polite(options: &Options, lives: &[Life], record: &mut Record) -> io::Result<()> {
    for life in options.chosen(lives, |life| life.name)? {
        let mut sides: [Option<Lived>; 2] = [None, None];
        for round in 0..options.rounds {
            for side in [round % 2, 1 - round % 2] {
                let [ours, theirs] = pair(options)?;
                let lived = live([&ours, &theirs][side], life, options.elements)?;
                sides[side] = Some(match sides[side].take() {
                    Some(before) => before.least(lived),
                    None => lived,
                });
            }
        }
        let [Some(ours), Some(theirs)] = sides else {
            continue;
        };
        let mut add = |test: &str, [ours, theirs]: [Pause; 2]| {
            let mut add = |measure, of: &dyn Fn(Pause) -> f64| {
                record.add(test, measure, "ms", [of(ours) / 1e3, of(theirs) / 1e3]);
            };
            add("reply", &|pause| pause.reply.net);
            add("reply, on the clock", &|pause| pause.reply.clock);
            add("longest PING beside it", &|pause| pause.others.net);
            add("the same, on the clock", &|pause| pause.others.clock);
        };
        let build = format!(
            "{} built, {} at a time",
            life.name,
            crate::polite::AT_ONCE * life.elements
        );
        add(
            &build,
            [&ours, &theirs].map(|lived| Pause::longest(&lived.build)),
        );
        for ((test, ours), (_, theirs)) in ours.steps.iter().zip(&theirs.steps) {
            add(test, [*ours, *theirs]);
        }
    }
    Ok(())
}

/// The measures every run gives.
pub fn add_run(record: &mut Record, test: &str, runs: &[Measured; 2]) {
    let mut add = |measure, unit, of: &dyn Fn(&Measured) -> f64| {
        record.add(test, measure, unit, [of(&runs[0]), of(&runs[1])]);
    };
    add("CPU per operation", "ns", &|run| {
        run.server.cpu as f64 / run.replies.max(1) as f64
    });
    add("throughput", "/s", &rate);
    for (measure, quantile) in [
        ("p50", 0.5),
        ("p90", 0.9),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("max", 1.0),
    ] {
        add(measure, "µs", &|run| {
            run.latency.value_at_quantile(quantile) as f64 / 1000.0
        });
    }
    let share = |used: u64, run: &Measured| used as f64 / run.elapsed.as_nanos() as f64 * 100.0;
    add("voluntary switches per 1000 operations", "", &|run| {
        run.server.voluntary as f64 * 1000.0 / run.replies.max(1) as f64
    });
    add("server's CPU", "%", &|run| share(run.server.cpu, run));
    add("generator's CPU", "%", &|run| share(run.generator, run));
    if runs.iter().any(|run| run.unanswered > run.replies / 1000) {
        let unanswered = runs.each_ref().map(|run| run.unanswered);
        record.remarks.push(format!(
            "{test}: {} and {} requests were due but late when a run ended.",
            unanswered[0], unanswered[1]
        ));
    }
    record.add_latency(test, [&runs[0].latency, &runs[1].latency]);
}

pub fn rate(run: &Measured) -> f64 {
    run.replies as f64 / run.elapsed.as_secs_f64()
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Nanoseconds the server's first core was busy so far.
fn core_busy(options: &Options) -> io::Result<u64> {
    let first = options
        .server_cores
        .split([',', '-'])
        .next()
        .and_then(|core| core.parse().ok());
    process::busy(first.unwrap_or(0))
}
