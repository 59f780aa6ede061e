//! The families of commands, joined: a family missing here does not exist.

use super::table::Command;
use super::{
    bitmap, connection, database, hyperloglog, key, list, server, set, sort, sorted_set, string,
};

const FAMILIES: &[&[Command]] = &[
    bitmap::COMBINE,
    bitmap::FIELD,
    bitmap::ONE,
    bitmap::SEARCH,
    connection::CLIENT,
    connection::GREET,
    database::COUNT,
    database::FLUSH,
    database::NAMES,
    database::SCAN,
    database::SWAP,
    hyperloglog::COUNT,
    hyperloglog::DEBUG,
    hyperloglog::WRITE,
    key::EXIST,
    key::EXPIRE,
    key::OBJECT,
    key::PAYLOAD,
    key::RELOCATE,
    key::TTL,
    list::ENDS,
    list::MIDDLE,
    list::READ,
    list::RELOCATE,
    list::SEARCH,
    server::COMMAND,
    server::CONFIG,
    server::DEBUG,
    server::INFO,
    server::LATENCY,
    server::LOLWUT,
    server::MEMORY,
    server::MONITOR,
    server::SHUTDOWN,
    server::SLOWLOG,
    server::TIME,
    set::CHANCE,
    set::COMBINE,
    set::READ,
    set::STORE,
    set::WRITE,
    sort::SORT,
    sorted_set::ADD,
    sorted_set::COMBINE,
    sorted_set::RANGE,
    sorted_set::READ,
    sorted_set::REMOVE,
    string::COUNT,
    string::PART,
    string::READ,
    string::SEVERAL,
    string::SUBSEQUENCE,
    string::WRITE,
];

/// Every command of the node.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().copied().flatten()
}
