//! What a setting is: its name, the form of its values, when it may change.
//!
//! A row of `table.rs` says everything about one directive; the reader of
//! `redis.conf`, CONFIG GET, SET and REWRITE and `docs/settings.md` all follow
//! from it.

/// One directive of `redis.conf`.
#[derive(Debug)]
pub struct Setting {
    /// The directive's name, in lower case.
    pub name: &'static str,
    /// The older name that means the same, or "".
    pub alias: &'static str,
    /// The form of its values.
    pub kind: Kind,
    /// The value when nothing is said, as CONFIG GET shows it.
    pub default: &'static str,
    /// When it may change.
    pub change: Change,
    /// What it does in basalt.
    pub support: Support,
    /// One line for people.
    pub doc: &'static str,
}

/// The form of a setting's values.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any bytes.
    Text,
    /// Text with names of `proc-title-template` between braces.
    Title,
    /// `yes` or `no`.
    Bool,
    /// A decimal integer within both ends, inclusive.
    Integer(i64, i64),
    /// File permissions in octal.
    Octal,
    /// Bytes, with a unit such as `64mb`, within both ends, inclusive.
    Memory(i64, i64),
    /// Bytes, or a share such as `5%`.
    MemoryOrPercent,
    /// One of these words, in any case of letters.
    Enum(&'static [&'static str]),
    /// Words a line may carry, at most this many; 0 words are allowed.
    Words(usize),
    /// `class hard soft seconds`, repeated; classes not named keep theirs.
    OutputLimits,
    /// Pairs `seconds changes`.
    Save,
    /// Percentiles from 0 to 100.
    Percentiles,
    /// Letters naming classes of keyspace events.
    Events,
    /// Words of `shutdown-on-sigterm`: `default`, or some of `save nosave now force`.
    Shutdown,
    /// Three integers from -2000 to 2000.
    OomScores,
}

/// When a setting may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Any time, by CONFIG SET.
    Live,
    /// Only in the file or on the command line.
    Start,
    /// By CONFIG SET, where `enable-protected-configs` lets it.
    Protected,
}

/// What a setting does in basalt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// What it says.
    Works,
    /// Accepted and shown; there is nothing here for it to act on.
    Shown,
    /// For tests: it does what it says, and CONFIG GET finds it by its whole name
    /// only.
    Hidden,
    /// It asks for something basalt does not have yet: only the default, which
    /// asks for nothing, is accepted. A file that asks for durability must not
    /// load as if it had it.
    Later,
}

impl Kind {
    /// Whether a line of `redis.conf` may carry another number of words than one.
    pub const fn is_many(self) -> bool {
        matches!(
            self,
            Self::Words(_)
                | Self::OutputLimits
                | Self::Save
                | Self::Percentiles
                | Self::Shutdown
                | Self::OomScores
        )
    }
}
