//! BGSAVE beside writers: the part `save`.
//!
//! An open loop of SETs on keys that are all there, so that the data does not grow, for some seconds and then until
//! the file is written. Both see the same rate. What the server holds is the Pss of its process and of its children: pages
//! that a child shares with it count once, those that a writer had copied twice.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::drive::{Generator, Measured, Pace};
use crate::fill::fill;
use crate::options::{Mix, Options};
use crate::parts::{add_run, both, pair};
use crate::record::Record;
use crate::requests::Requests;
use crate::server::Server;

/// How often the server is asked whether it has written the file.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// A file that takes longer is not waited for.
const SAVE_MAX: Duration = Duration::from_secs(300);

/// What one side showed in one round.
struct Saved {
    before: Measured,
    during: Measured,
    seconds: f64,
    /// Bytes held before, and at most.
    held: u64,
    held_max: u64,
}

/// Fresh servers in each round.
pub fn save(options: &Options, record: &mut Record) -> io::Result<()> {
    for round in 0..options.rounds {
        let servers = pair(options)?;
        for server in &servers {
            fill(server, options.memory_keys, true, options.value_size)?;
        }
        let sides = both(round, &servers, |server| live(options, server, round))?;
        let test = format!(
            "BGSAVE of {} keys beside {:.0} SET/s",
            options.memory_keys, options.rate
        );
        let [ours, theirs] = sides;
        record.add(
            &test,
            "until it is written",
            "s",
            [ours.seconds, theirs.seconds],
        );
        let grown = |saved: &Saved| (saved.held_max as f64 / saved.held as f64 - 1.0) * 100.0;
        record.add(
            &test,
            "more memory at most",
            "%",
            [grown(&ours), grown(&theirs)],
        );
        let times = |saved: &Saved| {
            let late = |run: &Measured| run.latency.value_at_quantile(0.999) as f64;
            late(&saved.during) / late(&saved.before)
        };
        record.add(
            &test,
            "p99.9 during / before",
            "",
            [times(&ours), times(&theirs)],
        );
        add_run(
            record,
            &format!("{test}, before"),
            &[ours.before, theirs.before],
        );
        add_run(
            record,
            &format!("{test}, during"),
            &[ours.during, theirs.during],
        );
    }
    Ok(())
}

fn live(options: &Options, server: &Server, round: usize) -> io::Result<Saved> {
    let pace = Pace::Open(options.rate, options.arrivals);
    let generator = || {
        let (keys, seed) = (options.memory_keys, round as u64 + 1);
        let requests = Requests::new(
            Mix::Set,
            keys,
            options.distribution,
            options.value_size,
            seed,
        );
        let size = Some(options.value_size);
        Generator::connect(server, options.connections, requests, size)
    };
    let before = generator()?.run(server, pace, options.warm_up(), 3 * options.measured)?;
    let held = held(server.id());
    let is_over = Arc::new(AtomicBool::new(false));
    let watch = watch(server, Arc::clone(&is_over))?;
    let during = generator()?
        .until(is_over)
        .run(server, pace, Duration::ZERO, SAVE_MAX)?;
    let watched = watch
        .join()
        .map_err(|_| io::Error::other("who watches has ended"))?;
    let (seconds, held_max) = watched?;
    Ok(Saved {
        before,
        during,
        seconds,
        held,
        held_max: held_max.max(held),
    })
}

/// Asks for the file and waits for it: the seconds that took, and what was held at most.
fn watch(
    server: &Server,
    is_over: Arc<AtomicBool>,
) -> io::Result<thread::JoinHandle<io::Result<(f64, u64)>>> {
    let (id, mut stream) = (server.id(), TcpStream::connect(server.address)?);
    let watch = move || {
        thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let outcome = ask(&mut stream, b"BGSAVE\r\n").and_then(|begun| {
            if !begun.starts_with('+') {
                return Err(io::Error::other(begun));
            }
            let (mut most, mut looks) = (0, 0);
            loop {
                thread::sleep(ASK_EVERY);
                // It makes the server wait for a moment, so not each time.
                looks += 1;
                if looks % 10 == 0 {
                    most = most.max(held(id));
                }
                let told = ask(&mut stream, b"INFO persistence\r\n")?;
                if told.contains("rdb_bgsave_in_progress:0") {
                    if !told.contains("rdb_last_bgsave_status:ok") {
                        return Err(io::Error::other("the file was not written"));
                    }
                    return Ok((start.elapsed().as_secs_f64(), most));
                }
            }
        });
        is_over.store(true, Ordering::Relaxed);
        outcome
    };
    Ok(thread::spawn(watch))
}

/// A reply that comes in one piece.
fn ask(stream: &mut TcpStream, request: &[u8]) -> io::Result<String> {
    stream.write_all(request)?;
    let mut reply = vec![0; 64 * 1024];
    let size = stream.read(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply[..size]).into_owned())
}

/// Pss of a process and its children, in bytes; a child that has just ended counts nothing.
fn held(id: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let ids = children.split_whitespace().map(str::to_owned);
    let pss = |id: String| {
        let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.unwrap_or(0_u64) * 1024
    };
    ids.chain([id.to_string()]).map(pss).sum()
}
