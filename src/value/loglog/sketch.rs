//! What can be done with one value, whichever way it is written.
//!
//! Each text given here has an [`encoding`](super::encoding).

use super::dense;
use super::element::{REGISTERS, mark};
use super::estimate::Histogram;
use super::header::{self, Encoding};
use super::sparse::{self, Cursor, Raised};

/// Sparse registers that do not hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Adds an element; whether a register changed. A sparse value that would become longer than
/// `sparse_len_max` bytes becomes dense. The last count is left: see [`forget_count`].
///
/// # Errors
/// When the runs do not reach the element's register.
pub fn add(text: &mut Vec<u8>, element: &[u8], sparse_len_max: u64) -> Result<bool, Broken> {
    let (index, rank) = mark(element);
    raise(text, &mut Cursor::default(), index, rank, sparse_len_max)
}

/// Raises one register, not before those raised with the same cursor; whether it changed.
pub(super) fn raise(
    text: &mut Vec<u8>,
    cursor: &mut Cursor,
    index: usize,
    rank: u8,
    sparse_len_max: u64,
) -> Result<bool, Broken> {
    if header::encoding(text) == Some(Encoding::Sparse) {
        match sparse::raise(text, header::LEN, cursor, index, rank, sparse_len_max) {
            Raised::Not => return Ok(false),
            Raised::Yes => return Ok(true),
            Raised::Broken => return Err(Broken),
            Raised::NoRoom => make_dense(text).map(|_| ())?,
        }
    }
    Ok(dense::raise(&mut text[header::LEN..], index, rank))
}

/// Says that the last count no longer holds.
pub fn forget_count(text: &mut [u8]) {
    header::set_stale(text);
}

/// Keeps a count for next time.
pub fn remember_count(text: &mut [u8], count: u64) {
    header::set_cached(text, count);
}

/// How many different elements were added, counted anew.
///
/// # Errors
/// When the runs do not hold all registers.
pub fn count(text: &[u8]) -> Result<u64, Broken> {
    let mut histogram = Histogram::new();
    each_run(text, |value, len| histogram.add(value, len))?;
    Ok(histogram.estimate())
}

/// Writes the registers densely; whether they were sparse.
///
/// # Errors
/// When the runs do not hold all registers.
pub fn make_dense(text: &mut Vec<u8>) -> Result<bool, Broken> {
    if header::encoding(text) == Some(Encoding::Dense) {
        return Ok(false);
    }
    let mut registers = vec![0; dense::LEN];
    let mut index = 0;
    each_run(text, |value, len| {
        if value > 0 {
            for index in index..index + len {
                dense::raise(&mut registers, index, value);
            }
        }
        index += len;
    })?;
    header::replace_by_dense(text, &registers);
    Ok(true)
}

/// Every register, in order.
///
/// # Errors
/// When the runs do not hold all registers.
pub fn registers(text: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut registers = Vec::with_capacity(REGISTERS);
    each_run(text, |value, len| {
        registers.resize(registers.len() + len, value);
    })?;
    Ok(registers)
}

/// The runs of a sparse value, readable; `None` of a dense one.
pub fn describe(text: &[u8]) -> Option<String> {
    let is_sparse = header::encoding(text) == Some(Encoding::Sparse);
    is_sparse.then(|| sparse::describe(&text[header::LEN..]))
}

/// Passes on every register, in runs of equal ones; all of them or none.
pub(super) fn each_run(text: &[u8], mut visit: impl FnMut(u8, usize)) -> Result<(), Broken> {
    let registers = &text[header::LEN..];
    match header::encoding(text) {
        Some(Encoding::Dense) => dense::each(registers).for_each(|value| visit(value, 1)),
        Some(Encoding::Sparse) if sparse::is_whole(registers) => {
            sparse::each(registers).for_each(|run| visit(run.value, run.len));
        }
        Some(Encoding::Sparse) | None => return Err(Broken),
    }
    Ok(())
}
