//! The words of a walk in small steps, which SCAN, HSCAN, SSCAN and ZSCAN share:
//! a cursor and options.

use crate::base::{Case, glob_matches, parse_i64};
use crate::resp::{Args, Refusal, Reply};
use crate::value::listpack::Item;

use super::item::bulk;

/// Keys or elements looked at without COUNT.
const COUNT_DEFAULT: usize = 10;

/// Steps for each element asked for: some places are empty.
const STEPS_PER_COUNT: usize = 10;

/// What is walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// Keys, which may be asked for by TYPE.
    Keys,
    /// The elements of one value.
    Elements,
}

/// The options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    /// About how many are looked at; at least 1.
    pub(super) count: usize,
    /// None for every name.
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
}

impl<'a> Walk<'a> {
    /// Reads the words from `first` on.
    pub(super) fn parse(args: Args<'a>, first: usize, among: Among) -> Result<Walk<'a>, Refusal> {
        let mut options = Walk {
            count: COUNT_DEFAULT,
            pattern: None,
            type_name: None,
        };
        for index in (first..args.len()).step_by(2) {
            if index + 1 == args.len() {
                return Err(Refusal::Syntax);
            }
            let word = args.get(index + 1);
            if args.is(index, b"count") {
                let count = parse_i64(word).ok_or(Refusal::NotInteger)?;
                let count = usize::try_from(count).map_err(|_| Refusal::Syntax)?;
                if count == 0 {
                    return Err(Refusal::Syntax);
                }
                options.count = count;
            } else if args.is(index, b"match") {
                options.pattern = Some(word).filter(|pattern| *pattern != b"*");
            } else if among == Among::Keys && args.is(index, b"type") {
                options.type_name = Some(word);
            } else {
                return Err(Refusal::Syntax);
            }
        }
        Ok(options)
    }

    /// Whether MATCH takes a name.
    pub(super) fn takes(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| glob_matches(pattern, name, Case::Sensitive))
    }

    /// Whether TYPE takes a type.
    pub(super) fn takes_type(&self, type_name: &str) -> bool {
        self.type_name
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name.as_bytes()))
    }

    /// Walks over one value's elements from `cursor` on and replies with the
    /// cursor to go on with and what was taken. `step` passes the elements at a
    /// position to `Taken` and returns the next. Takes steps until `count` were
    /// visited, but not for ever where many places are empty.
    pub(super) fn answer(
        &self,
        cursor: u64,
        reply: &mut Reply<'_>,
        mut step: impl FnMut(u32, &mut Taken<'_>) -> Option<u32>,
    ) {
        // The cursor comes first in the reply and is known last.
        let mut bytes = Vec::new();
        let mut taken = Taken {
            reply: Reply::new(&mut bytes, reply.version()),
            visited: 0,
            words: 0,
        };
        // Positions have 32 bits: a cursor with more was not ours.
        let mut next = Some(cursor as u32);
        for _ in 0..self.count.saturating_mul(STEPS_PER_COUNT) {
            next = next.and_then(|position| step(position, &mut taken));
            if next.is_none() || taken.visited >= self.count {
                break;
            }
        }
        let words = taken.words;
        begin(reply, next.unwrap_or(0), words);
        reply.raw(&bytes);
    }
}

/// The reply where there is nothing to walk over.
pub(super) fn answer_nothing(reply: &mut Reply<'_>) {
    begin(reply, 0, 0);
}

fn begin(reply: &mut Reply<'_>, cursor: u32, words: usize) {
    reply.array(2);
    reply.bulk_int(i64::from(cursor));
    reply.array(words);
}

/// What a walk has met, and what of it is told.
pub(super) struct Taken<'a> {
    reply: Reply<'a>,
    visited: usize,
    words: usize,
}

impl Taken<'_> {
    /// Counts an element, told or not.
    pub(super) fn visit(&mut self) {
        self.visited += 1;
    }

    /// Tells a part of an element.
    pub(super) fn tell(&mut self, item: Item<'_>) {
        bulk(&mut self.reply, item);
        self.words += 1;
    }
}

/// A cursor as C's `strtoul` reads it, which takes a sign, nothing at all, and
/// ends at a zero byte; but no space in front.
pub(super) fn parse_cursor(word: &[u8]) -> Option<u64> {
    let word = word.split(|&byte| byte == 0).next().unwrap_or_default();
    let (is_negative, digits) = match word {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    if digits.is_empty() {
        return None;
    }
    Some(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}
