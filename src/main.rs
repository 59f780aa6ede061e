//! The `basalt` program.

fn main() {}
