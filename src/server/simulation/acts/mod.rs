//! What clients do, each with a check of its own.

mod bank;
mod choice;
mod lists;
mod noise;
mod own;
mod steps;
mod together;
mod tokens;

pub(super) use bank::{balances, check_sum};
pub(super) use choice::{Act, begin, beginnings, some};
pub(super) use lists::lists;
pub(super) use tokens::{TOKENS, trays};
