//! A word that is to name a database.

use crate::base::parse_i64;
use crate::resp::Refusal;

const NOT_32_BITS: Refusal =
    Refusal::Stated("ERR value is out of range, value must between -2147483648 and 2147483647");

/// The database a word names, of `databases`.
///
/// # Errors
/// Not an integer, not one of 32 bits, or no such database: the three texts of
/// stock's SELECT, MOVE and COPY.
pub(crate) fn database_index(word: &[u8], databases: usize) -> Result<usize, Refusal> {
    let index = parse_i64(word).ok_or(Refusal::NotInteger)?;
    let index = i32::try_from(index).map_err(|_| NOT_32_BITS)?;
    usize::try_from(index)
        .ok()
        .filter(|index| *index < databases)
        .ok_or(Refusal::DB_OUT_OF_RANGE)
}
