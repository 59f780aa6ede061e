//! What changed, in order: the effects of commands, and their way into one
//! stream that a file or a replica can replay. Bytes and order only, no I/O.

mod effects;

pub use effects::{Effect, Effects, put_request};
