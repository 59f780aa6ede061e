//! What a combination of sorted sets reads: sorted sets, sets, and nothing.

use crate::command::turn::Turn;
use crate::keyspace::Key;
use crate::resp::Refusal;
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;

/// The score of a set's members.
const SET_SCORE: f64 = 1.0;

/// One input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Missing,
    Sorted(&'a SortedSet),
    Plain(&'a Set),
}

/// The input at a key, which was read before.
pub(super) fn source<'t>(turn: &'t Turn<'_>, key: &Key<'_>) -> Result<Source<'t>, Refusal> {
    let Some(found) = turn.peek(key) else {
        return Ok(Source::Missing);
    };
    let sorted = found.as_type().map(Source::Sorted);
    sorted
        .or_else(|| found.as_type().map(Source::Plain))
        .ok_or(Refusal::WrongType)
}

impl Source<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Sorted(set) => set.len(),
            Self::Plain(set) => set.len(),
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Sorted(set) => set.score(member),
            Self::Plain(set) => set.contains(member).then_some(SET_SCORE),
        }
    }

    pub(super) fn visit(&self, mut visit: impl FnMut(f64, &[u8])) {
        match self {
            Self::Missing => {}
            Self::Sorted(set) => set.visit_all(visit),
            Self::Plain(set) => {
                let mut text = Vec::new();
                for member in set.iter() {
                    text.clear();
                    member.write_into(&mut text);
                    visit(SET_SCORE, &text);
                }
            }
        }
    }
}
