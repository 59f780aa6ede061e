//! A snapshot beside writers: the cut, the walk in slices of time, and the thread
//! that makes one sequence of bytes of what the cores hand on.

mod stream;
#[cfg(test)]
mod tests;
mod writer;
