//! Snapshots beside writers: the parts `save` and `save-large` (BGSAVE) and `sync` (a full synchronisation without a disk).
//!
//! An open loop of SETs on keys that are all there, so that the data does not grow, for some seconds, then until a
//! snapshot is over, and then until another is. Both see the same rate. What the server holds is the Pss of its process and
//! of its children: pages that a child shares with it count once, those that a writer had copied twice. It is read beside
//! the second snapshot only: reading it takes the generator's core tens of milliseconds of each gigabyte, which would count
//! as the server's.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::drive::{Generator, Measured, Pace};
use crate::fill::{fill, fill_type};
use crate::options::{Mix, Options};
use crate::parts::{add_run, both, pair};
use crate::receiver::receive;
use crate::record::Record;
use crate::requests::Requests;
use crate::server::Server;
use crate::types::{self, Test};

/// How often the server is asked whether it has written the file. Each time takes something of the generator's core.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// A snapshot that takes longer is not waited for.
const LONGEST: Duration = Duration::from_secs(300);

/// What `save-large` has beside the keys, and sends instead of SETs alone.
const LARGE: Test = Test {
    name: "",
    filling: &[
        types::fill(1_000_000, "HSET big:hash field:@n value:@n"),
        types::fill(1_000_000, "ZADD big:zset @n member:@n"),
    ],
    requests: &[
        SET,
        SET,
        SET,
        SET,
        "HSET big:hash field:@m other:@k",
        SET,
        SET,
        SET,
        SET,
        "ZADD big:zset @k member:@m",
    ],
    roles: 0,
    keys: 0,
    members: 1_000_000,
};
/// The value has 64 bytes.
const SET: &str = "SET key:@k abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl";

/// What one side showed in one round.
struct Felt {
    before: Measured,
    during: Measured,
    seconds: f64,
    /// Bytes held before, and at most.
    held: u64,
    held_max: u64,
}

/// What is there to be felt.
#[derive(Clone, Copy)]
enum Kind {
    Save,
    SaveLarge,
    Sync,
}

/// BGSAVE.
pub fn save(options: &Options, record: &mut Record) -> io::Result<()> {
    beside(Kind::Save, options, record)
}

/// BGSAVE of large values, too.
pub fn save_large(options: &Options, record: &mut Record) -> io::Result<()> {
    beside(Kind::SaveLarge, options, record)
}

/// A replica that comes.
pub fn sync(options: &Options, record: &mut Record) -> io::Result<()> {
    beside(Kind::Sync, options, record)
}

/// Fresh servers in each round.
fn beside(kind: Kind, options: &Options, record: &mut Record) -> io::Result<()> {
    for round in 0..options.rounds {
        let servers = pair(options)?;
        for server in &servers {
            fill(server, options.memory_keys, true, options.value_size)?;
            if let Kind::SaveLarge = kind {
                fill_type(server, LARGE.filling)?;
            }
        }
        let sides = both(round, &servers, |server| live(kind, options, server, round))?;
        let (name, large) = match kind {
            Kind::Save => ("BGSAVE", ""),
            Kind::SaveLarge => ("BGSAVE", " and two large values"),
            Kind::Sync => ("full synchronisation", ""),
        };
        let test = format!(
            "{name} of {} keys{large} beside {:.0} writes/s",
            options.memory_keys, options.rate
        );
        let [ours, theirs] = sides;
        record.add(
            &test,
            "until it is over",
            "s",
            [ours.seconds, theirs.seconds],
        );
        let grown = |felt: &Felt| (felt.held_max as f64 / felt.held as f64 - 1.0) * 100.0;
        record.add(
            &test,
            "more memory at most",
            "%",
            [grown(&ours), grown(&theirs)],
        );
        let times = |felt: &Felt| {
            let late = |run: &Measured| run.latency.value_at_quantile(0.999) as f64;
            late(&felt.during) / late(&felt.before)
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

fn live(kind: Kind, options: &Options, server: &Server, round: usize) -> io::Result<Felt> {
    let pace = Pace::Open(options.rate, options.arrivals);
    let generator = || {
        let (keys, seed) = (options.memory_keys, round as u64 + 1);
        let requests = match kind {
            Kind::SaveLarge => Requests::of_type(&Test { keys, ..LARGE }, seed),
            Kind::Save | Kind::Sync => Requests::new(
                Mix::Set,
                keys,
                options.distribution,
                options.value_size,
                seed,
            ),
        };
        let size = Some(options.value_size);
        let generator = Generator::connect(server, options.connections, requests, size)?;
        io::Result::Ok(generator.sleeping(options.sleeps))
    };
    let before = generator()?.run(server, pace, options.warm_up(), 3 * options.measured)?;
    let held = held(server.id());
    let snapshot = |weighs| {
        let is_over = Arc::new(AtomicBool::new(false));
        let watch = watch(kind, server, Arc::clone(&is_over), weighs)?;
        let during = generator()?
            .until(is_over)
            .run(server, pace, Duration::ZERO, LONGEST)?;
        let watched = watch
            .join()
            .map_err(|_| io::Error::other("who watches has ended"))?;
        io::Result::Ok((during, watched?))
    };
    let (during, (seconds, _)) = snapshot(false)?;
    let (_, (_, held_max)) = snapshot(true)?;
    Ok(Felt {
        before,
        during,
        seconds,
        held,
        held_max: held_max.max(held),
    })
}

/// Begins one and waits for its end: the seconds that took, and what was held at most if it weighs.
fn watch(
    kind: Kind,
    server: &Server,
    is_over: Arc<AtomicBool>,
    weighs: bool,
) -> io::Result<thread::JoinHandle<io::Result<(f64, u64)>>> {
    let (id, address) = (server.id(), server.address);
    if let Kind::Sync = kind {
        let mut stream = TcpStream::connect(address)?;
        for (name, value) in [("diskless-sync", "yes"), ("diskless-sync-delay", "0")] {
            let set = format!("CONFIG SET repl-{name} {value}\r\n");
            ask(&mut stream, set.as_bytes())?;
        }
    }
    let watch = move || {
        thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let life = thread::spawn(move || match kind {
            Kind::Save | Kind::SaveLarge => save_file(address),
            Kind::Sync => receive(address),
        });
        let mut most = 0;
        while weighs && !life.is_finished() {
            most = most.max(held(id));
            thread::sleep(ASK_EVERY);
        }
        let ended = life.join();
        let seconds = start.elapsed().as_secs_f64();
        is_over.store(true, Ordering::Relaxed);
        ended.map_err(|_| io::Error::other("the snapshot's thread has ended"))??;
        Ok((seconds, most))
    };
    Ok(thread::spawn(watch))
}

/// BGSAVE, until the file is there.
fn save_file(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let begun = ask(&mut stream, b"BGSAVE\r\n")?;
    if !begun.starts_with('+') {
        return Err(io::Error::other(begun));
    }
    loop {
        thread::sleep(ASK_EVERY);
        let told = ask(&mut stream, b"INFO persistence\r\n")?;
        if told.contains("rdb_bgsave_in_progress:0") {
            return if told.contains("rdb_last_bgsave_status:ok") {
                Ok(())
            } else {
                Err(io::Error::other("the file was not written"))
            };
        }
    }
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
