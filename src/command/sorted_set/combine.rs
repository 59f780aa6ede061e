//! Several sets become one: ZDIFF, ZINTER, ZUNION, their …STORE forms, ZINTERCARD.

use crate::base::{HashKey, parse_f64, parse_i64};
use crate::command::set::limit;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::keyspace::Key;
use crate::memory::{Ranked, Unranked};
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::SortedSet;

use super::members::{Listed, Members};
use super::source::{Source, source};

pub(crate) const COMMANDS: &[Command] = &[
    ZDIFF,
    ZDIFFSTORE,
    ZINTER,
    ZINTERCARD,
    ZINTERSTORE,
    ZUNION,
    ZUNIONSTORE,
];

/// What is made of several sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Difference,
    Intersection,
    Union,
}

/// How the scores of one member become one.
#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn join(self, one: f64, other: f64) -> f64 {
        match self {
            // The sum of opposite infinities is 0, as in stock.
            Self::Sum => number_or_zero(one + other),
            Self::Min => one.min(other),
            Self::Max => one.max(other),
        }
    }
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A request, understood.
struct Plan {
    operation: Operation,
    /// The words that are sources.
    keys: std::ops::Range<usize>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    listed: Listed,
}

impl Plan {
    /// A plan without options. `at` is the word that says how many keys follow; what they hold
    /// is looked at before the options, as with stock.
    fn of_keys(
        turn: &mut Turn<'_>,
        args: Args<'_>,
        at: usize,
        (operation, command): (Operation, &'static str),
    ) -> Result<Self, Refusal> {
        let numkeys = numkeys(args, at, command)?;
        let keys = at + 1..at + 1 + numkeys;
        for key in keys.clone() {
            let key = turn.key(args, key);
            turn.read(&key);
            source(turn, &key)?;
        }
        Ok(Self {
            operation,
            keys,
            weights: vec![1.0; numkeys],
            aggregate: Aggregate::Sum,
            listed: Listed::Members,
        })
    }

    fn parse(
        turn: &mut Turn<'_>,
        args: Args<'_>,
        at: usize,
        named: (Operation, &'static str),
    ) -> Result<Self, Refusal> {
        let mut plan = Self::of_keys(turn, args, at, named)?;
        let is_stored = at == 2;
        let mut at = plan.keys.end;
        while at < args.len() {
            at += plan.option(args, at, is_stored)?;
        }
        Ok(plan)
    }

    /// Reads one option; how many words it has.
    fn option(&mut self, args: Args<'_>, at: usize, is_stored: bool) -> Result<usize, Refusal> {
        let left = args.len() - at;
        let has_scores = self.operation != Operation::Difference;
        if has_scores && args.is(at, b"weights") && left > self.keys.len() {
            for (weight, word) in self.weights.iter_mut().zip(at + 1..) {
                let given = parse_f64(args.get(word)).filter(|weight| !weight.is_nan());
                *weight = given.ok_or(Refusal::WEIGHT_NOT_FLOAT)?;
            }
            Ok(1 + self.keys.len())
        } else if has_scores && args.is(at, b"aggregate") && left > 1 {
            self.aggregate = if args.is(at + 1, b"sum") {
                Aggregate::Sum
            } else if args.is(at + 1, b"min") {
                Aggregate::Min
            } else if args.is(at + 1, b"max") {
                Aggregate::Max
            } else {
                return Err(Refusal::Syntax);
            };
            Ok(2)
        } else if !is_stored && args.is(at, b"withscores") {
            self.listed = Listed::WithScores;
            Ok(1)
        } else {
            Err(Refusal::Syntax)
        }
    }

    /// After a read of every key. The result is no value yet, whose form may lose the sign of a zero.
    fn run(&self, turn: &Turn<'_>, args: Args<'_>) -> Result<Ranked, Refusal> {
        let keys: Vec<Key<'_>> = self.keys.clone().map(|at| turn.key(args, at)).collect();
        let mut sources = Vec::with_capacity(keys.len());
        for (key, weight) in keys.iter().zip(&self.weights) {
            sources.push((source(turn, key)?, *weight));
        }
        if self.operation != Operation::Difference {
            // The smallest first, as stock adds up scores in this order.
            sources.sort_by_key(|(source, _)| source.len());
        }
        let hash_key = turn.rules().hash_key;
        let members = match self.operation {
            Operation::Difference => difference(&sources, hash_key),
            Operation::Intersection => self.intersection(&sources, hash_key),
            Operation::Union => self.union(&sources, hash_key),
        };
        Ok(members.rank().expect("each member is put in once"))
    }

    fn union(&self, sources: &[(Source<'_>, f64)], hash_key: HashKey) -> Unranked {
        let largest = sources.last().map_or(0, |(source, _)| source.len());
        let mut union = Unranked::with_room(hash_key, largest);
        for (at, (source, weight)) in sources.iter().enumerate() {
            // Of the first that has members none is there yet.
            let is_first = sources[..at].iter().all(|(before, _)| before.len() == 0);
            source.visit(|score, member| {
                let score = number_or_zero(weight * score);
                if is_first {
                    union.push(member, score);
                } else {
                    union.join(member, score, |known, score| {
                        self.aggregate.join(known, score)
                    });
                }
            });
        }
        union
    }

    fn intersection(&self, sources: &[(Source<'_>, f64)], hash_key: HashKey) -> Unranked {
        let mut common = Unranked::with_room(hash_key, 0);
        let Some(((first, weight), others)) = sources.split_first() else {
            return common;
        };
        first.visit(|score, member| {
            let first = number_or_zero(weight * score);
            let joined = others.iter().try_fold(first, |joined, (other, weight)| {
                let score = number_or_zero(weight * other.score(member)?);
                Some(self.aggregate.join(joined, score))
            });
            if let Some(score) = joined {
                common.push(member, score);
            }
        });
        common
    }
}

/// How many sources word `at` says there are; so many words follow it.
fn numkeys(args: Args<'_>, at: usize, command: &'static str) -> Result<usize, Refusal> {
    let numkeys = parse_i64(args.get(at)).ok_or(Refusal::NotInteger)?;
    if numkeys < 1 {
        return Err(Refusal::no_input_key(command));
    }
    usize::try_from(numkeys)
        .ok()
        .filter(|numkeys| *numkeys < args.len() - at)
        .ok_or(Refusal::Syntax)
}

fn difference(sources: &[(Source<'_>, f64)], hash_key: HashKey) -> Unranked {
    let mut rest = Unranked::with_room(hash_key, 0);
    let Some(((first, _), others)) = sources.split_first() else {
        return rest;
    };
    first.visit(|score, member| {
        let is_elsewhere = |(other, _): &(Source<'_>, f64)| other.score(member).is_some();
        if !others.iter().any(is_elsewhere) {
            rest.push(member, score);
        }
    });
    rest
}

fn answer(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    named: (Operation, &'static str),
    reply: &mut Reply<'_>,
) -> Outcome {
    let plan = Plan::parse(turn, args, 1, named)?;
    let ranked = plan.run(turn, args)?;
    let mut members = Members::begin(reply, ranked.len(), plan.listed);
    ranked.visit(0..ranked.len(), |score, member| {
        members.add(score, member);
        true
    });
    Ok(())
}

fn store(
    turn: &mut Turn<'_>,
    args: Args<'_>,
    named: (Operation, &'static str),
    reply: &mut Reply<'_>,
) -> Outcome {
    let plan = Plan::parse(turn, args, 2, named)?;
    let ranked = plan.run(turn, args)?;
    let destination = turn.key(args, 1);
    let len = ranked.len();
    let set = SortedSet::of_ranked(ranked, &turn.rules());
    let has_changed = turn.store(&destination, set, EventClass::SortedSet, named.1);
    turn.changed(u64::from(has_changed));
    reply.int(len as i64);
    Ok(())
}

const ZUNION: Command = Command {
    spec: Spec {
        name: "ZUNION",
        usage: "numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)] [WITHSCORES]",
        summary: "Returns the members that are in any set.",
        since: "6.2.0",
        cost: "O(N)+O(M*log(M)) with N the members of all sets and M of the result",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::counted(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zunion),
};

fn zunion(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, (Operation::Union, "zunion"), reply)
}

const ZUNIONSTORE: Command = Command {
    spec: Spec {
        name: "ZUNIONSTORE",
        usage: "destination:key numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)]",
        summary: "Stores the members that are in any set.",
        since: "2.0.0",
        cost: "O(N)+O(M*log(M)) with N the members of all sets and M of the result",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            Keys::counted(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(zunionstore),
};

fn zunionstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    store(turn, args, (Operation::Union, "zunionstore"), reply)
}

const ZINTER: Command = Command {
    spec: Spec {
        name: "ZINTER",
        usage: "numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)] [WITHSCORES]",
        summary: "Returns the members that are in all sets.",
        since: "6.2.0",
        cost: "O(N*K)+O(M*log(M)) with N the members of the smallest of K sets, and M of the result",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::counted(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zinter),
};

fn zinter(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, (Operation::Intersection, "zinter"), reply)
}

const ZINTERSTORE: Command = Command {
    spec: Spec {
        name: "ZINTERSTORE",
        usage: "destination:key numkeys:integer key... [WEIGHTS weight:integer...] [AGGREGATE aggregate=(SUM | MIN | MAX)]",
        summary: "Stores the members that are in all sets.",
        since: "2.0.0",
        cost: "O(N*K)+O(M*log(M)) with N the members of the smallest of K sets, and M of the result",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            Keys::counted(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(zinterstore),
};

fn zinterstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    store(turn, args, (Operation::Intersection, "zinterstore"), reply)
}

const ZDIFF: Command = Command {
    spec: Spec {
        name: "ZDIFF",
        usage: "numkeys:integer key... [WITHSCORES]",
        summary: "Returns the members of the first set that are in no other.",
        since: "6.2.0",
        cost: "O(L+(N-K)*log(N)) with L the members of all sets, N of the first and K of the result",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::counted(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zdiff),
};

fn zdiff(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    answer(turn, args, (Operation::Difference, "zdiff"), reply)
}

const ZDIFFSTORE: Command = Command {
    spec: Spec {
        name: "ZDIFFSTORE",
        usage: "destination:key numkeys:integer key...",
        summary: "Stores the members of the first set that are in no other.",
        since: "6.2.0",
        cost: "O(L+(N-K)*log(N)) with L the members of all sets, N of the first and K of the result",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[
            Keys::one(1, KeyFlags::OW.and(KeyFlags::UPDATE)),
            Keys::counted(2, KeyFlags::RO.and(KeyFlags::ACCESS)),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(zdiffstore),
};

fn zdiffstore(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    store(turn, args, (Operation::Difference, "zdiffstore"), reply)
}

const ZINTERCARD: Command = Command {
    spec: Spec {
        name: "ZINTERCARD",
        usage: "numkeys:integer key... [LIMIT limit:integer]",
        summary: "Counts the members that are in all sets.",
        since: "7.0.0",
        cost: "O(N*K) with N the members of the smallest of K sets",
        group: Group::SortedSet,
        flags: Flags::READONLY,
        keys: &[Keys::counted(1, KeyFlags::RO.and(KeyFlags::ACCESS))],
        ..Spec::PLAIN
    },
    run: Run::Data(zintercard),
};

fn zintercard(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let plan = Plan::of_keys(turn, args, 1, (Operation::Intersection, "zintercard"))?;
    let limit = limit(args, plan.keys.end)?;
    let len = plan.run(turn, args)?.len();
    reply.int(len.min(limit) as i64);
    Ok(())
}
