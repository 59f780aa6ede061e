//! Several keys at once: MGET, MSET, MSETNX.

use crate::command::ahead::KeysAhead;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Lifetime;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};

use super::read::view;

pub(crate) const COMMANDS: &[Command] = &[MGET, MSET, MSETNX];

const MGET: Command = Command {
    spec: Spec {
        name: "MGET",
        usage: "key...",
        summary: "Returns the strings at several keys in one step.",
        since: "1.0.0",
        cost: "O(N) with N the number of keys",
        group: Group::String,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::range(1, -1, 1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["request_policy:multi_shard"],
        ..Spec::PLAIN
    },
    run: Run::Data(mget),
};

fn mget(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.array(args.len() - 1);
    let mut keys = KeysAhead::new(args, 1, 1);
    while let Some((_, key)) = keys.next(turn) {
        // Another type is as good as nothing.
        match turn.read(&key).and_then(|found| found.text()) {
            Some(found) => view(reply, found),
            None => reply.null(),
        }
    }
    Ok(())
}

const MSET: Command = Command {
    spec: Spec {
        name: "MSET",
        usage: "data=(key value)...",
        summary: "Stores strings at several keys in one step.",
        since: "1.0.1",
        cost: "O(N) with N the number of keys",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::range(1, -1, 2, KeyFlags::OW.and(KeyFlags::UPDATE))],
        tips: &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(mset),
};

fn mset(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_pairs(args, "mset")?;
    store_pairs(turn, args);
    reply.ok();
    Ok(())
}

const MSETNX: Command = Command {
    spec: Spec {
        name: "MSETNX",
        usage: "data=(key value)...",
        summary: "Stores strings at several keys in one step, or at none if any of them exists.",
        since: "1.0.1",
        cost: "O(N) with N the number of keys",
        group: Group::String,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::range(1, -1, 2, KeyFlags::OW.and(KeyFlags::INSERT))],
        ..Spec::PLAIN
    },
    run: Run::Data(msetnx),
};

fn msetnx(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_pairs(args, "msetnx")?;
    let mut keys = KeysAhead::new(args, 1, 2);
    while let Some((_, key)) = keys.next(turn) {
        if turn.find(&key).is_some() {
            reply.int(0);
            return Ok(());
        }
    }
    store_pairs(turn, args);
    reply.int(1);
    Ok(())
}

fn store_pairs(turn: &mut Turn<'_>, args: Args<'_>) {
    let clock = turn.clock;
    let mut keys = KeysAhead::new(args, 1, 2);
    while let Some((index, key)) = keys.next(turn) {
        let value = args.get(index + 1);
        turn.db(&key).set(key, value, Lifetime::Forever, &clock);
        turn.touch(&key, EventClass::String, "set");
    }
    turn.changed((args.len() / 2) as u64);
}

fn check_pairs(args: Args<'_>, command: &'static str) -> Outcome {
    if args.len() % 2 == 1 {
        return Ok(());
    }
    Err(Refusal::wrong_arity(command))
}
