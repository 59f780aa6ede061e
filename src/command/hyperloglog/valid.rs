//! Which strings are HyperLogLogs.

use crate::command::turn::Turn;
use crate::keyspace::{Found, Key, View};
use crate::resp::Refusal;
use crate::value::loglog::{self, Broken};

/// The text of an entry that is a HyperLogLog.
///
/// # Errors
/// When it is any other value.
pub(super) fn text(found: Found<'_>) -> Result<&[u8], Refusal> {
    match found.text().ok_or(Refusal::WrongType)? {
        View::Text(text) if loglog::encoding(text).is_some() => Ok(text),
        View::Text(_) | View::Int(_) => Err(Refusal::NOT_HYPERLOGLOG),
    }
}

/// Makes a short text raw: stock does where it might change it.
pub(super) fn make_raw(turn: &mut Turn<'_>, key: &Key<'_>) {
    let clock = turn.clock;
    turn.db(key).edit(*key, &clock, 0, 0..0, |_| {});
}

/// What a client is told of registers that do not hold together.
pub(super) fn broken(_: Broken) -> Refusal {
    Refusal::BROKEN_HYPERLOGLOG
}
