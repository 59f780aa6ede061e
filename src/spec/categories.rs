//! The ACL categories of a command: the declared ones, and those its group and flags imply.

use super::flags::Flags;
use super::row::{Group, Spec};

/// A set of ACL categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Categories(u64);

impl Categories {
    pub const NONE: Self = Self(0);
    pub const KEYSPACE: Self = Self(1);
    pub const READ: Self = Self(1 << 1);
    pub const WRITE: Self = Self(1 << 2);
    pub const SET: Self = Self(1 << 3);
    pub const SORTEDSET: Self = Self(1 << 4);
    pub const LIST: Self = Self(1 << 5);
    pub const HASH: Self = Self(1 << 6);
    pub const STRING: Self = Self(1 << 7);
    pub const BITMAP: Self = Self(1 << 8);
    pub const HYPERLOGLOG: Self = Self(1 << 9);
    pub const GEO: Self = Self(1 << 10);
    pub const STREAM: Self = Self(1 << 11);
    pub const PUBSUB: Self = Self(1 << 12);
    pub const ADMIN: Self = Self(1 << 13);
    pub const FAST: Self = Self(1 << 14);
    pub const SLOW: Self = Self(1 << 15);
    pub const BLOCKING: Self = Self(1 << 16);
    pub const DANGEROUS: Self = Self(1 << 17);
    pub const CONNECTION: Self = Self(1 << 18);
    pub const TRANSACTION: Self = Self(1 << 19);
    pub const SCRIPTING: Self = Self(1 << 20);

    /// Every category with its name after an `@`, in the order of COMMAND INFO and ACL CAT.
    pub const NAMES: &'static [(Self, &'static str)] = &[
        (Self::KEYSPACE, "@keyspace"),
        (Self::READ, "@read"),
        (Self::WRITE, "@write"),
        (Self::SET, "@set"),
        (Self::SORTEDSET, "@sortedset"),
        (Self::LIST, "@list"),
        (Self::HASH, "@hash"),
        (Self::STRING, "@string"),
        (Self::BITMAP, "@bitmap"),
        (Self::HYPERLOGLOG, "@hyperloglog"),
        (Self::GEO, "@geo"),
        (Self::STREAM, "@stream"),
        (Self::PUBSUB, "@pubsub"),
        (Self::ADMIN, "@admin"),
        (Self::FAST, "@fast"),
        (Self::SLOW, "@slow"),
        (Self::BLOCKING, "@blocking"),
        (Self::DANGEROUS, "@dangerous"),
        (Self::CONNECTION, "@connection"),
        (Self::TRANSACTION, "@transaction"),
        (Self::SCRIPTING, "@scripting"),
    ];

    const fn of_group(group: Group) -> Self {
        match group {
            Group::Bitmap => Self::BITMAP,
            Group::Connection => Self::CONNECTION,
            Group::Generic => Self::KEYSPACE,
            Group::Geo => Self::GEO,
            Group::Hash => Self::HASH,
            Group::Hyperloglog => Self::HYPERLOGLOG,
            Group::List => Self::LIST,
            Group::Pubsub => Self::PUBSUB,
            Group::Scripting => Self::SCRIPTING,
            Group::Set => Self::SET,
            Group::SortedSet => Self::SORTEDSET,
            Group::Stream => Self::STREAM,
            Group::String => Self::STRING,
            Group::Transactions => Self::TRANSACTION,
            Group::Cluster | Group::Sentinel | Group::Server => Self::NONE,
        }
    }
}

named_flags!(Categories);

/// The categories a command is in: those it declares (else its group's), and what its flags imply.
///
/// A command is either fast or slow. Administration is dangerous. Scripts read and write through
/// the commands they call, so a read-only script command is not itself in `@read`.
#[must_use]
pub fn acl_categories(spec: &Spec) -> Categories {
    let declared = spec
        .categories
        .unwrap_or_else(|| Categories::of_group(spec.group));
    let scripting = declared.has(Categories::SCRIPTING);
    let implied = [
        (Flags::WRITE, Categories::WRITE),
        (Flags::ADMIN, Categories::ADMIN.and(Categories::DANGEROUS)),
        (Flags::PUBSUB, Categories::PUBSUB),
        (Flags::FAST, Categories::FAST),
        (Flags::BLOCKING, Categories::BLOCKING),
    ];
    let mut all = declared;
    for (flag, category) in implied {
        if spec.flags.has(flag) {
            all = all.and(category);
        }
    }
    if spec.flags.has(Flags::READONLY) && !scripting {
        all = all.and(Categories::READ);
    }
    if !spec.flags.has(Flags::FAST) {
        all = all.and(Categories::SLOW);
    }
    all
}
