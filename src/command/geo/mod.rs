//! Commands on places, which are members of sorted sets with scores that say
//! where they are.

mod add;
mod parse;
mod query;
mod read;
mod search;

pub(super) use add::COMMANDS as ADD;
pub(super) use read::COMMANDS as READ;
pub(super) use search::COMMANDS as SEARCH;
