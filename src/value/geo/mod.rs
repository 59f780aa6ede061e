//! Places on the globe as scores of a sorted set.
//!
//! A place is a cell of a grid of 2^26 by 2^26, its number 52 bits that lie
//! exactly in a score, longitude and latitude bit by bit by turns. Places near
//! each other are mostly near in the order of numbers, so a search walks a few
//! ranges of scores (`cover`) and looks at each place in them (`shape`).
//!
//! Every sum is done in the order stock does it, so that the digits are stock's.

mod cell;
mod cover;
mod place;
mod shape;
#[cfg(test)]
mod tests;

pub use cover::cover;
pub use place::Place;
pub use shape::{Area, Shape};
