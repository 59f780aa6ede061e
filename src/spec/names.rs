//! What sets of named flags can do; a set is a number with a bit for each.

/// Gives a set `and`, `has` and `names`. The type is a tuple struct around its
/// bits and lists its flags with their names in `NAMES`.
macro_rules! named_flags {
    ($Set:ident) => {
        impl $Set {
            /// Both sets together.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// True when all of `other` is in this set.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The names of what is in this set, in the order of COMMAND INFO.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                let named = Self::NAMES.iter();
                named
                    .filter(move |(flag, _)| self.has(*flag))
                    .map(|(_, name)| *name)
            }
        }
    };
}
