//! Where a command's keys stand among its words, and what happens to them.
//!
//! Positions count all words of a request: 0 is the command, 1 its first argument (or the
//! subcommand's word, whose first argument is then 2).

/// The words of one request, the command's name being word 0.
pub trait Words {
    /// How many words there are, the command's name included.
    fn count(&self) -> usize;
    /// The word at `index`, which is below `count`.
    fn word(&self, index: usize) -> &[u8];
}

impl Words for &[&[u8]] {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, index: usize) -> &[u8] {
        self[index]
    }
}

/// Visits the keys of a request: position and what happens to the key.
pub type Visit<'v> = dyn FnMut(usize, KeyFlags) + 'v;

/// Finds keys in words no declaration can describe (SORT, MIGRATE).
pub type Find = fn(&dyn Words, &mut Visit<'_>) -> Result<(), KeysFault>;

/// Decides from the words what happens to the keys (SET with GET reads too).
pub type Decide = fn(&dyn Words) -> KeyFlags;

/// One run of keys: where it begins, how far it extends, what happens to them.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// Where the first key is looked for.
    pub begin: Begin,
    /// Which words from there on are keys.
    pub extent: Extent,
    /// What happens to the keys, as declared.
    pub flags: KeyFlags,
    /// A remark of ours where the declaration cannot say it all.
    pub notes: Option<&'static str>,
    /// For [`KeyFlags::VARIABLE_FLAGS`]: what happens to the keys of this very request.
    pub decide: Option<Decide>,
    /// For an unknown begin or extent, or an incomplete one: how to find the keys.
    pub find: Option<Find>,
}

/// Where a run of keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this position.
    Index(u16),
    /// Right after `word`, searched from position `from` on; a negative `from` counts back from
    /// the end (-1 is the last word) and searches towards the front.
    Keyword { word: &'static str, from: i16 },
    /// Only the command itself knows.
    Unknown,
}

/// How far a run of keys extends from its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every `step`-th word up to `last`: counted from the begin, or from the end when negative
    /// (-1 is the last word). `limit` 2 or more keeps only that part of the words when `last` is
    /// -1 (XREAD: the first half, so 2); 0 and 1 keep all.
    Range { last: i16, step: u16, limit: u16 },
    /// The word `at` words behind the begin says how many keys there are; the first is `first`
    /// words behind the begin, the others follow by `step`.
    Count { at: u16, first: u16, step: u16 },
    /// Only the command itself knows.
    Unknown,
}

impl Keys {
    /// One key at `index`.
    #[must_use]
    pub const fn one(index: u16, flags: KeyFlags) -> Self {
        Self::from(
            Begin::Index(index),
            Extent::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
            flags,
        )
    }

    /// Every `step`-th word from `first` to `last`, both positions of the request; a negative
    /// `last` counts from the end (-1 is the last word).
    #[must_use]
    pub const fn range(first: u16, last: i16, step: u16, flags: KeyFlags) -> Self {
        assert!(first > 0 && step > 0, "keys stand after the command's name");
        let last = if last < 0 {
            last
        } else {
            assert!(last as u16 >= first, "a range of keys has a first key");
            last - first as i16
        };
        let limit = 0;
        Self::from(
            Begin::Index(first),
            Extent::Range { last, step, limit },
            flags,
        )
    }

    /// Position `at` says how many keys follow it, one after the other.
    #[must_use]
    pub const fn counted(at: u16, flags: KeyFlags) -> Self {
        Self::from(
            Begin::Index(at),
            Extent::Count {
                at: 0,
                first: 1,
                step: 1,
            },
            flags,
        )
    }

    /// One key after `word`, which is searched from position `from` on.
    #[must_use]
    pub const fn after(word: &'static str, from: i16, flags: KeyFlags) -> Self {
        Self::from(
            Begin::Keyword { word, from },
            Extent::Range {
                last: 0,
                step: 1,
                limit: 0,
            },
            flags,
        )
    }

    /// Keys that only `find` can find.
    #[must_use]
    pub const fn by(find: Find, flags: KeyFlags) -> Self {
        let mut keys = Self::from(Begin::Unknown, Extent::Unknown, flags);
        keys.find = Some(find);
        keys
    }

    /// The general form, of which the others are the common cases.
    #[must_use]
    pub const fn from(begin: Begin, extent: Extent, flags: KeyFlags) -> Self {
        Self {
            begin,
            extent,
            flags,
            notes: None,
            decide: None,
            find: None,
        }
    }

    /// The same keys, what happens to them decided by the words of the request.
    #[must_use]
    pub const fn deciding(mut self, decide: Decide, notes: &'static str) -> Self {
        self.flags = self.flags.and(KeyFlags::VARIABLE_FLAGS);
        self.decide = Some(decide);
        self.notes = Some(notes);
        self
    }

    /// The same keys with a remark.
    #[must_use]
    pub const fn noting(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }
}

/// What happens to a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyFlags(u16);

impl KeyFlags {
    pub const NONE: Self = Self(0);
    /// Reads the value, no change.
    pub const RO: Self = Self(1);
    /// Reads and changes the value.
    pub const RW: Self = Self(1 << 1);
    /// Replaces the value without looking at it.
    pub const OW: Self = Self(1 << 2);
    /// Removes the key.
    pub const RM: Self = Self(1 << 3);
    /// Returns, copies or uses the user's data of the value.
    pub const ACCESS: Self = Self(1 << 4);
    /// Changes the user's data depending on what it was.
    pub const UPDATE: Self = Self(1 << 5);
    /// Adds user's data, changing and removing none.
    pub const INSERT: Self = Self(1 << 6);
    /// Removes user's data explicitly.
    pub const DELETE: Self = Self(1 << 7);
    /// Not a key, but routed like one.
    pub const NOT_KEY: Self = Self(1 << 8);
    /// There may be keys this does not find.
    pub const INCOMPLETE: Self = Self(1 << 9);
    /// The words of a request may say something else.
    pub const VARIABLE_FLAGS: Self = Self(1 << 10);

    /// Every flag with its name, in the order of COMMAND INFO.
    pub const NAMES: &'static [(Self, &'static str)] = &[
        (Self::RO, "RO"),
        (Self::RW, "RW"),
        (Self::OW, "OW"),
        (Self::RM, "RM"),
        (Self::ACCESS, "access"),
        (Self::UPDATE, "update"),
        (Self::INSERT, "insert"),
        (Self::DELETE, "delete"),
        (Self::NOT_KEY, "not_key"),
        (Self::INCOMPLETE, "incomplete"),
        (Self::VARIABLE_FLAGS, "variable_flags"),
    ];
}

named_flags!(KeyFlags);

/// The request's words have no keys where the command's keys must be.
///
/// COMMAND GETKEYS reports it as "Invalid arguments specified for command".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeysFault;
