//! Names made of a pattern and an element: `weight_*`, `object_*->field`, `#`.

use crate::command::turn::Turn;
use crate::value::hash::Hash;

/// A pattern of BY or GET.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern<'a> {
    /// `#`: the element.
    Itself,
    /// One without a place for the element, which leads nowhere.
    Nowhere,
    /// The name of a key, and of a field if the key is to hold a hash.
    Named {
        before: &'a [u8],
        after: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Itself;
        }
        let Some(star) = pattern.iter().position(|&byte| byte == b'*') else {
            return Self::Nowhere;
        };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = after.windows(2).position(|pair| pair == b"->");
        match arrow {
            Some(arrow) if arrow + 2 < after.len() => Self::Named {
                before,
                after: &after[..arrow],
                field: Some(&after[arrow + 2..]),
            },
            // An arrow that leads to no field is part of the name.
            _ => Self::Named {
                before,
                after,
                field: None,
            },
        }
    }

    /// Whether it reads a key.
    pub(super) fn looks_elsewhere(&self) -> bool {
        matches!(self, Self::Named { .. })
    }

    /// What stands where it leads for an element. A copy, because the next look
    /// may expire keys.
    pub(super) fn find(&self, turn: &mut Turn<'_>, element: &[u8]) -> Option<Vec<u8>> {
        match *self {
            Self::Itself => Some(element.to_vec()),
            Self::Nowhere => None,
            Self::Named {
                before,
                after,
                field,
            } => {
                let name = [before, element, after].concat();
                let key = turn.key_of(&name);
                let now = turn.now();
                let found = turn.read(&key)?;
                match field {
                    None => found.text().map(|text| text.to_vec()),
                    Some(field) => {
                        let hash = found.as_type::<Hash>()?;
                        hash.get(field, now).map(|value| value.to_vec())
                    }
                }
            }
        }
    }
}
