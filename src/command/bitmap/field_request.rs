//! The arguments of BITFIELD and BITFIELD_RO.

use crate::base::parse_i64;
use crate::command::turn::Turn;
use crate::resp::{Args, Refusal};
use crate::value::bitfield::{Field, Overflow, Sign};

use super::offset::field_offset;

/// One operation.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub field: Field,
    pub act: Act,
    /// What an act that writes does with a number too large for its field.
    pub overflow: Overflow,
}

/// What an operation does.
#[derive(Clone, Copy)]
pub(super) enum Act {
    Read,
    Store(i64),
    Add(i64),
}

impl Act {
    pub(super) fn writes(self) -> bool {
        !matches!(self, Self::Read)
    }
}

/// All operations, in order.
///
/// # Errors
/// Stock's, of the first operation that is wrong.
pub(super) fn steps(turn: &Turn<'_>, args: Args<'_>) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::default();
    let mut index = 2;
    while index < args.len() {
        let left = args.len() - index - 1;
        if args.is(index, b"OVERFLOW") && left >= 1 {
            overflow = overflow_named(args, index + 1)?;
            index += 2;
            continue;
        }
        let writes = if args.is(index, b"GET") && left >= 2 {
            None
        } else if args.is(index, b"SET") && left >= 3 {
            Some(Act::Store as fn(i64) -> Act)
        } else if args.is(index, b"INCRBY") && left >= 3 {
            Some(Act::Add as fn(i64) -> Act)
        } else {
            return Err(Refusal::Syntax);
        };
        let field = field(turn, args.get(index + 1), args.get(index + 2))?;
        let act = match writes {
            None => Act::Read,
            Some(act) => act(parse_i64(args.get(index + 3)).ok_or(Refusal::NotInteger)?),
        };
        steps.push(Step {
            field,
            act,
            overflow,
        });
        index += if act.writes() { 4 } else { 3 };
    }
    Ok(steps)
}

fn overflow_named(args: Args<'_>, index: usize) -> Result<Overflow, Refusal> {
    if args.is(index, b"WRAP") {
        Ok(Overflow::Wrap)
    } else if args.is(index, b"SAT") {
        Ok(Overflow::Saturate)
    } else if args.is(index, b"FAIL") {
        Ok(Overflow::Fail)
    } else {
        Err(Refusal::BITFIELD_OVERFLOW)
    }
}

/// The field of a type such as `u8`, whose letter is small, at an offset.
fn field(turn: &Turn<'_>, kind: &[u8], offset: &[u8]) -> Result<Field, Refusal> {
    let (sign, bits) = match kind {
        [b'i', bits @ ..] => (Sign::Signed, bits),
        [b'u', bits @ ..] => (Sign::Unsigned, bits),
        _ => return Err(Refusal::BITFIELD_TYPE),
    };
    let bits = parse_i64(bits)
        .and_then(|bits| u8::try_from(bits).ok())
        .filter(|&bits| Field::new(sign, bits, 0).is_some())
        .ok_or(Refusal::BITFIELD_TYPE)?;
    let offset = field_offset(turn, offset, bits)?;
    Field::new(sign, bits, offset).ok_or(Refusal::BIT_OFFSET)
}
