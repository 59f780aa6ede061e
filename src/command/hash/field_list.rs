//! `FIELDS numfields field …`, the end of every command on deadlines of fields.

use crate::base::parse_i64;
use crate::resp::{Args, Refusal};

/// The fields, `FIELDS` being the word at `index`; `not_positive` refuses a
/// number of fields that is none.
pub(super) fn parse<'a>(
    args: Args<'a>,
    index: usize,
    not_positive: Refusal,
) -> Result<Args<'a>, Refusal> {
    if !args.is(index, b"fields") || index + 1 >= args.len() {
        return Err(Refusal::FIELDS_MISSING);
    }
    let count = parse_i64(args.get(index + 1)).filter(|count| *count > 0);
    let count = count.ok_or(not_positive)?;
    let fields = args.tail(index + 2);
    if fields.len() as i64 != count {
        return Err(Refusal::NUMFIELDS_MISMATCH);
    }
    Ok(fields)
}
