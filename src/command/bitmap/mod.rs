//! Bitmap commands: strings as rows of bits, and of integers of any width.

mod combine;
mod field;
mod field_request;
mod offset;
mod one;
mod search;
#[cfg(test)]
mod tests;

pub(super) use combine::COMMANDS as COMBINE;
pub(super) use field::COMMANDS as FIELD;
pub(super) use one::COMMANDS as ONE;
pub(super) use search::COMMANDS as SEARCH;
