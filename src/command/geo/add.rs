//! Places come: GEOADD.

use crate::command::table::{Command, Run};
use crate::command::turn::Turn;
use crate::config::EventClass;
use crate::resp::{Args, Outcome, Refusal, Reply};
use crate::spec::{Flags, Group, KeyFlags, Keys, Spec};
use crate::value::sorted_set::SortedSet;

use super::parse;

pub(crate) const COMMANDS: &[Command] = &[GEOADD];

const GEOADD: Command = Command {
    spec: Spec {
        name: "GEOADD",
        usage: "key [condition=(NX | XX){6.2.0}] [change=CH{6.2.0}] data=(longitude:double latitude:double member)...",
        summary: "Adds members at places, or moves them.",
        since: "3.2.0",
        cost: "O(log(N)) for each member, with N the number of members",
        group: Group::Geo,
        flags: Flags::WRITE.and(Flags::DENYOOM),
        keys: &[Keys::one(1, KeyFlags::RW.and(KeyFlags::UPDATE))],
        history: &[("6.2.0", "CH, NX and XX.")],
        ..Spec::PLAIN
    },
    run: Run::Data(geoadd),
};

/// GEOADD's options, and the first word behind them.
#[derive(Default)]
struct Options {
    only_new: bool,
    only_known: bool,
    counts_changes: bool,
    end: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Refusal> {
        let mut options = Self {
            end: 2,
            ..Self::default()
        };
        while options.end < args.len() {
            if args.is(options.end, b"nx") {
                options.only_new = true;
            } else if args.is(options.end, b"xx") {
                options.only_known = true;
            } else if args.is(options.end, b"ch") {
                options.counts_changes = true;
            } else {
                break;
            }
            options.end += 1;
        }
        let words = args.len() - options.end;
        if words == 0 || !words.is_multiple_of(3) || options.only_new && options.only_known {
            return Err(Refusal::Syntax);
        }
        Ok(options)
    }

    /// Whether a member that is there, or is not, may be given a score.
    fn allow(&self, is_known: bool) -> bool {
        if is_known {
            !self.only_new
        } else {
            !self.only_known
        }
    }
}

/// Leaves the scores, which every server computes alike, but not every one to
/// the last bit.
fn leave_scores(turn: &mut Turn<'_>, args: Args<'_>, options: &Options, places: &[(f64, &[u8])]) {
    let scores: Vec<String> = places
        .iter()
        .map(|(score, _)| (*score as u64).to_string())
        .collect();
    let mut words: Vec<&[u8]> = vec![b"zadd"];
    words.extend((1..options.end).map(|index| args.get(index)));
    for (score, (_, member)) in scores.iter().zip(places) {
        words.extend([score.as_bytes(), *member]);
    }
    turn.leave_instead(&words);
}

fn geoadd(turn: &mut Turn<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Outcome {
    let options = Options::parse(args)?;
    let places = (options.end..args.len())
        .step_by(3)
        .map(|at| Ok((parse::place(args, at)?.score(), args.get(at + 2))))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let key = turn.key(args, 1);
    let (mut added, mut moved) = (0, 0);
    if turn.find_as::<SortedSet>(&key)?.is_some() || !options.only_known {
        let rules = turn.rules();
        let set = turn.edit_or_new::<SortedSet>(&key)?;
        for &(score, member) in &places {
            let before = set.score(member);
            if options.allow(before.is_some()) && before != Some(score) {
                set.insert(member, score, &rules);
                added += u64::from(before.is_none());
                moved += u64::from(before.is_some());
            }
        }
        turn.prune(&key);
    }
    turn.changed(added + moved);
    if turn.is_recorded() && added + moved > 0 {
        leave_scores(turn, args, &options, &places);
    }
    if added + moved > 0 {
        turn.touch(&key, EventClass::SortedSet, "zadd");
    }
    let told = if options.counts_changes {
        added + moved
    } else {
        added
    };
    reply.int(told as i64);
    Ok(())
}
