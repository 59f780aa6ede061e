//! The language commands are declared in: a row of facts per command, and what follows from them.
//!
//! [`Spec`] is the row. From its usage line come the arity and the argument tree, from its keys
//! the positions of a request's keys, from its group and flags the ACL categories.
//! Nothing here runs a command or knows a handler, so ACL and cluster can read it too.

#[macro_use]
mod names;

mod categories;
mod describe;
mod find;
mod flags;
mod keys;
mod parse;
mod row;
mod usage;

#[cfg(test)]
pub(crate) mod recorded;
#[cfg(test)]
mod tests;

pub use categories::{Categories, acl_categories};
pub use describe::{Description, docs, flag_names, info};
pub use find::{each_key, first_last_step};
pub use flags::Flags;
pub use keys::{Begin, Decide, Extent, Find, KeyFlags, Keys, KeysFault, Visit, Words};
pub use row::{Deprecated, Group, Spec, arity};
pub use usage::{Argument, Kind, UsageFault, arguments, parse};
