//! List commands that read by index: LLEN, LINDEX, LRANGE.

use crate::base::parse_i64;
use crate::command::item::bulk;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::list::{End, List};

use super::element;

pub(crate) const COMMANDS: &[Command] = &[LLEN, LINDEX, LRANGE];

const LLEN: Command = Command {
    spec: Spec {
        name: "LLEN",
        usage: "key",
        summary: "Returns the length of a list.",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::List,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(llen),
};

fn llen(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = turn.read_as::<List>(&key)?.map_or(0, List::len);
    reply.int(len as i64);
    Ok(())
}

const LINDEX: Command = Command {
    spec: Spec {
        name: "LINDEX",
        usage: "key index:integer",
        summary: "Returns the element of a list at an index.",
        since: "1.0.0",
        cost: "O(1) at the ends; elsewhere O(N/K) with N the length and K the elements of a block",
        group: Group::List,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(lindex),
};

fn lindex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    // Judged only when there is a list, as in stock.
    let index = parse_i64(args.get(2)).ok_or(Refusal::NotInteger);
    let Some(list) = turn.read_as::<List>(&key)? else {
        reply.null();
        return Ok(());
    };
    match element::index(index?, list.len()).and_then(|index| list.get(index)) {
        Some(item) => bulk(reply, item),
        None => reply.null(),
    }
    Ok(())
}

const LRANGE: Command = Command {
    spec: Spec {
        name: "LRANGE",
        usage: "key start:integer stop:integer",
        summary: "Returns the elements of a list between two indexes.",
        since: "1.0.0",
        cost: "O(S+N) with S the blocks up to the start and N the number of elements returned",
        group: Group::List,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(lrange),
};

fn lrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let start = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    let stop = parse_i64(args.get(3)).ok_or(Refusal::NotInteger)?;
    let key = turn.key(args, 1);
    let Some(list) = turn.read_as::<List>(&key)? else {
        reply.array(0);
        return Ok(());
    };
    let range = element::range(start, stop, list.len());
    reply.array(range.len());
    list.walk(End::Front, range.start)
        .take(range.len())
        .for_each(|item| bulk(reply, item));
    Ok(())
}
