//! What a combination of sorted sets reads: sorted sets, and nothing.

use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::Refusal;
use crate::value::sorted_set::SortedSet;

/// One input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Missing,
    Sorted(&'a SortedSet),
}

/// The input at a key, which was read before.
pub(super) fn source<'t>(turn: &'t Turn<'_>, key: &Key<'_>) -> Result<Source<'t>, Refusal> {
    let Some(found) = turn.peek(key) else {
        return Ok(Source::Missing);
    };
    match found.as_type::<SortedSet>() {
        Some(set) => Ok(Source::Sorted(set)),
        None => Err(Refusal::WrongType),
    }
}

impl Source<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Sorted(set) => set.len(),
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Sorted(set) => set.score(member),
        }
    }

    pub(super) fn visit(&self, visit: impl FnMut(f64, &[u8])) {
        match self {
            Self::Missing => {}
            Self::Sorted(set) => set.visit_all(visit),
        }
    }
}
