//! Members come and scores change: ZADD, ZINCRBY.

use crate::base::parse_f64;
use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::SortedSet;

pub(crate) const COMMANDS: &[Command] = &[ZADD, ZINCRBY];

const ZADD: Command = Command {
    spec: Spec {
        name: "ZADD",
        usage: "key [condition=(NX | XX){3.0.2}] [comparison=(GT | LT){6.2.0}] [change=CH{3.0.2}] [increment=INCR{3.0.2}] data=(score:double member)...",
        summary: "Adds members to a sorted set, or changes their scores.",
        since: "1.2.0",
        cost: "O(log(N)) for each member, with N the number of members",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[
            ("2.4.0", "Several members."),
            ("3.0.2", "NX, XX, CH and INCR."),
            ("6.2.0", "GT and LT."),
        ],
        ..Spec::PLAIN
    },
    run: Run::Data(zadd),
};

/// ZADD's options.
#[derive(Clone, Copy, Default)]
struct Options {
    only_new: bool,
    only_known: bool,
    only_greater: bool,
    only_less: bool,
    counts_changes: bool,
    increments: bool,
}

/// What became of one member.
enum Added {
    New(f64),
    Changed(f64),
    Same(f64),
    /// The options forbade it.
    Left,
}

fn zadd(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (options, first) = Options::parse(args)?;
    let pairs = pairs(args, first, options)?;
    let key = turn.key(args, 1);
    let (mut added, mut changed) = (0, 0);
    let mut last = None;
    if !options.only_known || turn.find_as::<SortedSet>(&key)?.is_some() {
        let rules = turn.rules();
        let set = turn.edit_or_new::<SortedSet>(&key)?;
        for (score, member) in pairs {
            match options.add(set, member, score, &rules)? {
                Added::New(score) => {
                    added += 1;
                    last = Some(score);
                }
                Added::Changed(score) => {
                    changed += 1;
                    last = Some(score);
                }
                Added::Same(score) => last = Some(score),
                Added::Left => {}
            }
        }
    }
    turn.changed(added + changed);
    if added + changed > 0 {
        let event = if options.increments { "zincr" } else { "zadd" };
        turn.touch(&key, EventClass::SortedSet, event);
    }
    match last {
        _ if !options.increments => {
            let told = if options.counts_changes {
                added + changed
            } else {
                added
            };
            reply.int(told as i64);
        }
        Some(score) => reply.double(score),
        None => reply.null(),
    }
    Ok(())
}

/// The scores and members from word `first` on.
fn pairs<'a>(
    args: Args<'a>,
    first: usize,
    options: Options,
) -> Result<Vec<(f64, &'a [u8])>, Refusal> {
    let words = args.len() - first;
    if words == 0 || words % 2 == 1 {
        return Err(Refusal::Syntax);
    }
    options.check(words / 2)?;
    (first..args.len())
        .step_by(2)
        .map(|at| {
            let score = parse_f64(args.get(at)).filter(|score| !score.is_nan());
            Ok((score.ok_or(Refusal::NotFloat)?, args.get(at + 1)))
        })
        .collect()
}

impl Options {
    /// The options, and the first word that is none.
    fn parse(args: Args<'_>) -> Result<(Self, usize), Refusal> {
        let mut options = Self::default();
        let mut at = 2;
        while at < args.len() {
            if args.is(at, b"nx") {
                options.only_new = true;
            } else if args.is(at, b"xx") {
                options.only_known = true;
            } else if args.is(at, b"ch") {
                options.counts_changes = true;
            } else if args.is(at, b"incr") {
                options.increments = true;
            } else if args.is(at, b"gt") {
                options.only_greater = true;
            } else if args.is(at, b"lt") {
                options.only_less = true;
            } else {
                break;
            }
            at += 1;
        }
        Ok((options, at))
    }

    /// Refuses options that contradict each other.
    fn check(self, pairs: usize) -> Outcome {
        if self.only_new && self.only_known {
            return Err(Refusal::ZADD_NX_AND_XX);
        }
        let conditions = [self.only_new, self.only_greater, self.only_less];
        if conditions.into_iter().filter(|is_set| *is_set).count() > 1 {
            return Err(Refusal::ZADD_GT_LT_NX);
        }
        if self.increments && pairs > 1 {
            return Err(Refusal::ZADD_INCR_ONE);
        }
        Ok(())
    }

    fn add(
        self,
        set: &mut SortedSet,
        member: &[u8],
        score: f64,
        rules: &crate::value::Rules,
    ) -> Result<Added, Refusal> {
        let Some(before) = set.score(member) else {
            if self.only_known {
                return Ok(Added::Left);
            }
            set.insert(member, score, rules);
            return Ok(Added::New(score));
        };
        if self.only_new {
            return Ok(Added::Left);
        }
        let score = if self.increments {
            before + score
        } else {
            score
        };
        if score.is_nan() {
            return Err(Refusal::SCORE_NAN);
        }
        if self.only_less && score >= before || self.only_greater && score <= before {
            return Ok(Added::Left);
        }
        if score == before {
            return Ok(Added::Same(score));
        }
        set.insert(member, score, rules);
        Ok(Added::Changed(score))
    }
}

const ZINCRBY: Command = Command {
    spec: Spec {
        name: "ZINCRBY",
        usage: "key increment:integer member",
        summary: "Adds to the score of a member; a missing one counts as 0.",
        since: "1.2.0",
        cost: "O(log(N)) with N the number of members",
        group: Group::SortedSet,
        flags: Flags::WRITE.and(Flags::DENYOOM).and(Flags::FAST),
        keys: &[Keys::one(
            1,
            KeyFlags::RW.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE),
        )],
        ..Spec::PLAIN
    },
    run: Run::Data(zincrby),
};

fn zincrby(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    // Stock reads ZADD's options here too, after which a word is missing.
    if Options::parse(args)?.1 > 2 {
        return Err(Refusal::Syntax);
    }
    let increment = parse_f64(args.get(2)).filter(|score| !score.is_nan());
    let increment = increment.ok_or(Refusal::NotFloat)?;
    let options = Options {
        increments: true,
        ..Options::default()
    };
    let key = turn.key(args, 1);
    let rules = turn.rules();
    let set = turn.edit_or_new::<SortedSet>(&key)?;
    let (score, has_changed) = match options.add(set, args.get(3), increment, &rules)? {
        Added::New(score) | Added::Changed(score) => (score, true),
        Added::Same(score) => (score, false),
        Added::Left => unreachable!("no option forbids it"),
    };
    if has_changed {
        turn.changed(1);
        turn.touch(&key, EventClass::SortedSet, "zincr");
    }
    reply.double(score);
    Ok(())
}
