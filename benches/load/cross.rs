//! Commands over several keys, transactions, scripts and waiting clients: what they cost on one core, and on several.
//!
//! Each test runs with one shard against stock, which is the form that has to be no dearer than stock's, and with
//! more, where the keys are on different cores and the figure says what crossing them costs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::drive::{Generator, Measured, Pace};
use crate::fill::{fill, fill_type};
use crate::options::Options;
use crate::parts::{Pair, add_run, both, load};
use crate::record::Record;
use crate::requests::Requests;
use crate::server::{Plan, Server};
use crate::types::{Filling, Test, fill as filling};

/// Keys that the reading tests find.
const KEYS: &[Filling] = &[filling(50_000, "SET key:@n VXK")];

const fn test(name: &'static str, roles: usize, requests: &'static [&'static str]) -> Test {
    Test {
        name,
        filling: KEYS,
        requests,
        roles,
        keys: 50_000,
        members: 50_000,
    }
}

const TESTS: &[Test] = &[
    test(
        "MGET of 10",
        1,
        &["MGET key:@r key:@r key:@r key:@r key:@r key:@r key:@r key:@r key:@r key:@r"],
    ),
    test(
        "MSET of 10",
        1,
        &[
            "MSET key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK key:@r VXK",
        ],
    ),
    test(
        "EXEC of 5, one core",
        1,
        &[
            "MULTI",
            "SET a{@c} VXK",
            "SET b{@c} VXK",
            "GET a{@c}",
            "INCR c{@c}",
            "LPUSH d{@c} VXK",
            "LTRIM d{@c} 0 9",
            "EXEC",
        ],
    ),
    test(
        "EXEC of 5, any cores",
        1,
        &[
            "MULTI",
            "SET key:@r VXK",
            "SET key:@r VXK",
            "GET key:@r",
            "GET key:@r",
            "SET key:@r VXK",
            "EXEC",
        ],
    ),
    test(
        "EVAL, one key",
        1,
        &["EVAL return(redis.call('incr',KEYS[1])) 1 counter:@k"],
    ),
    test(
        "EVAL, four keys",
        1,
        &[
            "EVAL redis.call('set',KEYS[1],'a');redis.call('set',KEYS[2],'b');return{redis.call('get',KEYS[3]),redis.call('get',KEYS[4])} 4 key:@r key:@r key:@r key:@r",
        ],
    ),
    test(
        "BLPOP and RPUSH, two clients",
        2,
        &[
            "RPUSH ping:@c x",
            "BLPOP pong:@c 0",
            "BLPOP ping:@c 0",
            "RPUSH pong:@c x",
        ],
    ),
];

/// Basalt with so many shards, and stock.
pub fn sides(options: &Options, shards: usize) -> io::Result<Pair> {
    let cores = if shards > 1 {
        &options.hop_cores
    } else {
        &options.server_cores
    };
    let ours = Plan::new(&options.basalt, shards, cores);
    let theirs = Plan::new(&options.stock, 1, &options.server_cores);
    Ok([Server::start(&ours)?, Server::start(&theirs)?])
}

/// Each test, with each count of shards, on servers of its own.
pub fn cross(options: &Options, record: &mut Record) -> io::Result<()> {
    for test in options.chosen(TESTS, |test| test.name)? {
        for shards in &options.cross_shards {
            let servers = sides(options, *shards)?;
            for server in &servers {
                fill_type(server, test.filling)?;
            }
            for round in 0..options.rounds {
                for depth in &options.pipeline {
                    let runs = both(round, &servers, |server| {
                        run(test, *depth, round, server, options)
                    })?;
                    let name = format!("{} P{depth}, {shards} shards", test.name);
                    add_run(record, &name, &runs);
                }
            }
        }
    }
    Ok(())
}

/// The pipeline's depth counts whole parts: a transaction is sent at once.
fn run(
    test: &Test,
    depth: usize,
    round: usize,
    server: &Server,
    options: &Options,
) -> io::Result<Measured> {
    let part = test.requests.len() / test.roles;
    let requests = Requests::of_type(test, round as u64 + 1);
    let generator = Generator::connect(server, options.connections, requests, None)?;
    let pace = Pace::Closed(depth * part);
    generator.run(server, pace, options.warm_up(), options.measured)
}

/// Requests per second of those beside, and the clients that send them.
const BESIDE: f64 = 1_000.0;
const SENDERS: usize = 8;

/// What they send: transactions over the cores, of keys that nobody else uses.
const OTHERS: Test = test(
    "MSET of 10 others",
    1,
    &[
        "MSET other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK other:@r VXK",
    ],
);

/// What they send to the node without transactions, so that what the generator, its threads and its wakings cost is
/// the same on both sides.
const PINGS: Test = test("PING", 1, &["PING"]);

/// GET and SET of single keys beside others that send transactions over the cores, and beside others that send PING.
/// Both sides are the node under test with the same shards.
pub fn beside(options: &Options, record: &mut Record) -> io::Result<()> {
    let plan = Plan::new(&options.basalt, options.hop_shards, &options.hop_cores);
    let servers = [Server::start(&plan)?, Server::start(&plan)?];
    let names = ["MSET", "PING"].map(|others| format!("{BESIDE:.0} {others}/s beside"));
    let names = std::mem::replace(&mut record.names, names);
    for server in &servers {
        fill(server, options.keys, true, options.value_size)?;
    }
    let busy = servers[0].address;
    for round in 0..options.rounds {
        for mix in &options.mixes {
            for depth in &options.pipeline {
                let runs = both(round, &servers, |server| {
                    let is_busy = server.address == busy;
                    let others = if is_busy { &OTHERS } else { &PINGS };
                    with_others(server, others, || {
                        load(options, server, *mix, Pace::Closed(*depth), round)
                    })
                })?;
                add_run(record, &format!("{} P{depth} beside", mix.name()), &runs);
            }
        }
    }
    record.names = names;
    Ok(())
}

/// Runs `act` while others send these requests.
fn with_others<T>(
    server: &Server,
    others: &'static Test,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|seed| {
                scope.spawn({
                    let is_over = &is_over;
                    move || send_others(server, others, seed, is_over)
                })
            })
            .collect();
        let result = act();
        is_over.store(true, Ordering::Relaxed);
        let mut reached = 0.0;
        for sender in senders {
            let rate = sender.join();
            reached += rate.map_err(|_| io::Error::other("a sender panicked"))??;
        }
        // A rate that was not reached is not what the table says.
        if reached < BESIDE * 0.95 {
            return Err(io::Error::other(format!(
                "only {reached:.0} requests of others per second"
            )));
        }
        result
    })
}

/// One request after the other, at a sender's share of the rate; the thread sleeps in between. Says the rate
/// that was reached.
fn send_others(
    server: &Server,
    others: &'static Test,
    seed: usize,
    is_over: &AtomicBool,
) -> io::Result<f64> {
    let mut client = crate::publish::Client::connect(server)?;
    let mut requests = Requests::of_type(others, seed as u64);
    let rate = BESIDE / SENDERS as f64;
    let (start, mut sent) = (Instant::now(), 0.0);
    let mut request = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let due = Duration::from_secs_f64(sent / rate);
        thread::sleep(due.saturating_sub(start.elapsed()));
        request.clear();
        requests.append(0, 0, &mut request);
        client.ask(&request)?;
        sent += 1.0;
    }
    Ok(sent / start.elapsed().as_secs_f64())
}
