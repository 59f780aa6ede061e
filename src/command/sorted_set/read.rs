//! What is known of single members: ZCARD, ZMSCORE, ZRANDMEMBER, ZRANK, ZREVRANK, ZSCAN, ZSCORE.

use crate::base::{Random, parse_i64, write_f64};
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::command::walk::{self, Among, Walk, parse_cursor};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::listpack::Item;
use crate::value::sorted_set::{SortedSet, Towards};

use super::members::{Listed, Members};

pub(crate) const COMMANDS: &[Command] =
    &[ZCARD, ZMSCORE, ZRANDMEMBER, ZRANK, ZREVRANK, ZSCAN, ZSCORE];

const ZCARD: Command = Command {
    spec: Spec {
        name: "ZCARD",
        usage: "key",
        summary: "Returns the number of members of a sorted set.",
        since: "1.2.0",
        cost: "O(1)",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO)],
        ..Spec::PLAIN
    },
    run: Run::Data(zcard),
};

fn zcard(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let len = turn.read_as::<SortedSet>(&key)?.map_or(0, SortedSet::len);
    reply.int(len as i64);
    Ok(())
}

const ZSCORE: Command = Command {
    spec: Spec {
        name: "ZSCORE",
        usage: "key member",
        summary: "Returns the score of a member.",
        since: "1.2.0",
        cost: "O(1)",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zscore),
};

fn zscore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    score(reply, set.and_then(|set| set.score(args.get(2))));
    Ok(())
}

const ZMSCORE: Command = Command {
    spec: Spec {
        name: "ZMSCORE",
        usage: "key member...",
        summary: "Returns the scores of several members.",
        since: "6.2.0",
        cost: "O(N) with N the number of members asked for",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zmscore),
};

fn zmscore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    reply.array(args.len() - 2);
    for member in args.iter().skip(2) {
        score(reply, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn score(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

const ZRANK: Command = Command {
    spec: Spec {
        name: "ZRANK",
        usage: "key member [WITHSCORE{7.2.0}]",
        summary: "Returns how many members have a lower score than a member.",
        since: "2.0.0",
        cost: "O(log(N)) with N the number of members",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("7.2.0", "WITHSCORE.")],
        ..Spec::PLAIN
    },
    run: Run::Data(zrank),
};

fn zrank(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(turn, args, Towards::Highest, reply)
}

const ZREVRANK: Command = Command {
    spec: Spec {
        name: "ZREVRANK",
        usage: "key member [WITHSCORE{7.2.0}]",
        summary: "Returns how many members have a higher score than a member.",
        since: "2.0.0",
        cost: "O(log(N)) with N the number of members",
        group: Group::SortedSet,
        flags: Flags::READONLY.and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        history: &[("7.2.0", "WITHSCORE.")],
        ..Spec::PLAIN
    },
    run: Run::Data(zrevrank),
};

fn zrevrank(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    rank(turn, args, Towards::Lowest, reply)
}

fn rank(turn: &mut Turn<'_>, args: Args<'_>, towards: Towards, reply: &mut Reply<'_>) -> Outcome {
    let with_score = args.len() > 3;
    if args.len() > 4 || with_score && !args.is(3, b"withscore") {
        return Err(Refusal::Syntax);
    }
    let key = turn.key(args, 1);
    let set = turn.read_as::<SortedSet>(&key)?;
    let found = set.and_then(|set| {
        let (rank, score) = set.rank(args.get(2))?;
        let rank = match towards {
            Towards::Highest => rank,
            Towards::Lowest => set.len() - 1 - rank,
        };
        Some((rank as i64, score))
    });
    match found {
        Some((rank, score)) if with_score => {
            reply.array(2);
            reply.int(rank);
            reply.double(score);
        }
        Some((rank, _)) => reply.int(rank),
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

const ZRANDMEMBER: Command = Command {
    spec: Spec {
        name: "ZRANDMEMBER",
        usage: "key [options=(count:integer [WITHSCORES])]",
        summary: "Returns members of a sorted set drawn by chance.",
        since: "6.2.0",
        cost: "O(N) with N the number of members returned",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(zrandmember),
};

fn zrandmember(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = turn.key(args, 1);
    if args.len() == 2 {
        let Some((set, random)) = turn.read_with_random::<SortedSet>(&key)? else {
            reply.null();
            return Ok(());
        };
        let rank = set.draw_rank(random).expect("a key's set is not empty");
        set.visit(rank..rank + 1, Towards::Highest, |_, member| {
            reply.bulk(member)
        });
        return Ok(());
    }
    let count = parse_i64(args.get(2)).ok_or(Refusal::NotInteger)?;
    if count == i64::MIN {
        return Err(Refusal::COUNT_OUT_OF_RANGE);
    }
    let listed = match args.len() {
        3 => Listed::Members,
        4 if args.is(3, b"withscores") => Listed::WithScores,
        _ => return Err(Refusal::Syntax),
    };
    let is_listable = (-i64::MAX / 2..=i64::MAX / 2).contains(&count);
    if listed == Listed::WithScores && !is_listable {
        return Err(Refusal::OUT_OF_RANGE);
    }
    let reply_max = turn.reply_max(reply);
    let Some((set, random)) = turn.read_with_random::<SortedSet>(&key)? else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        let mut members = Members::begin(reply, count, listed);
        for _ in 0..count {
            if members.len_so_far() > reply_max {
                break;
            }
            let rank = set.draw_rank(random).expect("a key's set is not empty");
            set.visit(rank..rank + 1, Towards::Highest, |score, member| {
                members.add(score, member);
            });
        }
        return Ok(());
    }
    let ranks = distinct_ranks(set.len(), count as usize, random);
    let mut members = Members::begin(reply, ranks.len(), listed);
    for rank in ranks {
        set.visit(rank..rank + 1, Towards::Highest, |score, member| {
            members.add(score, member);
        });
    }
    Ok(())
}

/// Up to `count` different ranks below `len`, each set of them as likely as
/// any other (Floyd's algorithm), in a random order.
fn distinct_ranks(len: usize, count: usize, random: &mut Random) -> Vec<usize> {
    if count >= len {
        return (0..len).collect();
    }
    let mut drawn = std::collections::BTreeSet::new();
    let mut ranks = Vec::with_capacity(count);
    for end in len - count..len {
        let rank = random.below(end as u64 + 1) as usize;
        let rank = if drawn.insert(rank) { rank } else { end };
        drawn.insert(rank);
        ranks.push(rank);
    }
    for at in (1..ranks.len()).rev() {
        ranks.swap(at, random.below(at as u64 + 1) as usize);
    }
    ranks
}

const ZSCAN: Command = Command {
    spec: Spec {
        name: "ZSCAN",
        usage: "key cursor:integer [MATCH pattern:pattern] [COUNT count:integer]",
        summary: "Walks over the members and scores of a sorted set in small steps.",
        since: "2.8.0",
        cost: "O(1) for a step, O(N) for the whole walk with N the number of members",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::one(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        tips: &["nondeterministic_output"],
        ..Spec::PLAIN
    },
    run: Run::Data(zscan),
};

fn zscan(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let cursor = parse_cursor(args.get(2)).ok_or(Refusal::INVALID_CURSOR)?;
    let options = Walk::parse(args, 3, Among::Elements);
    let key = turn.key(args, 1);
    let Some(set) = turn.read_as::<SortedSet>(&key)? else {
        // Stock looks at no option where there is nothing to walk over.
        walk::answer_nothing(reply);
        return Ok(());
    };
    let options = options?;
    let mut text = Vec::new();
    options.answer(cursor, reply, |position, taken| {
        set.scan(position, |score, member| {
            taken.visit();
            if options.takes(member) {
                text.clear();
                write_f64(&mut text, score);
                taken.tell(Item::Text(member));
                taken.tell(Item::Text(&text));
            }
        })
    });
    Ok(())
}
