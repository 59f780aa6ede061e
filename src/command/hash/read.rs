//! Hash commands that read: HGET and its kin.

use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::listpack::Item;

use super::look::{bulk_or_null, read};

pub(crate) const COMMANDS: &[Command] =
    &[HEXISTS, HGET, HGETALL, HKEYS, HLEN, HMGET, HSTRLEN, HVALS];

const HGET: Command = Command {
    spec: Spec {
        name: "HGET",
        usage: "key field",
        summary: "Returns the value of a field of a hash.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(hget),
};

fn hget(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let value = read(turn, &key)?.and_then(|hash| hash.get(args.get(2), due));
    bulk_or_null(reply, value);
    Ok(())
}

const HMGET: Command = Command {
    spec: Spec {
        name: "HMGET",
        usage: "key field...",
        summary: "Returns the values of some fields of a hash.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields asked for",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(hmget),
};

fn hmget(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let hash = read(turn, &key)?;
    let fields = args.tail(2);
    reply.array(fields.len());
    for field in fields.iter() {
        bulk_or_null(reply, hash.and_then(|hash| hash.get(field, due)));
    }
    Ok(())
}

const HEXISTS: Command = Command {
    spec: Spec {
        name: "HEXISTS",
        usage: "key field",
        summary: "Tells whether a hash has a field.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(hexists),
};

fn hexists(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let value = read(turn, &key)?.and_then(|hash| hash.get(args.get(2), due));
    reply.int(i64::from(value.is_some()));
    Ok(())
}

const HSTRLEN: Command = Command {
    spec: Spec {
        name: "HSTRLEN",
        usage: "key field",
        summary: "Returns the length of the value of a field of a hash.",
        since: "3.2.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(hstrlen),
};

fn hstrlen(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let value = read(turn, &key)?.and_then(|hash| hash.get(args.get(2), due));
    reply.int(value.map_or(0, |value| value.len()) as i64);
    Ok(())
}

const HLEN: Command = Command {
    spec: Spec {
        name: "HLEN",
        usage: "key",
        summary: "Returns the number of fields of a hash.",
        since: "2.0.0",
        cost: "O(1)",
        group: Group::Hash,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(hlen),
};

fn hlen(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = read(turn, &key)?.map_or(0, |hash| hash.len());
    reply.int(len as i64);
    Ok(())
}

const HGETALL: Command = Command {
    spec: Spec {
        name: "HGETALL",
        usage: "key",
        summary: "Returns all fields of a hash with their values.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Data(hgetall),
};

fn hgetall(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let Some(hash) = read(turn, &key)? else {
        reply.map(0);
        return Ok(());
    };
    if !hash.is_due(due) {
        reply.map(hash.len());
        hash.each(due, |field, value| {
            bulk(reply, field);
            bulk(reply, value);
        });
        return Ok(());
    }
    let mark = reply.deferred();
    let mut len = 0;
    hash.each(due, |field, value| {
        bulk(reply, field);
        bulk(reply, value);
        len += 1;
    });
    reply.fill_map(mark, len);
    Ok(())
}

const HKEYS: Command = Command {
    spec: Spec {
        name: "HKEYS",
        usage: "key",
        summary: "Returns the names of all fields of a hash.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Data(hkeys),
};

fn hkeys(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(turn, args, reply, |(field, _)| field)
}

const HVALS: Command = Command {
    spec: Spec {
        name: "HVALS",
        usage: "key",
        summary: "Returns the values of all fields of a hash.",
        since: "2.0.0",
        cost: "O(N) with N the number of fields",
        group: Group::Hash,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output_order"],
        ..Spec::PLAIN
    },
    run: Run::Data(hvals),
};

fn hvals(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(turn, args, reply, |(_, value)| value)
}

/// Replies one side of every field.
fn list(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    side: impl for<'i> Fn((Item<'i>, Item<'i>)) -> Item<'i>,
) -> Outcome {
    let (key, due) = (turn.key(args, 1), turn.due());
    let Some(hash) = read(turn, &key)? else {
        reply.array(0);
        return Ok(());
    };
    let mark = reply.deferred();
    let mut len = 0;
    hash.each(due, |field, value| {
        bulk(reply, side((field, value)));
        len += 1;
    });
    reply.fill_array(mark, len);
    Ok(())
}
