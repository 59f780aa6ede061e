//! config: every setting declared once, and the readers of `redis.conf`.
//!
//! No file is opened here and no clock read: text comes in, values go out.

mod arguments;
mod events;
mod file;
mod live;
mod rewrite;
mod setting;
mod settings;
mod table;
mod title;
mod user;
mod value;
mod words;

pub use arguments::{Arguments, HELP, Invocation, Start, load, parse, version_line};
pub use events::{EventClass, Events};
pub use file::{Fault, Files, Loaded, Place, Rename};
pub use live::{Allowed, Encodings, Lazy, Live, OutputLimit, Policy};
pub use rewrite::{Added, rewrite};
pub use setting::{Change, Kind, Setting, Support};
pub use settings::{Author, SetFault, Settings, is_secret};
pub use table::{POLICIES, SETTINGS};
pub use title::title;
pub use value::memory;

#[cfg(test)]
mod tests;
