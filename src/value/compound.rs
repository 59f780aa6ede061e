//! A value of many elements, of any type: what an entry of the keyspace holds
//! when it holds neither text nor number.

use std::fmt;

use super::hash::Hash;
use super::list::List;
use super::set::Set;
use super::sorted_set::SortedSet;
use super::stream::Stream;

/// One of the types of many elements, found in a [`Compound`].
pub trait Typed: Sized + Default + Into<Compound> {
    /// The value, if it is of this type.
    fn of(compound: &Compound) -> Option<&Self>;
    /// The same, to be changed.
    fn of_mut(compound: &mut Compound) -> Option<&mut Self>;
}

/// Declares the types: each has a line `Variant = "name of TYPE"`, and offers
/// `is_empty`, `encoding`, `allocated_bytes`, `weight` and `free_step` under
/// these names.
macro_rules! compounds {
    ($($(#[$doc:meta])* $variant:ident($type:ty) = $name:literal;)*) => {
        /// See the module.
        #[derive(Clone)]
        pub enum Compound {
            $($(#[$doc])* $variant($type),)*
        }

        impl Compound {
            /// What TYPE answers.
            pub fn type_name(&self) -> &'static str {
                match *self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// Whether it has no elements: such a value is no value, its key
            /// is removed.
            pub fn is_empty(&self) -> bool {
                match *self {
                    $(Self::$variant(ref value) => value.is_empty(),)*
                }
            }

            /// What OBJECT ENCODING answers.
            pub fn encoding(&self) -> &'static str {
                match *self {
                    $(Self::$variant(ref value) => value.encoding(),)*
                }
            }

            /// Bytes the allocator sets aside for the elements, large values
            /// estimated from some of them.
            pub fn allocated_bytes(&self) -> usize {
                match *self {
                    $(Self::$variant(ref value) => value.allocated_bytes(),)*
                }
            }

            /// About how many allocations there are to free.
            pub fn weight(&self) -> usize {
                match *self {
                    $(Self::$variant(ref value) => value.weight(),)*
                }
            }

            /// Frees about `budget` allocations; `false` when nothing is left.
            pub fn free_step(&mut self, budget: usize) -> bool {
                match *self {
                    $(Self::$variant(ref mut value) => value.free_step(budget),)*
                }
            }
        }

        impl fmt::Debug for Compound {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$variant(ref value) => value.fmt(out),)*
                }
            }
        }

        $(
            impl From<$type> for Compound {
                fn from(value: $type) -> Self {
                    Self::$variant(value)
                }
            }

            impl Typed for $type {
                #[inline]
                fn of(compound: &Compound) -> Option<&Self> {
                    match compound {
                        Compound::$variant(value) => Some(value),
                        _ => None,
                    }
                }

                #[inline]
                fn of_mut(compound: &mut Compound) -> Option<&mut Self> {
                    match compound {
                        Compound::$variant(value) => Some(value),
                        _ => None,
                    }
                }
            }
        )*
    };
}

compounds! {
    /// Texts in an order.
    List(List) = "list";
    /// Texts without order, each once.
    Set(Set) = "set";
    /// Texts by field.
    Hash(Hash) = "hash";
    SortedSet(SortedSet) = "zset";
    /// Entries by id, and who reads them.
    Stream(Stream) = "stream";
}

/// Only sorted sets keep what is cut out of them.
impl Compound {
    /// Whether elements that were removed are still to be freed.
    pub fn is_mending(&self) -> bool {
        SortedSet::of(self).is_some_and(SortedSet::is_mending)
    }

    /// Frees up to `budget` elements that were removed; `false` when
    /// none is left.
    pub fn mend_step(&mut self, budget: usize) -> bool {
        SortedSet::of_mut(self).is_some_and(|set| set.mend_step(budget))
    }
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Compound>();
};

// A keyspace of small values pays this for each of them: what is large stands
// in an allocation of its own.
const _: () = assert!(size_of::<Compound>() <= 24);
