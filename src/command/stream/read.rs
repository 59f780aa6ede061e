//! Reading what is new: XREAD, XREADGROUP.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Begin, Extent, Flags, Group, KeyFlags, Keys, Spec};

use super::request::{Of, Request, find_keys};

pub(crate) const COMMANDS: &[Command] = &[XREAD, XREADGROUP];

/// The first half of the words behind STREAMS.
const fn streams(from: i16) -> Keys {
    let begin = Begin::Keyword {
        word: "STREAMS",
        from,
    };
    let extent = Extent::Range {
        last: -1,
        step: 1,
        limit: 2,
    };
    Keys {
        find: Some(find_keys),
        ..Keys::from(begin, extent, KeyFlags::RO.and(KeyFlags::ACCESS))
    }
}

const XREAD: Command = Command {
    spec: Spec {
        name: "XREAD",
        usage: "[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS streams=(key... id...)",
        summary: "Returns the entries of streams behind given ids.",
        since: "5.0.0",
        cost: "O(M) for each stream with M the entries returned",
        group: Group::Stream,
        flags: Flags::READONLY.and(Flags::BLOCKING).and(Flags::MOVABLEKEYS),
        keys: &[streams(1)],
        ..Spec::PLAIN
    },
    run: Run::Data(xread),
};

fn xread(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    read(turn, args, reply, Of::Read)
}

const XREADGROUP: Command = Command {
    spec: Spec {
        name: "XREADGROUP",
        usage: "GROUP group-block=(group consumer) [COUNT count:integer] \
            [BLOCK milliseconds:integer] [NOACK] STREAMS streams=(key... id...)",
        summary: "Returns new entries of streams, or those pending, to a consumer of a group.",
        flags: Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLEKEYS),
        keys: &[streams(4)],
        ..XREAD.spec
    },
    run: Run::Data(xreadgroup),
};

fn xreadgroup(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    read(turn, args, reply, Of::ReadGroup)
}

fn read(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>, of: Of) -> Outcome {
    let request = Request::parse(turn, args, of)?;
    if !request.serve(turn, args, reply)? && !request.wait(turn, args)? {
        reply.null_array();
    }
    Ok(())
}
