//! Ranges of ranks, scores and names, and the ranks they are in a set.

use std::ops::Range;

use crate::base::{parse_f64_as_c, parse_i64};
use crate::command::list::range;
use crate::resp::Refusal;
use crate::value::sorted_set::{SortedSet, Towards};

/// What a range is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Rank,
    Score,
    Name,
}

/// From one rank to another, both included; negative ones count from the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct RankRange {
    start: i64,
    stop: i64,
}

impl RankRange {
    pub(super) fn parse(start: &[u8], stop: &[u8]) -> Result<Self, Refusal> {
        let rank = |word| parse_i64(word).ok_or(Refusal::NotInteger);
        Ok(Self {
            start: rank(start)?,
            stop: rank(stop)?,
        })
    }

    /// Ranks from the lowest score on, whichever way they were counted.
    pub(super) fn ranks(self, set: &SortedSet, towards: Towards) -> Range<usize> {
        let len = set.len();
        let ranks = range(self.start, self.stop, len);
        match towards {
            Towards::Highest => ranks,
            Towards::Lowest => len - ranks.end..len - ranks.start,
        }
    }
}

/// From one score to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    min: Score,
    max: Score,
}

/// A bound, which may be outside its range: `(1`.
#[derive(Clone, Copy, Debug)]
struct Score {
    score: f64,
    is_outside: bool,
}

impl Score {
    fn parse(word: &[u8]) -> Result<Self, Refusal> {
        let (number, is_outside) = match word {
            [b'(', number @ ..] => (number, true),
            number => (number, false),
        };
        Ok(Self {
            score: parse_f64_as_c(number).ok_or(Refusal::RANGE_NOT_FLOAT)?,
            is_outside,
        })
    }
}

impl ScoreRange {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, Refusal> {
        Ok(Self {
            min: Score::parse(min)?,
            max: Score::parse(max)?,
        })
    }

    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        let Self { min, max } = self;
        let is_below = |score| score < min.score || min.is_outside && score == min.score;
        let is_within = |score| score < max.score || !max.is_outside && score == max.score;
        let start = set.partition(|score, _| is_below(score));
        let end = set.partition(|score, _| is_within(score));
        start..end.max(start)
    }
}

/// From one name to another, among members of one score.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameRange<'a> {
    min: Name<'a>,
    max: Name<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Name<'a> {
    /// `-`: before all.
    First,
    /// `+`: behind all.
    Last,
    /// `[name`.
    Within(&'a [u8]),
    /// `(name`.
    Outside(&'a [u8]),
}

impl<'a> Name<'a> {
    fn parse(word: &'a [u8]) -> Result<Self, Refusal> {
        match word {
            b"-" => Ok(Self::First),
            b"+" => Ok(Self::Last),
            [b'[', name @ ..] => Ok(Self::Within(name)),
            [b'(', name @ ..] => Ok(Self::Outside(name)),
            _ => Err(Refusal::RANGE_NOT_NAMES),
        }
    }
}

impl<'a> NameRange<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, Refusal> {
        Ok(Self {
            min: Name::parse(min)?,
            max: Name::parse(max)?,
        })
    }

    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        let start = set.partition(|_, member| match self.min {
            Name::First => false,
            Name::Last => true,
            Name::Within(name) => member < name,
            Name::Outside(name) => member <= name,
        });
        let end = set.partition(|_, member| match self.max {
            Name::First => false,
            Name::Last => true,
            Name::Within(name) => member <= name,
            Name::Outside(name) => member < name,
        });
        start..end.max(start)
    }
}
