//! Commands whose answer is spread over the cores.

use crate::keyspace::{Clock, Keyspace};
use crate::resp::{Args, Outcome, Reply};
use crate::session::SessionId;
use crate::shard::Observers;
use crate::value::Rules;

use super::scene::{Local, Scene};
use super::turn;

/// A part at every core, then one reply from the parts.
///
/// `part` and `merge` agree on the bytes between them; nobody else reads them.
#[derive(Clone, Copy)]
pub struct Gather {
    /// At the client's core first: refuses bad arguments, so that `part` and
    /// `merge` may rely on them.
    pub check: fn(&mut Scene<'_>, Args<'_>) -> Outcome,
    /// At every core, the client's included.
    pub part: fn(&mut Part<'_>, Args<'_>, &mut Vec<u8>),
    /// At the client's core; one answer per core, by core.
    pub merge: fn(&mut Scene<'_>, Args<'_>, &[Vec<u8>], &mut Reply<'_>) -> Outcome,
}

/// Who asked.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub core: usize,
    pub session: SessionId,
    /// The client's id.
    pub client: u64,
    pub database: usize,
}

/// What a part may touch: all of one core, for the length of a call.
pub struct Part<'a> {
    pub local: &'a mut Local,
    pub keyspace: &'a mut Keyspace,
    pub observers: &'a Observers,
    pub clock: Clock,
    pub caller: Caller,
}

impl Part<'_> {
    /// When values change their encoding, as it is set now.
    #[must_use]
    pub fn rules(&self) -> Rules {
        turn::rules(&self.local.live.encodings, self.keyspace.hash_key())
    }

    /// Whether this session is the one that asked.
    #[must_use]
    pub fn is_caller(&self, session: SessionId) -> bool {
        self.caller.core == self.local.core && self.caller.session == session
    }
}
