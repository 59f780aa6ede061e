//! Tests too long to stand below their subject.

mod long_double;
mod number;
