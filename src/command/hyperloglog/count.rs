//! How many different elements were added: PFCOUNT.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::loglog::{self, Union};

use super::valid::{broken, make_raw, text};

pub(crate) const COMMANDS: &[Command] = &[PFCOUNT];

const PFCOUNT: Command = Command {
    spec: Spec {
        name: "PFCOUNT",
        usage: "key...",
        summary: "Estimates how many different elements were added to one HyperLogLog or to several together.",
        since: "2.8.9",
        cost: "O(1) for one key while its last estimate holds, O(N) for N keys, with a large constant",
        group: Group::Hyperloglog,
        flags: Flags::READONLY.and(Flags::MAY_REPLICATE),
        keys: &[Keys::range(1, -1, 1, KeyFlags::RW.and(KeyFlags::ACCESS))
            .noting("Stores the estimate in the value, so it may change it.")],
        ..Spec::PLAIN
    },
    run: Run::Data(pfcount),
};

fn pfcount(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let count = if args.len() == 2 {
        let key = turn.key(args, 1);
        count_of_one(turn, &key)?
    } else {
        count_of_many(turn, args)?
    };
    reply.int(count.cast_signed());
    Ok(())
}

/// Counts, and keeps the count in the value: a change, though the command only reads.
fn count_of_one(turn: &mut Turn<'_>, key: &Key<'_>) -> Result<u64, Refusal> {
    let Some(found) = turn.read(key) else {
        return Ok(0);
    };
    let text = text(found)?;
    let is_short = found.encoding() == "embstr";
    let len = text.len();
    let (cached, counted) = match loglog::cached(text) {
        Some(count) => (true, Ok(count)),
        None => (false, loglog::count(text)),
    };
    // Also where it turns out to be broken.
    if is_short {
        make_raw(turn, key);
    }
    let count = counted.map_err(broken)?;
    if cached {
        return Ok(count);
    }
    let clock = turn.clock;
    turn.db(key).edit(*key, &clock, len, 0..len, |text| {
        loglog::remember_count(text, count)
    });
    turn.changed(1);
    turn.touch_silently(key);
    Ok(count)
}

fn count_of_many(turn: &mut Turn<'_>, args: Args<'_>) -> Result<u64, Refusal> {
    let mut union = Union::default();
    for index in 1..args.len() {
        let key = turn.key(args, index);
        if let Some(found) = turn.read(&key) {
            union.take_in(text(found)?).map_err(broken)?;
        }
    }
    Ok(union.count())
}
