//! What the commands of the ZRANGE family ask for.

use std::ops::Range;

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};
use crate::value::sorted_set::{SortedSet, Towards};

use super::bounds::{By, NameRange, RankRange, ScoreRange};
use super::members::Listed;

/// Which options a command knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// ZRANGE.
    All,
    /// ZRANGESTORE.
    AllButScores,
    /// The older commands, whose name says the rest.
    Only(By, Towards),
}

/// A range, understood.
pub(super) struct Query<'a> {
    bounds: Bounds<'a>,
    pub towards: Towards,
    pub listed: Listed,
    offset: i64,
    /// Negative for all.
    count: i64,
}

enum Bounds<'a> {
    Rank(RankRange),
    Score(ScoreRange),
    Name(NameRange<'a>),
}

/// The options behind the bounds.
struct Options {
    by: By,
    towards: Towards,
    listed: Listed,
    offset: i64,
    count: i64,
}

impl<'a> Query<'a> {
    /// The bounds are at words `at` and `at + 1`, options behind them.
    pub(super) fn parse(args: Args<'a>, at: usize, allowed: Allowed) -> Result<Self, Refusal> {
        let options = Options::parse(args, at + 2, allowed)?;
        if options.by == By::Rank && options.count != -1 {
            return Err(Refusal::LIMIT_BY_RANK);
        }
        if options.by == By::Name && options.listed == Listed::WithScores {
            return Err(Refusal::SCORES_BY_NAME);
        }
        let (first, second) = (args.get(at), args.get(at + 1));
        // Ranges of scores and names are asked for from their beginning.
        let (min, max) = match options.towards {
            Towards::Highest => (first, second),
            Towards::Lowest => (second, first),
        };
        let bounds = match options.by {
            By::Rank => Bounds::Rank(RankRange::parse(first, second)?),
            By::Score => Bounds::Score(ScoreRange::parse(min, max)?),
            By::Name => Bounds::Name(NameRange::parse(min, max)?),
        };
        Ok(Self {
            bounds,
            towards: options.towards,
            listed: options.listed,
            offset: options.offset,
            count: options.count,
        })
    }

    pub(super) fn is_by_rank(&self) -> bool {
        matches!(self.bounds, Bounds::Rank(_))
    }

    /// The ranks of the members asked for.
    pub(super) fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = match &self.bounds {
            Bounds::Rank(range) => return range.ranks(set, self.towards),
            Bounds::Score(range) => range.ranks(set),
            Bounds::Name(range) => range.ranks(set),
        };
        // A negative offset is beyond every end.
        let skipped = usize::try_from(self.offset)
            .unwrap_or(usize::MAX)
            .min(ranks.len());
        let left = ranks.len() - skipped;
        let taken = usize::try_from(self.count).map_or(left, |count| count.min(left));
        match self.towards {
            Towards::Highest => ranks.start + skipped..ranks.start + skipped + taken,
            Towards::Lowest => ranks.end - skipped - taken..ranks.end - skipped,
        }
    }
}

impl Options {
    fn parse(args: Args<'_>, from: usize, allowed: Allowed) -> Result<Self, Refusal> {
        let (by, towards) = match allowed {
            Allowed::All | Allowed::AllButScores => (By::Rank, Towards::Highest),
            Allowed::Only(by, towards) => (by, towards),
        };
        let mut options = Self {
            by,
            towards,
            listed: Listed::Members,
            offset: 0,
            count: -1,
        };
        // What the name of an older command says, and what was said once, is settled.
        let is_free = !matches!(allowed, Allowed::Only(..));
        let (mut takes_by, mut takes_rev) = (is_free, is_free);
        let mut at = from;
        while at < args.len() {
            if allowed != Allowed::AllButScores && args.is(at, b"withscores") {
                options.listed = Listed::WithScores;
            } else if args.is(at, b"limit") && at + 2 < args.len() {
                options.offset = parse_i64(args.get(at + 1)).ok_or(Refusal::NotInteger)?;
                options.count = parse_i64(args.get(at + 2)).ok_or(Refusal::NotInteger)?;
                at += 2;
            } else if takes_rev && args.is(at, b"rev") {
                options.towards = Towards::Lowest;
                takes_rev = false;
            } else if takes_by && args.is(at, b"bylex") {
                options.by = By::Name;
                takes_by = false;
            } else if takes_by && args.is(at, b"byscore") {
                options.by = By::Score;
                takes_by = false;
            } else {
                return Err(Refusal::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }
}
