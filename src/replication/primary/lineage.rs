//! What a node's histories are called, from one start to the next.

use crate::base::Random;
use crate::replication::history::{History, Standing};
use crate::replication::id::ReplicationId;

use super::guard::Guard;
use super::machine::Primary;
use super::stream::Overflow;

/// Times are `now`, milliseconds of the node's own clock, and `unix_ms`, of that of all.
impl<O: Overflow> Primary<O> {
    /// The node starts with nothing, or with data of which nothing is known.
    pub fn start_empty(&mut self, now: u64) {
        self.on_start(Guard::unknown(now), None);
    }

    /// The node starts with a file, which was made by one of this lineage, if it says so,
    /// and has data of this history.
    pub fn start_with(
        &mut self,
        (now, unix_ms): (u64, u64),
        lineage: Option<&str>,
        standing: Option<Standing>,
        random: &mut Random,
    ) {
        let (name, lost) = lineage.and_then(|text| text.split_once(' ')).unzip();
        let name = name.and_then(|name| ReplicationId::parse(name.as_bytes()));
        let Some(id) = standing.map(|standing| standing.id).or(name) else {
            return self.start_empty(now);
        };
        let mut guard = Guard::parse(lost.unwrap_or_default(), now, unix_ms);
        let next = id.successor(unix_ms, random);
        guard.on_start(id, standing.map(|standing| standing.offset), next);
        self.on_start(guard, Some(next));
    }

    /// What a file says for the next start.
    #[must_use]
    pub fn lineage(&self, now: u64, unix_ms: u64) -> String {
        let lost = self.guard().text(now, unix_ms);
        format!("{} {lost}", self.history().id)
    }

    /// How the history is called that goes on from this one.
    #[must_use]
    pub fn next_name(&self, unix_ms: u64, random: &mut Random) -> ReplicationId {
        self.history().id.successor(unix_ms, random)
    }

    /// The history whose stream begins now. Who has data is to have a byte of it, by which a
    /// node that has lost all can tell.
    #[must_use]
    pub fn first_history(&self, has_keys: bool) -> History {
        let mut history = self.history().clone();
        history.offset = history.offset.max(u64::from(has_keys));
        history
    }

    /// The data was let go, and with it its history. If no other data comes, it is as after
    /// a start with none.
    pub fn forsake(&mut self, (now, unix_ms): (u64, u64), random: &mut Random) {
        self.cease(ReplicationId::founding(unix_ms, random));
        self.start_empty(now);
    }
}
