//! What a request to sort says.

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};

use super::pattern::Pattern;

/// What elements are ordered by.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    Themselves,
    /// What stands where the pattern leads.
    Pattern(Pattern<'a>),
    /// Nothing: they stay as they are.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// How what elements are ordered by is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Numbers,
    /// ALPHA: byte by byte.
    Texts,
}

/// Whether the result may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    Allowed,
    Refused,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) by: By<'a>,
    pub(super) order: Order,
    pub(super) compare: Compare,
    /// LIMIT: how many are left out, and how many follow at most; negative for
    /// none, and for all.
    offset: i64,
    count: i64,
    /// What is answered in place of each element; nothing for itself.
    pub(super) gets: Vec<Pattern<'a>>,
    /// The word of the key the result goes to.
    pub(super) store: Option<usize>,
}

impl<'a> Request<'a> {
    pub(super) fn parse(args: Args<'a>, storing: Storing) -> Result<Self, Refusal> {
        let mut request = Request {
            by: By::Themselves,
            order: Order::Ascending,
            compare: Compare::Numbers,
            offset: 0,
            count: -1,
            gets: Vec::new(),
            store: None,
        };
        let mut index = 2;
        while index < args.len() {
            let left = args.len() - index - 1;
            let number = |index| parse_i64(args.get(index)).ok_or(Refusal::NotInteger);
            if args.is(index, b"asc") {
                request.order = Order::Ascending;
            } else if args.is(index, b"desc") {
                request.order = Order::Descending;
            } else if args.is(index, b"alpha") {
                request.compare = Compare::Texts;
            } else if args.is(index, b"limit") && left >= 2 {
                request.offset = number(index + 1)?;
                request.count = number(index + 2)?;
                index += 2;
            } else if storing == Storing::Allowed && args.is(index, b"store") && left >= 1 {
                request.store = Some(index + 1);
                index += 1;
            } else if args.is(index, b"by") && left >= 1 {
                request.order_by(args.get(index + 1));
                index += 1;
            } else if args.is(index, b"get") && left >= 1 {
                request.gets.push(Pattern::parse(args.get(index + 1)));
                index += 1;
            } else {
                return Err(Refusal::Syntax);
            }
            index += 1;
        }
        Ok(request)
    }

    /// A pattern without a place for the element is the same for all: nothing is
    /// ordered then, whatever another BY says.
    fn order_by(&mut self, pattern: &'a [u8]) {
        self.by = match (self.by, pattern.contains(&b'*')) {
            (By::Nothing, _) | (_, false) => By::Nothing,
            (By::Themselves | By::Pattern(_), true) => By::Pattern(Pattern::parse(pattern)),
        };
    }

    /// Whether it reads keys that no word names.
    pub(super) fn looks_elsewhere(&self) -> bool {
        let by = match self.by {
            By::Pattern(pattern) => pattern.looks_elsewhere(),
            By::Themselves | By::Nothing => false,
        };
        by || self.gets.iter().any(Pattern::looks_elsewhere)
    }

    /// Which of `len` elements, once in order, are wanted.
    pub(super) fn wanted(&self, len: usize) -> std::ops::Range<usize> {
        let start = usize::try_from(self.offset.max(0)).map_or(len, |start| start.min(len));
        let count = usize::try_from(self.count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }
}
