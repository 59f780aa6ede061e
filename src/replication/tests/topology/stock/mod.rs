//! A model of what a stock node does on its links, written from the wire facts of Redis
//! 7.0: one thread, one data set, one buffer of the stream.

mod node;
mod primary;
mod replica;

pub(super) use node::Stock;
