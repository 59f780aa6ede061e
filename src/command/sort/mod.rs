//! SORT and SORT_RO: the elements of a list, set or sorted set in an order.

mod arrange;
mod elements;
mod pattern;
mod request;
mod rows;

pub(super) use rows::COMMANDS as SORT;
