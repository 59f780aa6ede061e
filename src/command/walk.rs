//! The words of a walk in small steps, which SCAN, HSCAN, SSCAN and ZSCAN share:
//! a cursor and options.

use crate::base::{Case, glob_matches, parse_i64};
use crate::resp::{Args, Refusal};

/// Keys or elements looked at without COUNT.
const COUNT_DEFAULT: usize = 10;

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

    /// Walks over one value's elements from `cursor` on: `step` visits those at
    /// a position and returns the next. Takes steps until `count` were visited,
    /// which `step` adds up, but not for ever where many places are empty.
    /// Returns the cursor to go on with, 0 at the end.
    pub(super) fn elements(
        &self,
        cursor: u64,
        mut step: impl FnMut(u32, &mut usize) -> Option<u32>,
    ) -> u32 {
        let steps_max = self.count.saturating_mul(10);
        let mut visited = 0;
        // Positions have 32 bits: a cursor with more was not ours.
        let mut position = cursor as u32;
        for _ in 0..steps_max {
            match step(position, &mut visited) {
                None => return 0,
                Some(next) if visited >= self.count => return next,
                Some(next) => position = next,
            }
        }
        position
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
