//! What changed, in order: the effects of commands, and their way into one
//! stream that a file or a replica can replay. Bytes and order only, no I/O.

mod effects;
mod manifest;
mod merge;
mod slice;
#[cfg(test)]
mod tests;

pub use effects::{EVERYONE, Effect, Effects, put_request};
pub use manifest::{AofFile, BaseForm, Manifest, ManifestFault, Role};
pub use merge::{Merge, Merged};
pub use slice::{Open, Part, Position, Slice, Standing, UnitId, select};
