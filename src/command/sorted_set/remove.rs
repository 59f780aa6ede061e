//! Members go: ZMPOP, ZPOPMAX, ZPOPMIN, ZREM, ZREMRANGEBYLEX, ZREMRANGEBYRANK, ZREMRANGEBYSCORE.

use crate::base::parse_i64;
use crate::command::multi_pop::MultiPop;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::resp::Version;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::{SortedSet, Towards};

use super::bounds::{NameRange, RankRange, ScoreRange};
use super::members::{Listed, Members};

pub(crate) const COMMANDS: &[Command] = &[
    ZMPOP,
    ZPOPMAX,
    ZPOPMIN,
    ZREM,
    ZREMRANGEBYLEX,
    ZREMRANGEBYRANK,
    ZREMRANGEBYSCORE,
];

const ZREM: Command = Command {
    spec: Spec {
        name: "ZREM",
        usage: "key member...",
        summary: "Removes members from a sorted set.",
        since: "1.2.0",
        cost: "O(M*log(N)) with N the number of members and M of those removed",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        history: &[("2.4.0", "Several members.")],
        ..Spec::PLAIN
    },
    run: Run::Data(zrem),
};

fn zrem(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let mut removed = 0;
    if let Some(set) = turn.edit_as::<SortedSet>(&key)? {
        for member in args.iter().skip(2) {
            removed += u64::from(set.remove(member).is_some());
        }
        turn.changed(removed);
        if removed > 0 {
            turn.touch(&key, EventClass::SortedSet, "zrem");
            turn.prune(&key);
        }
    }
    reply.int(removed as i64);
    Ok(())
}

const ZREMRANGEBYRANK: Command = Command {
    spec: Spec {
        name: "ZREMRANGEBYRANK",
        usage: "key start:integer stop:integer",
        summary: "Removes the members in a range of ranks.",
        since: "2.0.0",
        cost: "O(log(N)+M) with N the number of members and M of those removed",
        group: Group::SortedSet,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(zremrangebyrank),
};

fn zremrangebyrank(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = RankRange::parse(args.get(2), args.get(3))?;
    let ranks = |set: &SortedSet| range.ranks(set, Towards::Highest);
    remove(turn, args, ranks, "zremrangebyrank", reply)
}

const ZREMRANGEBYSCORE: Command = Command {
    spec: Spec {
        name: "ZREMRANGEBYSCORE",
        usage: "key min:double max:double",
        summary: "Removes the members with scores in a range.",
        since: "1.2.0",
        cost: "O(log(N)+M) with N the number of members and M of those removed",
        group: Group::SortedSet,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(zremrangebyscore),
};

fn zremrangebyscore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = ScoreRange::parse(args.get(2), args.get(3))?;
    let ranks = |set: &SortedSet| range.ranks(set);
    remove(turn, args, ranks, "zremrangebyscore", reply)
}

const ZREMRANGEBYLEX: Command = Command {
    spec: Spec {
        name: "ZREMRANGEBYLEX",
        usage: "key min max",
        summary: "Removes the members with names in a range.",
        since: "2.8.9",
        cost: "O(log(N)+M) with N the number of members and M of those removed",
        group: Group::SortedSet,
        flags: Flags::WRITE,
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::DELETE))],
        ..Spec::PLAIN
    },
    run: Run::Data(zremrangebylex),
};

fn zremrangebylex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = NameRange::parse(args.get(2), args.get(3))?;
    let ranks = |set: &SortedSet| range.ranks(set);
    remove(turn, args, ranks, "zremrangebylex", reply)
}

fn remove(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    ranks: impl FnOnce(&SortedSet) -> std::ops::Range<usize>,
    event: &'static str,
    reply: &mut Reply<'_>,
) -> Outcome {
    let key = turn.key(args, 1);
    let mut removed = 0;
    if let Some(set) = turn.edit_as::<SortedSet>(&key)? {
        removed = set.remove_ranks(ranks(set));
        turn.changed(removed as u64);
        if removed > 0 {
            turn.touch(&key, EventClass::SortedSet, event);
            turn.prune(&key);
        }
    }
    reply.int(removed as i64);
    Ok(())
}

const ZPOPMIN: Command = Command {
    spec: Spec {
        name: "ZPOPMIN",
        usage: "key [count:integer]",
        summary: "Removes and returns the members of lowest score.",
        since: "5.0.0",
        cost: "O(M*log(N)) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(zpopmin),
};

fn zpopmin(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop(turn, args, Towards::Highest, reply)
}

const ZPOPMAX: Command = Command {
    spec: Spec {
        name: "ZPOPMAX",
        usage: "key [count:integer]",
        summary: "Removes and returns the members of highest score.",
        since: "5.0.0",
        cost: "O(M*log(N)) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(zpopmax),
};

fn zpopmax(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    pop(turn, args, Towards::Lowest, reply)
}

fn pop(turn: &mut Turn<'_>, args: Args<'_>, towards: Towards, reply: &mut Reply<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(Refusal::Syntax);
    }
    let count = match args.len() {
        2 => None,
        _ => {
            let count = parse_i64(args.get(2)).ok_or(Refusal::NOT_POSITIVE)?;
            Some(usize::try_from(count).map_err(|_| Refusal::NOT_POSITIVE)?)
        }
    };
    let key = turn.key(args, 1);
    let len = turn.find_as::<SortedSet>(&key)?.map_or(0, SortedSet::len);
    let taken = len.min(count.unwrap_or(1));
    // One member is not a list of one in RESP3, unless a count was given.
    let listed = match (count, reply.version()) {
        (None, Version::Three) if taken > 0 => {
            reply.array(2);
            Listed::Bare
        }
        _ => Listed::WithScores,
    };
    let mut members = Members::begin(reply, taken, listed);
    take(turn, &key, taken, towards, &mut members)
}

/// Leaves that so many members, or one, were taken off a sorted set.
pub(super) fn leave_pop(
    turn: &mut Turn<'_>,
    key: &Key<'_>,
    towards: Towards,
    count: Option<usize>,
) {
    let name: &[u8] = match towards {
        Towards::Highest => b"ZPOPMIN",
        Towards::Lowest => b"ZPOPMAX",
    };
    match count {
        None => turn.leave_instead(&[name, key.bytes]),
        Some(count) => {
            let mut digits = itoa::Buffer::new();
            turn.leave_instead(&[name, key.bytes, digits.format(count).as_bytes()]);
        }
    }
}

/// Removes `count` members, of which there are as many, and lists them.
pub(super) fn take(
    turn: &mut Turn<'_>,
    key: &Key<'_>,
    count: usize,
    towards: Towards,
    members: &mut Members<'_, '_>,
) -> Outcome {
    if let Some(set) = turn.edit_as::<SortedSet>(key)? {
        let ranks = match towards {
            Towards::Highest => 0..count,
            Towards::Lowest => set.len() - count..set.len(),
        };
        set.visit(ranks.clone(), towards, |score, member| {
            members.add(score, member)
        });
        set.remove_ranks(ranks);
        turn.changed(count as u64);
        if count > 0 {
            let event = match towards {
                Towards::Highest => "zpopmin",
                Towards::Lowest => "zpopmax",
            };
            turn.touch(key, EventClass::SortedSet, event);
            turn.prune(key);
        }
    }
    Ok(())
}

const ZMPOP: Command = Command {
    spec: Spec {
        name: "ZMPOP",
        usage: "numkeys:integer key... where=(MIN | MAX) [COUNT count:integer]",
        summary: "Removes and returns the members of lowest or highest score of the first sorted set that has some.",
        since: "7.0.0",
        cost: "O(K)+O(M*log(N)) with K the number of keys, N of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::WRITE,
        keys: &[Keys::counted(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::DELETE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(zmpop),
};

fn zmpop(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let request = MultiPop::parse(args, 1, towards)?;
    if !pop_first(turn, args, request, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// MIN or MAX: the end that members go from.
pub(super) fn towards(args: Args<'_>, index: usize) -> Result<Towards, Refusal> {
    if args.is(index, b"min") {
        Ok(Towards::Highest)
    } else if args.is(index, b"max") {
        Ok(Towards::Lowest)
    } else {
        Err(Refusal::Syntax)
    }
}

/// Takes members from the first set that has some and answers with its key
/// and them; `false` when none has.
pub(super) fn pop_first(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    request: MultiPop<Towards>,
    reply: &mut Reply<'_>,
) -> Result<bool, Refusal> {
    for at in request.keys {
        let key = turn.key(args, at);
        if !turn.reaches(&key) {
            continue;
        }
        let Some(len) = turn.find_as::<SortedSet>(&key)?.map(SortedSet::len) else {
            continue;
        };
        let taken = len.min(request.count);
        reply.array(2);
        reply.bulk(key.bytes);
        let mut members = Members::begin(reply, taken, Listed::Pairs);
        take(turn, &key, taken, request.end, &mut members)?;
        leave_pop(turn, &key, request.end, Some(taken));
        return Ok(true);
    }
    Ok(false)
}
