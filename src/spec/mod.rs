//! The language commands are declared in: a row of facts per command, and what follows from them.
//!
//! [`Spec`] is the row. From its usage line come the arity and the argument tree, from its keys
//! the positions of a request's keys, from its group and flags the ACL categories.
//! Nothing here runs a command or knows a handler, so ACL and cluster can read it too.

mod categories;
mod flags;
mod keys;
mod row;

pub use categories::{Categories, acl_categories};
pub use flags::Flags;
pub use keys::{Begin, Decide, Extent, Find, KeyFlags, Keys, KeysFault, Visit, Words};
pub use row::{Deprecated, Group, Spec};
