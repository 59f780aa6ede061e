//! Ranges by rank, score and name: the ZRANGE family, ZCOUNT, ZLEXCOUNT, ZRANGESTORE.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Deprecated, Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::{SortedSet, Towards};

use super::bounds::{By, NameRange, ScoreRange};
use super::members::Members;
use super::query::{Allowed, Query};

pub(crate) const COMMANDS: &[Command] = &[
    ZCOUNT,
    ZLEXCOUNT,
    ZRANGE,
    ZRANGEBYLEX,
    ZRANGEBYSCORE,
    ZRANGESTORE,
    ZREVRANGE,
    ZREVRANGEBYLEX,
    ZREVRANGEBYSCORE,
];

const ZRANGE: Command = Command {
    spec: Spec {
        name: "ZRANGE",
        usage: "key start stop [sortby=(BYSCORE | BYLEX){6.2.0}] [REV{6.2.0}] [LIMIT limit=(offset:integer count:integer){6.2.0}] [WITHSCORES]",
        summary: "Returns members of a sorted set in a range of ranks, scores or names.",
        since: "1.2.0",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("6.2.0", "REV, BYSCORE, BYLEX and LIMIT.")],
        ..Spec::PLAIN
    },
    run: Run::Data(zrange),
};

fn zrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::All)?;
    answer(turn, args, &query, reply)
}

const ZREVRANGE: Command = Command {
    spec: Spec {
        name: "ZREVRANGE",
        usage: "key start:integer stop:integer [WITHSCORES]",
        summary: "Returns members in a range of ranks, the highest score first.",
        since: "1.2.0",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `REV`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(zrevrange),
};

fn zrevrange(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::Only(By::Rank, Towards::Lowest))?;
    answer(turn, args, &query, reply)
}

const ZRANGEBYSCORE: Command = Command {
    spec: Spec {
        name: "ZRANGEBYSCORE",
        usage: "key min:double max:double [WITHSCORES{2.0.0}] [LIMIT limit=(offset:integer count:integer)]",
        summary: "Returns members with scores in a range.",
        since: "1.0.5",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("2.0.0", "WITHSCORES.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `BYSCORE`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(zrangebyscore),
};

fn zrangebyscore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::Only(By::Score, Towards::Highest))?;
    answer(turn, args, &query, reply)
}

const ZREVRANGEBYSCORE: Command = Command {
    spec: Spec {
        name: "ZREVRANGEBYSCORE",
        usage: "key max:double min:double [WITHSCORES] [LIMIT limit=(offset:integer count:integer)]",
        summary: "Returns members with scores in a range, the highest first.",
        since: "2.2.0",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("2.1.6", "WITHSCORES.")],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `REV` and `BYSCORE`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(zrevrangebyscore),
};

fn zrevrangebyscore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::Only(By::Score, Towards::Lowest))?;
    answer(turn, args, &query, reply)
}

const ZRANGEBYLEX: Command = Command {
    spec: Spec {
        name: "ZRANGEBYLEX",
        usage: "key min max [LIMIT limit=(offset:integer count:integer)]",
        summary: "Returns members with names in a range.",
        since: "2.8.9",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `BYLEX`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(zrangebylex),
};

fn zrangebylex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::Only(By::Name, Towards::Highest))?;
    answer(turn, args, &query, reply)
}

const ZREVRANGEBYLEX: Command = Command {
    spec: Spec {
        name: "ZREVRANGEBYLEX",
        usage: "key max min [LIMIT limit=(offset:integer count:integer)]",
        summary: "Returns members with names in a range, the last first.",
        since: "2.8.9",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with `REV` and `BYLEX`",
        }),
        ..Spec::PLAIN
    },
    run: Run::Data(zrevrangebylex),
};

fn zrevrangebylex(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 2, Allowed::Only(By::Name, Towards::Lowest))?;
    answer(turn, args, &query, reply)
}

fn answer(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    query: &Query<'_>,
    reply: &mut Reply<'_>,
) -> Outcome {
    let key = turn.key(args, 1);
    let Some(set) = turn.read_as::<SortedSet>(&key)? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    let mut members = Members::begin(reply, ranks.len(), query.listed);
    set.visit(ranks, query.towards, |score, member| {
        members.add(score, member)
    });
    Ok(())
}

const ZRANGESTORE: Command = Command {
    spec: Spec {
        name: "ZRANGESTORE",
        usage: "dst:key src:key min max [sortby=(BYSCORE | BYLEX)] [REV] [LIMIT limit=(offset:integer count:integer)]",
        summary: "Stores members in a range of another sorted set.",
        since: "6.2.0",
        cost: "O(log(N)+M) with N the number of members and M of those returned",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            Keys::one(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(zrangestore),
};

fn zrangestore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let query = Query::parse(args, 3, Allowed::AllButScores)?;
    let source = turn.key(args, 2);
    let rules = turn.rules();
    let mut stored = SortedSet::default();
    if let Some(set) = turn.read_as::<SortedSet>(&source)? {
        let ranks = query.ranks(set);
        // Stock knows how many there will be by rank; by score or name it finds out, and packs the
        // first ones.
        let packed_first = if query.is_by_rank() {
            0
        } else {
            rules.zset_max_listpack_entries
        };
        stored = set.range(ranks, query.towards, packed_first, &rules);
    }
    let destination = turn.key(args, 1);
    let len = stored.len();
    let has_changed = turn.store(&destination, stored, EventClass::SortedSet, "zrangestore");
    turn.changed(u64::from(has_changed));
    reply.int(len as i64);
    Ok(())
}

const ZCOUNT: Command = Command {
    spec: Spec {
        name: "ZCOUNT",
        usage: "key min:double max:double",
        summary: "Counts the members with scores in a range.",
        since: "2.0.0",
        cost: "O(log(N)) with N the number of members",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zcount),
};

fn zcount(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = ScoreRange::parse(args.get(2), args.get(3))?;
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    reply.int(set.map_or(0, |set| range.ranks(set).len()) as i64);
    Ok(())
}

const ZLEXCOUNT: Command = Command {
    spec: Spec {
        name: "ZLEXCOUNT",
        usage: "key min max",
        summary: "Counts the members with names in a range.",
        since: "2.8.9",
        cost: "O(log(N)) with N the number of members",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zlexcount),
};

fn zlexcount(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let range = NameRange::parse(args.get(2), args.get(3))?;
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    reply.int(set.map_or(0, |set| range.ranks(set).len()) as i64);
    Ok(())
}
