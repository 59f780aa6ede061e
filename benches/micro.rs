//! The keyspace by itself: nanoseconds for each operation, the longest pause
//! of one insert, bytes for each key.
//!
//! `cargo bench --bench micro [-- memory | speed | pause | slot] [KEYS]`, KEYS
//! of pause and slot. The numbers are in `docs/design/keyspace.md`. Memory runs
//! first: it needs a process that has freed nothing yet. A node switches huge
//! pages off at its start (`disable-thp`); here `MIMALLOC_ALLOW_THP=0` does.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use basalt::base::{HashKey, Random};
use basalt::keyspace::{Clock, Key, Keyspace, Lifetime, Overdue, Touch};
use basalt::memory::used_memory;

const MEMORY_KEYS: u64 = 5_000_000;
const SPEED_KEYS: u64 = 1_000_000;
const OPERATIONS: u64 = 2_000_000;
const PAUSE_KEYS: u64 = 4_000_000;
const BATCH: usize = 16;

const CLOCK: Clock = Clock {
    now: 1_000_000,
    touch: Touch::Lru,
    overdue: Overdue::Removed,
};

/// A name written into a buffer, so that formatting is not measured.
struct Name {
    bytes: [u8; 32],
    len: usize,
}

fn name(prefix: &str, number: u64) -> Name {
    let mut bytes = [0; 32];
    let mut rest = &mut bytes[..];
    write!(rest, "{prefix}{number}").expect("32 bytes hold a prefix and a number");
    let len = 32 - rest.len();
    Name { bytes, len }
}

impl Name {
    fn text(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn keyspace() -> Box<Keyspace> {
    Keyspace::new(16, HashKey([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]))
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux has /proc");
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second field is the resident pages") * 4096
}

fn memory(out: &mut impl Write) -> io::Result<()> {
    let mut keyspace = keyspace();
    let (resident, used) = (resident_bytes(), used_memory());
    for number in 0..MEMORY_KEYS {
        let name = name("key:", number);
        let key = keyspace.key(name.text());
        let db = keyspace.db_mut(0);
        db.set(key, &[b'x'; 64], Lifetime::Forever, &CLOCK);
    }
    let per_key = |bytes: u64| bytes as f64 / MEMORY_KEYS as f64;
    let used = (used_memory() - used) as u64;
    writeln!(
        out,
        "memory: {MEMORY_KEYS} keys key:N with 64 bytes: {:.1} bytes resident, {:.1} counted, each",
        per_key(resident_bytes() - resident),
        per_key(used),
    )?;
    let begin = Instant::now();
    let mut discarded = keyspace.db_mut(0).clear();
    let cleared = begin.elapsed();
    let mut longest = Duration::ZERO;
    loop {
        let begin = Instant::now();
        let is_left = discarded.free_step(100);
        longest = longest.max(begin.elapsed());
        if !is_left {
            break;
        }
    }
    writeln!(
        out,
        "clear: {cleared:?}, then {:?} in all, the longest step of 100 buckets {longest:?}",
        begin.elapsed()
    )
}

/// Runs `operate` over the names, which are in random order, by batches.
fn measure(
    out: &mut impl Write,
    what: &str,
    keyspace: &mut Keyspace,
    names: &[Name],
    is_prefetching: bool,
    mut operate: impl FnMut(&mut Keyspace, Key<'_>),
) -> io::Result<()> {
    let begin = Instant::now();
    for batch in names.chunks_exact(BATCH) {
        let keys: [Key<'_>; BATCH] = std::array::from_fn(|index| keyspace.key(batch[index].text()));
        if is_prefetching {
            let db = keyspace.db(0);
            keys.iter().for_each(|key| db.prefetch_slot(*key));
            keys.iter().for_each(|key| db.prefetch_bucket(*key));
            keys.iter().for_each(|key| db.prefetch_entry(*key));
        }
        for key in keys {
            operate(keyspace, key);
        }
    }
    let each = begin.elapsed().as_nanos() as f64 / OPERATIONS as f64;
    let how = if is_prefetching {
        "prefetched"
    } else {
        "as it comes"
    };
    writeln!(out, "{what:<24} {how:<12} {each:6.1} ns")
}

fn speed(out: &mut impl Write) -> io::Result<()> {
    let mut keyspace = keyspace();
    let begin = Instant::now();
    for number in 0..SPEED_KEYS {
        let name = name("key:", number);
        let key = keyspace.key(name.text());
        let db = keyspace.db_mut(0);
        db.set(key, &[b'x'; 64], Lifetime::Forever, &CLOCK);
    }
    let each = begin.elapsed().as_nanos() as f64 / SPEED_KEYS as f64;
    writeln!(
        out,
        "{:<24} {:<12} {each:6.1} ns",
        "name, insert", "as it comes"
    )?;
    let mut random = Random::new(11);
    // In the order of use, so that reading the names costs next to nothing.
    let names: Vec<Name> = (0..OPERATIONS)
        .map(|_| name("key:", random.below(SPEED_KEYS)))
        .collect();
    for is_prefetching in [false, true] {
        measure(
            out,
            "hash only",
            &mut keyspace,
            &names,
            is_prefetching,
            |_, key| {
                black_box(key.hash);
            },
        )?;
        measure(
            out,
            "find",
            &mut keyspace,
            &names,
            is_prefetching,
            |keyspace, key| {
                let found = keyspace.db_mut(0).find(key, &CLOCK);
                black_box(found.and_then(|found| found.text()).map(|text| text.len()));
            },
        )?;
        measure(
            out,
            "set, same length",
            &mut keyspace,
            &names,
            is_prefetching,
            |keyspace, key| {
                keyspace
                    .db_mut(0)
                    .set(key, &[b'y'; 64], Lifetime::Forever, &CLOCK);
            },
        )?;
        let mut len = 32;
        measure(
            out,
            "set, other length",
            &mut keyspace,
            &names,
            is_prefetching,
            |keyspace, key| {
                len ^= 7;
                keyspace
                    .db_mut(0)
                    .set(key, &[b'z'; 64][..len], Lifetime::Forever, &CLOCK);
            },
        )?;
    }
    Ok(())
}

/// What this thread has had of its core, in nanoseconds: a pause in it is the
/// thread's own or the kernel's on its behalf, never the wait for a core.
fn on_core() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What is timed.
#[derive(Clone, Copy)]
enum Timed {
    /// What is long here is the machine's doing.
    Computing,
    /// New memory is written to, as much as the keys will take: what is long here
    /// is the supply of memory by the kernel, and by the host of a virtual machine.
    Touching,
    /// A key with this prefix is inserted.
    Inserting(&'static str),
}

/// Bytes of memory for each key that is inserted here.
const BYTES_PER_KEY: u64 = 48;
const PAGE_BYTES: u64 = 4096;

/// The longest single insert of `keys`, or what stands beside it.
fn pause(out: &mut impl Write, what: &str, keys: u64, timed: Timed) -> io::Result<()> {
    let mut keyspace = keyspace();
    let mut fresh = match timed {
        Timed::Touching => vec![0_u8; (keys * BYTES_PER_KEY) as usize],
        Timed::Computing | Timed::Inserting(_) => Vec::new(),
    };
    let mut took = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut longest = [0; 3];
    for number in 0..keys {
        let prefix = match timed {
            Timed::Inserting(prefix) => prefix,
            Timed::Computing | Timed::Touching => "key:",
        };
        let name = name(prefix, number);
        let begin = on_core();
        match timed {
            Timed::Computing => (0..40).for_each(|_| {
                black_box(keyspace.key(black_box(name.text())));
            }),
            Timed::Touching => {
                let at = number * BYTES_PER_KEY;
                if at / PAGE_BYTES != (at + BYTES_PER_KEY) / PAGE_BYTES {
                    fresh[at as usize] = 1;
                }
            }
            Timed::Inserting(_) => {
                let key = keyspace.key(name.text());
                let db = keyspace.db_mut(0);
                db.set(key, b"value", Lifetime::Forever, &CLOCK);
            }
        }
        let nanos = on_core() - begin;
        took.record(nanos).expect("the histogram grows");
        if nanos > longest[0] {
            longest[0] = nanos;
            longest.sort_unstable();
        }
    }
    black_box(&fresh);
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    let long = took.len() - took.count_between(0, 100_000);
    writeln!(
        out,
        "insert, {keys} {what}: µs on the core: median {:.2}, 1 in 1,000 {:.2}, 1 in 100,000 {:.1}, longest {:.0} {:.0} {:.0}, {long} above 100",
        micros(took.value_at_quantile(0.5)),
        micros(took.value_at_quantile(0.999)),
        micros(took.value_at_quantile(0.99999)),
        micros(longest[0]),
        micros(longest[1]),
        micros(longest[2]),
    )
}

fn main() -> io::Result<()> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| {
        let parts = ["memory", "speed", "pause", "slot"];
        asked.iter().any(|word| word == name)
            || !asked.iter().any(|word| parts.contains(&word.as_str()))
    };
    let mut out = io::stdout().lock();
    if is_asked("memory") {
        memory(&mut out)?;
    }
    if is_asked("speed") {
        speed(&mut out)?;
    }
    let keys = asked.iter().find_map(|word| word.parse().ok());
    let keys = keys.unwrap_or(PAUSE_KEYS);
    if is_asked("pause") {
        // As in the node: else the allocator gives memory back within an insert.
        basalt::server::start_janitor().map_err(io::Error::other)?;
        pause(&mut out, "times computing only", keys, Timed::Computing)?;
        pause(&mut out, "times touching memory", keys, Timed::Touching)?;
        pause(
            &mut out,
            "keys over all slots",
            keys,
            Timed::Inserting("key:"),
        )?;
    }
    if is_asked("slot") {
        pause(&mut out, "keys in one slot", keys, Timed::Inserting("{t}:"))?;
    }
    Ok(())
}
