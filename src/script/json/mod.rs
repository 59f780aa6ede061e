//! The library `cjson`: JSON written and read, as its manual says.

mod decode;
mod encode;
mod library;
mod number;
mod settings;

pub(super) use library::push;
