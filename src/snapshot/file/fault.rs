//! Why a file cannot be loaded, and where.

use std::fmt;

use crate::snapshot::Kind;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    pub why: Why,
    /// Bytes of the file before the place.
    pub at: u64,
    /// The database that was being read, and the key, if it was one.
    pub database: usize,
    pub key: Option<Vec<u8>>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It does not begin as RDB files do.
    NotRdb,
    /// Of a newer format.
    Version(u16),
    /// Of Valkey 9 and later, whose format went its own way.
    Valkey(u16),
    /// It ends before its end.
    Truncated,
    /// A length, a text, or what should follow is none.
    Garbled,
    /// A value is not what its type says.
    BadValue(Kind),
    UnknownType(u8),
    /// A value of a module, by the module's name.
    Module(String),
    /// What only release candidates of Redis 7.4 wrote.
    ReleaseCandidate(u8),
    /// Functions of release candidates of Redis 7.0.
    OldFunctions,
    /// A library of functions that cannot be loaded, and why.
    Library(String),
    /// There is no such database here: so many are.
    NoDatabase {
        asked: u64,
        databases: usize,
    },
    /// A key that came already.
    Twice,
    WrongSum {
        stored: u64,
        computed: u64,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRdb => write!(out, "Wrong signature trying to load DB from file"),
            Self::Version(version) => write!(out, "Can't handle RDB format version {version}"),
            Self::Valkey(version) => write!(
                out,
                "The file is of Valkey (format {version:03}), which Redis and basalt cannot read"
            ),
            Self::Truncated => write!(out, "Unexpected EOF reading RDB file"),
            Self::Garbled => write!(out, "What should follow here is not there"),
            Self::BadValue(kind) => write!(out, "The value is no valid {kind:?}"),
            Self::UnknownType(byte) => write!(out, "Unknown RDB encoding type {byte}"),
            Self::Module(name) => write!(
                out,
                "The RDB file contains module data I can't load: no matching module type '{name}'"
            ),
            Self::ReleaseCandidate(byte) => write!(
                out,
                "Type {byte} is of release candidates of Redis 7.4, which no release reads"
            ),
            Self::OldFunctions => write!(out, "Pre-release function format not supported."),
            Self::Library(why) => write!(out, "Failed creating the library: {why}"),
            Self::NoDatabase { asked, databases } => write!(
                out,
                "Data file was created with a server configured to handle more than {databases} \
                 databases: it has a database {asked}"
            ),
            Self::Twice => write!(out, "The key is there already"),
            Self::WrongSum { stored, computed } => write!(
                out,
                "RDB CRC error: Wrong RDB checksum expected: ({stored:x}) but got ({computed:x})"
            ),
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (at byte {}", self.why, self.at)?;
        if let Some(key) = &self.key {
            let key = key.escape_ascii();
            write!(out, ", key '{key}' of database {}", self.database)?;
        }
        write!(out, ")")
    }
}
