//! The library `cmsgpack`: MessagePack written and read.

mod library;
mod pack;
mod unpack;

pub(super) use library::push;
