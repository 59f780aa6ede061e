//! Finding the keys among the words of a request.
//!
//! Runs for every routed command, so it allocates nothing: it visits positions.

use super::keys::{Begin, Extent, KeyFlags, Keys, KeysFault, Words};
use super::row::Spec;

/// Visits every key of a request in the order of the row: its position and what happens to it.
///
/// Commands without keys visit none. A keyword that is not there has no keys after it.
///
/// # Errors
/// When the words end before the keys the row asks for, or do not say how many there are. The
/// other keys are visited all the same: `PFMERGE d` faults for its missing sources, and yet runs
/// where `d` is. So routing goes by the keys it is shown and leaves the fault to the handler;
/// COMMAND GETKEYS reports it, except for a command that may go without keys
/// ([`super::Flags::NO_MANDATORY_KEYS`]), which then has none.
pub fn each_key<W: Words>(
    spec: &Spec,
    words: &W,
    mut visit: impl FnMut(usize, KeyFlags),
) -> Result<(), KeysFault> {
    let mut outcome = Ok(());
    for keys in spec.keys {
        if let Some(find) = keys.find {
            outcome = outcome.and(find(words, &mut visit));
            continue;
        }
        let Some(begin) = begin(keys, words) else {
            continue;
        };
        let run = match extent(keys, words, begin) {
            Ok(run) => run,
            Err(fault) => {
                outcome = Err(fault);
                continue;
            }
        };
        let flags = keys.decide.map_or(keys.flags, |decide| decide(words));
        let mut index = run.first;
        for _ in 0..run.count {
            visit(index, flags);
            index += run.step;
        }
    }
    outcome
}

/// Positions of keys: the first, how many, and how far apart; all below the count of words.
struct Positions {
    first: usize,
    count: usize,
    step: usize,
}

/// The position where a run of keys begins; none if its keyword is absent or it is unknown.
fn begin(keys: &Keys, words: &impl Words) -> Option<usize> {
    match keys.begin {
        Begin::Index(index) => Some(usize::from(index)),
        Begin::Keyword { word, from } => {
            let says = |index: &usize| words.word(*index).eq_ignore_ascii_case(word.as_bytes());
            let from_end = usize::from(from.unsigned_abs());
            let found = if from < 0 {
                let last = words.count().checked_sub(from_end)?;
                (1..=last).rev().find(says)
            } else {
                (from_end..words.count()).find(says)
            };
            found.map(|index| index + 1)
        }
        Begin::Unknown => None,
    }
}

fn extent(keys: &Keys, words: &impl Words, begin: usize) -> Result<Positions, KeysFault> {
    match keys.extent {
        Extent::Range { last, step, limit } => {
            let last = last_of_range(words.count(), begin, last, limit).ok_or(KeysFault)?;
            if last < begin || last >= words.count() {
                return Err(KeysFault);
            }
            let step = usize::from(step);
            let count = (last - begin) / step + 1;
            let first = begin;
            Ok(Positions { first, count, step })
        }
        Extent::Count { at, first, step } => {
            let at = begin + usize::from(at);
            if at >= words.count() {
                return Err(KeysFault);
            }
            let count = number(words.word(at)).ok_or(KeysFault)?;
            let first = begin + usize::from(first);
            let step = usize::from(step);
            let room = words.count().saturating_sub(first).div_ceil(step);
            if count == 0 || count > room {
                return Err(KeysFault);
            }
            Ok(Positions { first, count, step })
        }
        Extent::Unknown => Ok(Positions {
            first: begin,
            count: 0,
            step: 1,
        }),
    }
}

/// The position of the last word of a range; none if it would stand before the first word.
fn last_of_range(count: usize, begin: usize, last: i16, limit: u16) -> Option<usize> {
    let distance = usize::from(last.unsigned_abs());
    if last >= 0 {
        return Some(begin + distance);
    }
    if last == -1 && limit > 1 {
        let words = count.checked_sub(begin)?;
        return (begin + words / usize::from(limit)).checked_sub(1);
    }
    count.checked_sub(distance)
}

/// A count of keys as C's `atoi` reads it: digits, whatever follows them. None if there are none
/// or too many. The command itself looks more closely.
fn number(word: &[u8]) -> Option<usize> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = word.iter().position(|byte| !is_blank(byte))?;
    let word = word.get(start..)?;
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit());
    if !(1..=9).contains(&digits.clone().count()) {
        return None;
    }
    Some(digits.fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')))
}

/// First key, last key and step as COMMAND INFO gives them; all 0 without keys at known places.
///
/// An older form that can say less than [`Keys`]: runs of keys with a gap between them, or with
/// steps between, end it early, as in Redis. A negative last key counts from the end.
#[must_use]
pub fn first_last_step(spec: &Spec) -> (i64, i64, i64) {
    let ranges = || {
        spec.keys.iter().filter_map(|keys| match *keys {
            Keys {
                begin: Begin::Index(first),
                extent: Extent::Range { last, step, .. },
                ..
            } => {
                let first = i64::from(first);
                let last = i64::from(last);
                let last = if last < 0 { last } else { first + last };
                Some((first, last, i64::from(step)))
            }
            _ => None,
        })
    };
    if let ([_], Some(only)) = (spec.keys, ranges().next()) {
        return only;
    }
    let mut all: Option<(i64, i64, i64)> = None;
    for (first, last, step) in ranges() {
        let adjacent = all.is_none_or(|(_, previous, _)| previous == first - 1);
        if step != 1 || !adjacent {
            return (0, 0, 0);
        }
        all = Some((all.map_or(first, |(start, _, _)| start), last, 1));
    }
    all.unwrap_or((0, 0, 0))
}
