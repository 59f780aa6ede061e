//! The RESP2/RESP3 codec: bytes to requests, replies to bytes, and every error text.
//!
//! [`Decoder`] cuts one request at a time out of a client's bytes, as spans that borrow from
//! them: nothing is copied. [`Reply`] writes straight into the outgoing bytes. [`Refusal`] is
//! the one list of error texts, exactly Redis's. [`parse_reply`] reads replies back, for tests
//! and benches. Nothing here waits, allocates on the whole-request path, or knows a command.

mod args;
mod decode;
mod encode;
mod fault;
mod inline;
mod reader;
mod refusal;
#[cfg(test)]
mod tests;

pub use args::{Args, OwnedArgs, Span};
pub use decode::{Decoded, Decoder, INLINE_BYTES_MAX, Limits};
pub use encode::{Mark, Reply, Version};
pub use fault::ProtocolFault;
pub use inline::split_words;
pub use reader::{Value, parse_reply};
pub use refusal::{Outcome, Refusal};
