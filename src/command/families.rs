//! The families of commands, joined: a family missing here does not exist.

use super::table::Command;
use super::{connection, string};

const FAMILIES: &[&[Command]] = &[
    connection::CLIENT,
    connection::GREET,
    string::COUNT,
    string::PART,
    string::READ,
    string::SEVERAL,
    string::WRITE,
];

/// Every command of the node.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().copied().flatten()
}
