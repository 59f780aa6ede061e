//! Whether keys are there, and their end: DEL, EXISTS, TOUCH, TYPE, UNLINK.

use crate::command::ahead::KeysAhead;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::look::look;

pub(crate) const COMMANDS: &[Command] = &[DEL, EXISTS, TOUCH, TYPE, UNLINK];

const DEL: Command = Command {
    spec: Spec {
        name: "DEL",
        usage: "key...",
        summary: "Deletes keys.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys, and O(M) more for each value of M elements",
        group: Group::Generic,
        flags: Flags::WRITE,
        keys: &[Keys::range(1, -1, 1, KeyFlags::RM.and(KeyFlags::DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::PLAIN
    },
    run: Run::Data(del),
};

fn del(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut deleted = 0;
    let mut keys = KeysAhead::new(args, 1, 1);
    while let Some((_, key)) = keys.next(turn) {
        deleted += u64::from(turn.delete(&key));
    }
    turn.changed(deleted);
    reply.int(deleted as i64);
    Ok(())
}

const UNLINK: Command = Command {
    spec: Spec {
        name: "UNLINK",
        usage: "key...",
        summary: "Deletes keys at once and frees their memory in the background.",
        since: "4.0.0",
        cost: "O(1) for each key; freeing takes O(N) for N elements, off the path of commands",
        group: Group::Generic,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::range(1, -1, 1, KeyFlags::RM.and(KeyFlags::DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::PLAIN
    },
    run: Run::Data(del),
};

const EXISTS: Command = Command {
    spec: Spec {
        name: "EXISTS",
        usage: "key...",
        summary: "Counts how many of the keys exist, a repeated key each time.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::range(1, -1, 1, KeyFlags::RO)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        history: &[("3.0.3", "Several keys.")],
        ..Spec::PLAIN
    },
    run: Run::Data(exists),
};

fn exists(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut there = 0;
    let mut keys = KeysAhead::new(args, 1, 1);
    while let Some((_, key)) = keys.next(turn) {
        there += i64::from(look(turn, &key, |_| ()).is_some());
    }
    reply.int(there);
    Ok(())
}

const TOUCH: Command = Command {
    spec: Spec {
        name: "TOUCH",
        usage: "key...",
        summary: "Marks keys as just accessed and counts those that exist.",
        since: "3.2.1",
        cost: "O(N) with N the number of keys",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::range(1, -1, 1, KeyFlags::RO)],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        ..Spec::PLAIN
    },
    run: Run::Data(touch),
};

fn touch(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut there = 0;
    let mut keys = KeysAhead::new(args, 1, 1);
    while let Some((_, key)) = keys.next(turn) {
        there += i64::from(turn.read(&key).is_some());
    }
    reply.int(there);
    Ok(())
}

const TYPE: Command = Command {
    spec: Spec {
        name: "TYPE",
        usage: "key",
        summary: "Returns the type of the value at a key.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(type_of),
};

fn type_of(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    reply.simple(look(turn, &key, |found| found.type_name()).unwrap_or("none"));
    Ok(())
}
