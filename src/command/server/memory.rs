//! MEMORY: where memory goes.

use crate::base::parse_i64;
use crate::command::gather::Gather;
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::memory::used_memory;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::telemetry::Parcel;

use super::footprint::Footprint;
use super::print::human;
use super::share::{Share, joined};

pub(crate) const COMMANDS: &[Command] = &[MEMORY];

const MEMORY: Command = Command {
    spec: Spec {
        name: "MEMORY",
        summary: "Shows where memory goes.",
        since: "4.0.0",
        cost: "Depends on the subcommand",
        group: Group::Server,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    MEMORY_DOCTOR,
    MEMORY_HELP,
    MEMORY_MALLOC_STATS,
    MEMORY_PURGE,
    MEMORY_STATS,
    MEMORY_USAGE,
];

const MEMORY_USAGE: Command = Command {
    spec: Spec {
        name: "USAGE",
        usage: "key [SAMPLES count:integer]",
        summary: "Estimates how many bytes a key and its value take.",
        since: "4.0.0",
        cost: "O(N) with N the number of elements sampled",
        group: Group::Server,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(usage),
};

fn usage(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // Samples are of the elements of a value: a string has one.
    for index in (3..args.len()).step_by(2) {
        if !args.is(index, b"samples") || index + 1 == args.len() {
            return Err(Refusal::Syntax);
        }
        let count = parse_i64(args.get(index + 1)).ok_or(Refusal::NotInteger)?;
        if count < 0 {
            return Err(Refusal::Syntax);
        }
    }
    let key = turn.key(args, 2);
    match turn.find(&key) {
        Some(found) => reply.int(found.bytes() as i64),
        None => reply.null(),
    }
    Ok(())
}

const MEMORY_STATS: Command = Command {
    spec: Spec {
        name: "STATS",
        summary: "Returns how much memory is used for what.",
        since: "4.0.0",
        cost: "O(1)",
        group: Group::Server,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(STATS),
};

const STATS: Gather = Gather {
    check: |_, _| Ok(()),
    part: |part, _, out| Share::of(part).pack(out),
    merge: stats_merge,
};

fn stats_merge(
    scene: &mut Scene<'_>,
    _: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let unpack = |answer: &Vec<u8>| Share::unpack(&mut Parcel::new(answer));
    let shares: Vec<Share> = answers.iter().map(unpack).collect();
    let footprint = Footprint::now(scene.local, used_memory() as u64, &shares);
    let databases = joined(&shares);
    let keys: u64 = databases.iter().map(|held| held.keys).sum();
    let mut pairs = Pairs { reply, count: 0 };
    let mark = pairs.reply.deferred();
    pairs.int("peak.allocated", footprint.peak);
    pairs.int("total.allocated", footprint.used);
    pairs.int("startup.allocated", footprint.startup);
    pairs.int("replication.backlog", 0);
    pairs.int("clients.slaves", 0);
    pairs.int("clients.normal", footprint.clients);
    pairs.int("cluster.links", 0);
    pairs.int("aof.buffer", 0);
    let sum = |bytes: fn(&Share) -> u64| shares.iter().map(bytes).sum();
    pairs.int("lua.caches", sum(|share| share.scripts_bytes));
    pairs.int("functions.caches", sum(|share| share.functions_bytes));
    for held in &databases {
        pairs.name(&format!("db.{}", held.index));
        pairs.reply.map(3);
        let parts = [
            ("overhead.hashtable.main", Footprint::table(held.keys)),
            ("overhead.hashtable.expires", 0),
            ("overhead.hashtable.slot-to-keys", 0),
        ];
        for (name, bytes) in parts {
            pairs.reply.text(name);
            pairs.reply.int(bytes as i64);
        }
    }
    pairs.int("overhead.total", footprint.overhead);
    pairs.int("keys.count", keys);
    pairs.int("keys.bytes-per-key", footprint.data() / keys.max(1));
    pairs.int("dataset.bytes", footprint.dataset());
    pairs.double("dataset.percentage", footprint.dataset_percent());
    pairs.double("peak.percentage", footprint.peak_percent());
    pairs.int("allocator.allocated", footprint.used);
    pairs.int("allocator.active", footprint.resident);
    pairs.int("allocator.resident", footprint.resident);
    pairs.double("allocator-fragmentation.ratio", footprint.fragmentation());
    pairs.signed("allocator-fragmentation.bytes", footprint.unused());
    pairs.double("allocator-rss.ratio", 1.0);
    pairs.int("allocator-rss.bytes", 0);
    pairs.double("rss-overhead.ratio", 1.0);
    pairs.int("rss-overhead.bytes", 0);
    pairs.double("fragmentation", footprint.fragmentation());
    pairs.signed("fragmentation.bytes", footprint.unused());
    let count = pairs.count;
    reply.fill_map(mark, count);
    Ok(())
}

/// Pairs of a map, counted.
struct Pairs<'r, 'out> {
    reply: &'r mut Reply<'out>,
    count: usize,
}

impl Pairs<'_, '_> {
    fn name(&mut self, name: &str) {
        self.count += 1;
        self.reply.text(name);
    }

    fn int(&mut self, name: &str, value: u64) {
        self.signed(name, value as i64);
    }

    fn signed(&mut self, name: &str, value: i64) {
        self.name(name);
        self.reply.int(value);
    }

    fn double(&mut self, name: &str, value: f64) {
        self.name(name);
        self.reply.double(value);
    }
}

const MEMORY_DOCTOR: Command = Command {
    spec: Spec {
        name: "DOCTOR",
        summary: "Explains in words how memory is used and what is unusual.",
        since: "4.0.0",
        cost: "O(1)",
        group: Group::Server,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Here(doctor),
};

/// Below this, ratios say nothing.
const WORTH_A_LOOK_BYTES: u64 = 32 << 20;

fn doctor(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let footprint = Footprint::now(scene.local, used_memory() as u64, &[]);
    let mut text = format!(
        "{} are in use, {} at the peak; {} are resident.\n",
        human(footprint.used),
        human(footprint.peak),
        human(footprint.resident),
    );
    let before = text.len();
    if footprint.used > WORTH_A_LOOK_BYTES {
        if footprint.peak > footprint.used / 2 * 3 {
            text.push_str(
                "* The peak is over one and a half times of what is in use: resident memory \
                 falls only as far as freed pages are whole.\n",
            );
        }
        if footprint.fragmentation() > 1.4 {
            text.push_str(
                "* Much more is resident than in use: many freed values lie between live ones. \
                 Writing them anew, or a restart, gives it back.\n",
            );
        }
        if footprint.fragmentation() < 0.9 {
            text.push_str(
                "* Less is resident than in use: the system has swapped. Lower maxmemory, or \
                 turn swapping off.\n",
            );
        }
    }
    let limit = scene.local.live.maxmemory;
    if limit > footprint.machine / 10 * 9 {
        text.push_str("* maxmemory leaves the system less than a tenth of the machine.\n");
    }
    if text.len() == before {
        text.push_str("Nothing is unusual.\n");
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

const MEMORY_MALLOC_STATS: Command = Command {
    spec: Spec {
        name: "MALLOC-STATS",
        summary: "Returns the report of the memory allocator.",
        since: "4.0.0",
        cost: "Depends on how much memory is allocated; may be slow",
        group: Group::Server,
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Here(malloc_stats),
};

fn malloc_stats(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let readings = (scene.local.system.readings)();
    let text = format!(
        "mimalloc\nallocated: {}\nresident: {}\n",
        used_memory(),
        readings.resident_bytes
    );
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

const MEMORY_PURGE: Command = Command {
    spec: Spec {
        name: "PURGE",
        summary: "Asks the memory allocator to give unused memory back.",
        since: "4.0.0",
        cost: "Depends on how much memory is allocated; may be slow",
        group: Group::Server,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Here(purge),
};

/// It happens once a second anyway; the reply does not wait for it.
fn purge(scene: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    (scene.local.system.give_back)();
    reply.ok();
    Ok(())
}

const MEMORY_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what MEMORY can do.",
        since: "4.0.0",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(
        reply,
        "MEMORY",
        &[
            "DOCTOR",
            "    What is unusual about the use of memory, in words.",
            "MALLOC-STATS",
            "    What the allocator says of itself.",
            "PURGE",
            "    Give freed memory back to the system.",
            "STATS",
            "    How many bytes are used for what.",
            "USAGE <key> [SAMPLES <count>]",
            "    Bytes a key and its value take; of large values, <count> elements are",
            "    looked at (default: 5, 0 for all).",
        ],
    )
}
