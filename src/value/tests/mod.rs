//! The values beside their naive models, and beside answers recorded from stock.

mod bitfield;
mod bits;
mod rows;
mod subsequence;
