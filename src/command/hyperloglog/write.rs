//! HyperLogLog commands that add: PFADD and PFMERGE.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::loglog::{self, Broken, Union};

use super::valid::{broken, text};

pub(crate) const COMMANDS: &[Command] = &[PFADD, PFMERGE];

const PFADD: Command = Command {
    spec: Spec {
        name: "PFADD",
        usage: "key [element...]",
        summary: "Adds elements to a HyperLogLog, creating the key if needed.",
        since: "2.8.9",
        cost: "O(1) for each element",
        group: Group::Hyperloglog,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(pfadd),
};

fn pfadd(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = match turn.find(&key) {
        Some(found) => Some(text(found)?.len()),
        None => None,
    };
    let sparse_len_max = turn.live.hll_sparse_max_bytes;
    let clock = turn.clock;
    let mut changes = 0;
    let mut outcome = Ok(());
    turn.db(&key)
        .edit(key, &clock, len.unwrap_or(0), 0..usize::MAX, |text| {
            if len.is_none() {
                text.extend(loglog::empty());
                changes += 1;
            }
            outcome = args.iter().skip(2).try_for_each(|element| {
                let has_changed = loglog::add(text, element, sparse_len_max)?;
                changes += u64::from(has_changed);
                Ok::<(), Broken>(())
            });
            // Stock forgets it even for a new value without elements.
            if changes > 0 {
                loglog::forget_count(text);
            }
        });
    turn.changed(changes);
    if changes > 0 {
        turn.touch(&key, EventClass::String, "pfadd");
    }
    outcome.map_err(broken)?;
    reply.int(i64::from(changes > 0));
    Ok(())
}

const PFMERGE: Command = Command {
    spec: Spec {
        name: "PFMERGE",
        usage: "destkey:key [sourcekey:key...]",
        summary: "Merges HyperLogLogs into one key.",
        since: "2.8.9",
        cost: "O(N) with N the number of keys, with a large constant",
        group: Group::Hyperloglog,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::INSERT)),
            Keys::range(2, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(pfmerge),
};

fn pfmerge(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut union = Union::default();
    // The destination is a source too.
    for index in 1..args.len() {
        let key = turn.key(args, index);
        if let Some(found) = turn.read(&key) {
            union.take_in(text(found)?).map_err(broken)?;
        }
    }
    let key = turn.key(args, 1);
    let len = turn.find_text(&key)?.map(|found| found.len());
    let sparse_len_max = turn.live.hll_sparse_max_bytes;
    let clock = turn.clock;
    let mut outcome = Ok(());
    turn.db(&key)
        .edit(key, &clock, len.unwrap_or(0), 0..usize::MAX, |text| {
            if len.is_none() {
                text.extend(loglog::empty());
            }
            outcome = union.merge_into(text, sparse_len_max);
        });
    turn.changed(1);
    turn.touch(&key, EventClass::String, "pfadd");
    outcome.map_err(broken)?;
    reply.ok();
    Ok(())
}
