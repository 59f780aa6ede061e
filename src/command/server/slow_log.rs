//! SLOWLOG: each core keeps its own log; readers see one.

use crate::base::parse_i64;
use crate::command::gather::{Gather, Part};
use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, Spec};
use crate::telemetry::{Parcel, SlowEntry, merged, pack_number};

pub(crate) const COMMANDS: &[Command] = &[SLOWLOG];

const SLOWLOG: Command = Command {
    spec: Spec {
        name: "SLOWLOG",
        summary: "Shows the commands that took long.",
        since: "2.2.12",
        cost: "Depends on the subcommand",
        group: Group::Server,
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(SUBCOMMANDS),
};

const SUBCOMMANDS: &[Command] = &[SLOWLOG_GET, SLOWLOG_HELP, SLOWLOG_LEN, SLOWLOG_RESET];

/// Entries SLOWLOG GET returns when no count is given.
const COUNT: usize = 10;

const SLOWLOG_GET: Command = Command {
    spec: Spec {
        name: "GET",
        usage: "[count:integer]",
        summary: "Returns entries of the slow log, the newest first.",
        since: "2.2.12",
        cost: "O(N) with N the number of entries returned",
        group: Group::Server,
        flags: Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE),
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
        history: &[("4.0.0", "The address and name of the client.")],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(GET),
};

const GET: Gather = Gather {
    check: |_, args| count(args).map(|_| ()),
    part: get_part,
    merge: get_merge,
};

/// How many entries are asked for; -1 asks for all.
fn count(args: Args<'_>) -> Result<usize, Refusal> {
    match args.len() {
        2 => Ok(COUNT),
        3 => {
            let count = parse_i64(args.get(2)).filter(|count| *count >= -1);
            let count = count.ok_or(Refusal::SLOWLOG_COUNT)?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        }
        _ => Err(Refusal::subcommand_syntax(args.get(1), "SLOWLOG")),
    }
}

fn get_part(part: &mut Part<'_>, args: Args<'_>, out: &mut Vec<u8>) {
    let count = count(args).expect("checked before the parts ran");
    for entry in part.local.telemetry.slow_log.newest(count) {
        entry.pack(out);
    }
}

fn get_merge(
    scene: &mut Scene<'_>,
    args: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let mut entries = Vec::new();
    for answer in answers {
        let mut parcel = Parcel::new(answer);
        while !parcel.is_empty() {
            entries.push(SlowEntry::unpack(&mut parcel));
        }
    }
    let entries = merged(entries, count(args)?.min(scene.local.live.slowlog_max_len));
    reply.array(entries.len());
    for entry in &entries {
        reply.array(6);
        reply.int(entry.id as i64);
        reply.int(entry.unix_time_s);
        reply.int(entry.duration_us as i64);
        reply.array(entry.arguments.len());
        for argument in &entry.arguments {
            reply.bulk(argument);
        }
        reply.bulk(&entry.client_address);
        reply.bulk(&entry.client_name);
    }
    Ok(())
}

const SLOWLOG_LEN: Command = Command {
    spec: Spec {
        name: "LEN",
        summary: "Counts the entries of the slow log.",
        since: "2.2.12",
        cost: "O(1)",
        group: Group::Server,
        flags: Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE),
        tips: &[
            "request_policy:all_nodes",
            "response_policy:agg_sum",
            "nondeterministic_output",
        ],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(LEN),
};

const LEN: Gather = Gather {
    check: |_, _| Ok(()),
    part: |part, _, out| pack_number(out, part.local.telemetry.slow_log.len() as u64),
    merge: len_merge,
};

fn len_merge(
    scene: &mut Scene<'_>,
    _: Args<'_>,
    answers: &[Vec<u8>],
    reply: &mut Reply<'_>,
) -> Outcome {
    let held: u64 = answers
        .iter()
        .map(|answer| Parcel::new(answer).number())
        .sum();
    reply.int(held.min(scene.local.live.slowlog_max_len as u64) as i64);
    Ok(())
}

const SLOWLOG_RESET: Command = Command {
    spec: Spec {
        name: "RESET",
        summary: "Empties the slow log.",
        since: "2.2.12",
        cost: "O(N) with N the number of entries",
        group: Group::Server,
        flags: Flags::ADMIN.and(Flags::LOADING).and(Flags::STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Spec::PLAIN
    },
    run: Run::Everywhere(RESET),
};

const RESET: Gather = Gather {
    check: |_, _| Ok(()),
    part: |part, _, _| part.local.telemetry.slow_log.reset(),
    merge: |_, _, _, reply| {
        reply.ok();
        Ok(())
    },
};

const SLOWLOG_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what SLOWLOG can do.",
        since: "6.2.0",
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
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    The newest <count> slow commands (default: 10, -1 for all), each with:",
            "    id, Unix time, microseconds taken, words, client's address, client's name",
            "LEN",
            "    How many slow commands are kept.",
            "RESET",
            "    Forget them.",
        ],
    )
}
