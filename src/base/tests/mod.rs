//! Tests too long to stand below their subject.

mod number;
