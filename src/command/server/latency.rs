//! LATENCY: what the cores recorded, added up.

use std::collections::BTreeSet;

use crate::command::gather::{Gather, Part};
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Entry, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};
use crate::telemetry::{CommandRow, CommandStats, Latency, Parcel, pack_text};

pub(crate) const COMMANDS: &[Command] = &[LATENCY];

const LATENCY: Command = Command {
    spec: Spec {
        name: "LATENCY",
        summary: "Shows when and where the server was slow.",
        since: "2.8.13",
        cost: "Depends on the subcommand",
        group: Group::Server,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[
    LATENCY_DOCTOR,
    LATENCY_GRAPH,
    LATENCY_HELP,
    LATENCY_HISTOGRAM,
    LATENCY_HISTORY,
    LATENCY_LATEST,
    LATENCY_RESET,
];

/// Every core's events.
fn pack_events(part: &mut Part<'_>, _: Args<'_>, out: &mut Vec<u8>) {
    part.local.telemetry.latency.pack(out);
}

fn all_events(answers: &[Vec<u8>]) -> Latency {
    let mut all = Latency::default();
    for answer in answers {
        all.add_packed(&mut Parcel::new(answer));
    }
    all
}

const LATENCY_LATEST: Command = Command {
    spec: Spec {
        name: "LATEST",
        summary: "Returns the last recorded latency of each event.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(LATEST),
};

const LATEST: Gather = Gather {
    check: |_, _| Ok(()),
    part: pack_events,
    merge: |_, _, answers, reply| {
        let all = all_events(answers);
        reply.array(all.events().count());
        for (event, history) in all.events() {
            let latest = history.latest();
            reply.array(4);
            reply.text(event);
            reply.int(latest.unix_time_s);
            reply.int(latest.latency_ms as i64);
            reply.int(history.worst_ms() as i64);
        }
        Ok(())
    },
};

const LATENCY_HISTORY: Command = Command {
    spec: Spec {
        name: "HISTORY",
        usage: "event",
        summary: "Returns the recorded latencies of one event.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(HISTORY),
};

const HISTORY: Gather = Gather {
    check: |_, _| Ok(()),
    part: pack_events,
    merge: |_, args, answers, reply| {
        let all = all_events(answers);
        let Some(history) = all.history(args.get(2)) else {
            reply.array(0);
            return Ok(());
        };
        reply.array(history.samples().count());
        for sample in history.samples() {
            reply.array(2);
            reply.int(sample.unix_time_s);
            reply.int(sample.latency_ms as i64);
        }
        Ok(())
    },
};

const LATENCY_GRAPH: Command = Command {
    spec: Spec {
        name: "GRAPH",
        usage: "event",
        summary: "Draws the latency of one event over time.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(GRAPH),
};

const GRAPH: Gather = Gather {
    check: |_, _| Ok(()),
    part: pack_events,
    merge: |scene, args, answers, reply| {
        let event = args.get(2);
        let all = all_events(answers);
        let Some(history) = all.history(event) else {
            return Err(Refusal::no_latency_samples(event));
        };
        let event = String::from_utf8_lossy(event);
        let graph = history.graph(&event, (scene.now_ms / 1000) as i64);
        reply.verbatim("txt", graph.as_bytes());
        Ok(())
    },
};

const LATENCY_DOCTOR: Command = Command {
    spec: Spec {
        name: "DOCTOR",
        summary: "Explains in words what made the server slow.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(DOCTOR),
};

const DOCTOR: Gather = Gather {
    check: |_, _| Ok(()),
    part: pack_events,
    merge: |scene, _, answers, reply| {
        let threshold_ms = scene.local.live.latency_monitor_threshold;
        let text = all_events(answers).doctor(threshold_ms);
        reply.verbatim("txt", text.as_bytes());
        Ok(())
    },
};

const LATENCY_RESET: Command = Command {
    spec: Spec {
        name: "RESET",
        usage: "[event...]",
        summary: "Forgets the recorded latencies of events.",
        since: "2.8.13",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(RESET),
};

const RESET: Gather = Gather {
    check: |_, _| Ok(()),
    part: reset_part,
    merge: reset_merge,
};

/// The names of the events forgotten here.
fn reset_part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let latency = &mut part.local.telemetry.latency;
    let before: Vec<String> = latency
        .events()
        .map(|(event, _)| event.to_owned())
        .collect();
    let asked: Vec<&[u8]> = args.tail(2).iter().collect();
    latency.reset(&asked);
    for event in before {
        if latency.history(event.as_bytes()).is_none() {
            pack_text(out, event.as_bytes());
        }
    }
}

/// An event that several cores forgot counts once.
fn reset_merge(
    _: &mut Scene<'_>,
    _: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let mut forgotten = BTreeSet::new();
    for answer in answers {
        let mut parcel = Parcel::new(answer);
        while !parcel.is_empty() {
            forgotten.insert(parcel.text());
        }
    }
    reply.int(forgotten.len() as i64);
    Ok(())
}

const LATENCY_HISTOGRAM: Command = Command {
    spec: Spec {
        name: "HISTOGRAM",
        usage: "[command...]",
        summary: "Returns how the execution times of commands are distributed.",
        since: "7.0.0",
        cost: "O(N) with N the number of commands that have one",
        group: Group::Server,
        flags: Flags::ADMIN
            .and(Flags::NOSCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
        tips: &[
            "nondeterministic_output",
            "request_policy:all_nodes",
            "response_policy:special",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(HISTOGRAM),
};

const HISTOGRAM: Gather = Gather {
    check: |_, _| Ok(()),
    part: |part, _, out| part.local.telemetry.commands.pack(true, out),
    merge: histogram_merge,
};

fn histogram_merge(
    scene: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let table = scene.local.table;
    let mut commands = CommandStats::new(table.len());
    for answer in answers {
        commands.add_packed(&mut Parcel::new(answer));
    }
    let mut asked: Vec<&Entry> = Vec::new();
    if args.len() == 2 {
        asked.extend(table.entries());
    }
    for name in args.tail(2).iter() {
        if let Some(entry) = table.by_full_name(name) {
            asked.push(entry);
            asked.extend(entry.children.iter().map(|&child| table.at(child)));
        }
    }
    asked.retain(|entry| commands.row(usize::from(entry.index)).is_timed());
    reply.map(asked.len());
    for entry in asked {
        reply.text(entry.name);
        distribution(commands.row(usize::from(entry.index)), reply);
    }
    Ok(())
}

/// Calls, and how many of them took at most so many microseconds.
fn distribution(row: &CommandRow, reply: &mut Reply<'_>) {
    let (calls, bounds) = row.cumulative().unwrap_or_default();
    reply.map(2);
    reply.text("calls");
    reply.int(calls as i64);
    reply.text("histogram_usec");
    reply.map(bounds.len());
    for (bound_us, count) in bounds {
        reply.int(bound_us as i64);
        reply.int(count as i64);
    }
}

const LATENCY_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what LATENCY can do.",
        since: "2.8.13",
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
        "LATENCY",
        &[
            "DOCTOR",
            "    What was slow, and what to look at, in words.",
            "GRAPH <event>",
            "    The delays of an event, drawn over time.",
            "HISTOGRAM [<command> ...]",
            "    How many calls of commands took at most how many microseconds.",
            "HISTORY <event>",
            "    Time and milliseconds of an event's delays.",
            "LATEST",
            "    The last and the longest delay of every event.",
            "RESET [<event> ...]",
            "    Forget the delays of events (default: of all).",
        ],
    )
}
