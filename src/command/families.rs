//! The families of commands, joined: a family missing here does not exist.

use super::table::Command;
use super::{connection, database, key, string};

const FAMILIES: &[&[Command]] = &[
    connection::CLIENT,
    connection::GREET,
    database::COUNT,
    database::FLUSH,
    database::NAMES,
    database::SCAN,
    database::SWAP,
    key::EXIST,
    key::EXPIRE,
    key::OBJECT,
    key::RELOCATE,
    key::TTL,
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
