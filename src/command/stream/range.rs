//! Reading entries by their ids: XLEN, XRANGE, XREVRANGE.

use crate::base::parse_i64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::stream::{Direction, Stream};

use super::{entry, id};

pub(crate) const COMMANDS: &[Command] = &[XLEN, XRANGE, XREVRANGE];

const XLEN: Command = Command {
    spec: Spec {
        name: "XLEN",
        usage: "key",
        summary: "Returns how many entries a stream has.",
        since: "5.0.0",
        cost: "O(1)",
        group: Group::Stream,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(xlen),
};

fn xlen(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = turn
        .read_as::<Stream>(&key)?
        .map_or(0, |stream| stream.entries().len());
    entry::count(reply, len);
    Ok(())
}

const XRANGE: Command = Command {
    spec: Spec {
        name: "XRANGE",
        usage: "key start end [COUNT count:integer]",
        summary: "Returns the entries of a stream between two ids.",
        since: "5.0.0",
        cost: "O(log(N)+M) with N the nodes of the stream and M the entries returned",
        history: &[("6.2.0", "Ids that are left out of the range.")],
        group: Group::Stream,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(xrange),
};

fn xrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(turn, args, reply, Direction::Forward)
}

const XREVRANGE: Command = Command {
    spec: Spec {
        name: "XREVRANGE",
        usage: "key end start [COUNT count:integer]",
        summary: "Returns the entries of a stream between two ids, the newest first.",
        ..XRANGE.spec
    },
    run: Run::Data(xrevrange),
};

fn xrevrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    range(turn, args, reply, Direction::Backward)
}

fn range(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    direction: Direction,
) -> Outcome {
    let (start, end) = match direction {
        Direction::Forward => (args.get(2), args.get(3)),
        Direction::Backward => (args.get(3), args.get(2)),
    };
    let (start, end) = (id::start(start)?, id::end(end)?);
    let count = parse_count(args)?;
    let key = turn.key(args, 1);
    let Some(stream) = turn.read_as::<Stream>(&key)? else {
        reply.array(0);
        return Ok(());
    };
    if count == 0 {
        reply.null_array();
        return Ok(());
    }
    let walk = stream.entries().range(start, end, direction);
    entry::entries(reply, walk.take(count));
    Ok(())
}

/// How many entries at most; a number below zero is none.
fn parse_count(args: Args<'_>) -> Result<usize, Refusal> {
    let mut count = usize::MAX;
    for index in (4..args.len()).step_by(2) {
        if !args.is(index, b"count") || index + 1 == args.len() {
            return Err(Refusal::Syntax);
        }
        let wanted = parse_i64(args.get(index + 1)).ok_or(Refusal::NotInteger)?;
        count = usize::try_from(wanted).unwrap_or(0);
    }
    Ok(count)
}
