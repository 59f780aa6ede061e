//! Hash commands that set and remove fields: HSET and its kin.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::hash::Fate;

use super::look::{after_edit, edit, edit_or_new};

pub(crate) const COMMANDS: &[Command] = &[HDEL, HMSET, HSET, HSETNX];

const HSET: Command = Command {
    spec: Spec {
        name: "HSET",
        usage: "key data=(field value)...",
        summary: "Sets fields of a hash; a missing key counts as an empty hash.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("4.0.0", "Several fields at once.")],
        ..Spec::PLAIN
    },
    run: Run::Data(hset),
};

fn hset(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let added = set(turn, args, "hset")?;
    reply.int(added);
    Ok(())
}

const HMSET: Command = Command {
    spec: Spec {
        name: "HMSET",
        usage: "key data=(field value)...",
        summary: "Sets fields of a hash; a missing key counts as an empty hash.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        deprecated: Some(Deprecated {
            since: "4.0.0",
            replaced_by: "`HSET` with several fields",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(hmset),
};

fn hmset(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    set(turn, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Sets all fields; returns how many are new.
fn set(turn: &mut Turn<'_>, args: Args<'_>, command: &str) -> Result<i64, Refusal> {
    if !args.len().is_multiple_of(2) {
        return Err(Refusal::wrong_arity(command));
    }
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let hash = edit_or_new(turn, &key)?;
    let mut added = 0;
    for index in (2..args.len()).step_by(2) {
        let is_new = hash.set(
            args.get(index),
            args.get(index + 1),
            Fate::Clear,
            due,
            &rules,
        );
        added += i64::from(is_new);
    }
    turn.changed((args.len() / 2 - 1) as u64);
    turn.touch(&key, EventClass::Hash, "hset");
    Ok(added)
}

const HSETNX: Command = Command {
    spec: Spec {
        name: "HSETNX",
        usage: "key field value",
        summary: "Sets a field of a hash that it does not have.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(hsetnx),
};

fn hsetnx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due, rules) = (turn.key(args, 1), turn.due(), turn.rules());
    let hash = edit_or_new(turn, &key)?;
    let sets = hash.get(args.get(2), due).is_none();
    if sets {
        hash.set(args.get(2), args.get(3), Fate::Clear, due, &rules);
        turn.changed(1);
        turn.touch(&key, EventClass::Hash, "hset");
    }
    reply.int(i64::from(sets));
    Ok(())
}

const HDEL: Command = Command {
    spec: Spec {
        name: "HDEL",
        usage: "key field...",
        summary: "Removes fields of a hash, and the key with its last field.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        history: &[("2.4.0", "Several fields at once.")],
        ..Spec::PLAIN
    },
    run: Run::Data(hdel),
};

fn hdel(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let Some(hash) = edit(turn, &key)? else {
        reply.int(0);
        return Ok(());
    };
    let fields = args.tail(2);
    let removed = fields
        .iter()
        .filter(|field| hash.remove(field, due))
        .count();
    turn.changed(removed as u64);
    if removed > 0 {
        turn.touch(&key, EventClass::Hash, "hdel");
        after_edit(turn, &key);
    }
    reply.int(removed as i64);
    Ok(())
}
