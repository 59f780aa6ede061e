//! OBJECT: what stands behind a key.

use crate::command::help;
use crate::command::scene::Scene;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::{Live, Policy};
use crate::keyspace::View;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Categories, Flags, Group, KeyFlags, Keys, Spec};

use super::look::look_unheard;

pub(crate) const COMMANDS: &[Command] = &[OBJECT];

const OBJECT: Command = Command {
    spec: Spec {
        name: "OBJECT",
        summary: "Looks into the values behind keys.",
        since: "2.2.3",
        cost: "Depends on the subcommand",
        group: Group::Generic,
        categories: Some(Categories::NONE),
        arity: Some(-2),
        ..Spec::PLAIN
    },
    run: Run::Container(&[
        OBJECT_ENCODING,
        OBJECT_FREQ,
        OBJECT_HELP,
        OBJECT_IDLETIME,
        OBJECT_REFCOUNT,
    ]),
};

const OBJECT_ENCODING: Command = Command {
    spec: Spec {
        name: "ENCODING",
        usage: "key",
        summary: "Returns how the value of a key is encoded.",
        since: "2.2.3",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO)],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(encoding),
};

fn encoding(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    match look_unheard(turn, &key, |found| found.encoding()) {
        Some(encoding) => reply.text(encoding),
        None => reply.null(),
    }
    Ok(())
}

const OBJECT_FREQ: Command = Command {
    spec: Spec {
        name: "FREQ",
        usage: "key",
        summary: "Returns the logarithmic counter of accesses to a key, under an LFU policy.",
        since: "4.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO)],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(freq),
};

fn freq(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let (now, decay) = (turn.now(), turn.live.lfu_decay_time);
    let Some(frequency) = look_unheard(turn, &key, |found| found.frequency(now, decay)) else {
        reply.null();
        return Ok(());
    };
    if !turn.live.maxmemory_policy.is_lfu() {
        return Err(Refusal::NO_FREQ_UNDER_LRU);
    }
    reply.int(i64::from(frequency));
    Ok(())
}

const OBJECT_IDLETIME: Command = Command {
    spec: Spec {
        name: "IDLETIME",
        usage: "key",
        summary: "Returns how many seconds ago a key was last accessed, unless an LFU policy is set.",
        since: "2.2.3",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO)],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(idletime),
};

fn idletime(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let now = turn.now();
    let Some(idle_ms) = look_unheard(turn, &key, |found| found.idle_ms(now)) else {
        reply.null();
        return Ok(());
    };
    if turn.live.maxmemory_policy.is_lfu() {
        return Err(Refusal::NO_IDLE_UNDER_LFU);
    }
    reply.int((idle_ms / 1000) as i64);
    Ok(())
}

const OBJECT_REFCOUNT: Command = Command {
    spec: Spec {
        name: "REFCOUNT",
        usage: "key",
        summary: "Returns the reference count of the value of a key.",
        since: "2.2.3",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY,
        keys: &[Keys::one(2, KeyFlags::RO)],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(refcount),
};

fn refcount(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 2);
    let small = 0..SHARED_NUMBERS;
    match look_unheard(
        turn,
        &key,
        |found| matches!(found.text(), Some(View::Int(number)) if small.contains(&number)),
    ) {
        Some(true) if shares_numbers(turn.live) => reply.int(SHARED),
        Some(_) => reply.int(1),
        None => reply.null(),
    }
    Ok(())
}

const OBJECT_HELP: Command = Command {
    spec: Spec {
        name: "HELP",
        summary: "Lists what OBJECT can do.",
        since: "6.2.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::LOADING.and(Flags::STALE),
        ..Spec::PLAIN
    },
    run: Run::Here(help),
};

fn help(_: &mut Scene<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    help::print(reply, "OBJECT", HELP)
}

/// Stock keeps one value for each number below this and tells an endless count
/// of them. We share nothing, but tell the same.
const SHARED_NUMBERS: i64 = 10_000;
const SHARED: i64 = i32::MAX as i64;

/// Whether stock shares small numbers: not where each key has an age of its
/// own that eviction goes by.
fn shares_numbers(live: &Live) -> bool {
    let goes_by_age = match live.maxmemory_policy {
        Policy::VolatileLru | Policy::VolatileLfu | Policy::AllkeysLru | Policy::AllkeysLfu => true,
        Policy::VolatileRandom
        | Policy::VolatileTtl
        | Policy::AllkeysRandom
        | Policy::NoEviction => false,
    };
    live.maxmemory == 0 || !goes_by_age
}

const HELP: &[&str] = &[
    "ENCODING <key>",
    "    How the value at <key> is kept in memory.",
    "FREQ <key>",
    "    How often <key> was used, as a logarithmic counter, under an LFU policy.",
    "IDLETIME <key>",
    "    For how many seconds <key> was not used, under any other policy.",
    "REFCOUNT <key>",
    "    How many hold on to the value at <key>.",
];
