//! What LMPOP and ZMPOP ask for, which of their words mean the same:
//! `numkeys key … WHERE [COUNT count]`.

use std::ops::Range;

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};

/// A request; `End` is where elements are taken from.
#[derive(Clone, Debug)]
pub(super) struct MultiPop<End> {
    /// The words that are keys.
    pub(super) keys: Range<usize>,
    pub(super) end: End,
    /// The most elements; at least 1.
    pub(super) count: usize,
}

impl<End> MultiPop<End> {
    /// Reads the request from its number of keys on, which is the word at `at`;
    /// `end` reads the word that says where.
    pub(super) fn parse(
        args: Args<'_>,
        at: usize,
        end: impl FnOnce(Args<'_>, usize) -> Result<End, Refusal>,
    ) -> Result<Self, Refusal> {
        let positive = |index: usize| {
            let number = parse_i64(args.get(index)).filter(|number| *number > 0)?;
            usize::try_from(number).ok()
        };
        let numkeys = positive(at).ok_or(Refusal::NUMKEYS_NOT_POSITIVE)?;
        let first = at + 1;
        let mut index = first
            .checked_add(numkeys)
            .filter(|index| *index < args.len())
            .ok_or(Refusal::Syntax)?;
        let keys = first..index;
        let end = end(args, index)?;
        let mut count = None;
        index += 1;
        while index < args.len() {
            if count.is_some() || !args.is(index, b"count") || index + 1 == args.len() {
                return Err(Refusal::Syntax);
            }
            count = Some(positive(index + 1).ok_or(Refusal::COUNT_NOT_POSITIVE)?);
            index += 2;
        }
        Ok(Self {
            keys,
            end,
            count: count.unwrap_or(1),
        })
    }
}
