//! One command as data: everything the node knows of it before it runs.

use super::categories::Categories;
use super::flags::Flags;
use super::keys::Keys;
use super::usage;

/// What one command is: a row of the table without its handler.
///
/// A row states its facts and takes the rest from [`Spec::PLAIN`]. Names, versions, flags, key
/// positions and tips are the ones clients see in COMMAND INFO and COMMAND DOCS of Redis 7.2.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The command's word in capitals (`"GET"`), or a subcommand's own word (`"GET"` below CONFIG).
    pub name: &'static str,
    /// The arguments after the name, in the grammar of decision record 0003.
    pub usage: &'static str,
    /// What it does, in one sentence of ours.
    pub summary: &'static str,
    /// The first Redis version that has it.
    pub since: &'static str,
    /// What it costs, as a bound with its letters explained.
    pub cost: &'static str,
    /// The family it is documented in.
    pub group: Group,
    /// How it may be called and what it touches.
    pub flags: Flags,
    /// The explicit ACL categories, or none to take the category of the group.
    pub categories: Option<Categories>,
    /// Where its keys are, in the order COMMAND INFO lists them.
    pub keys: &'static [Keys],
    /// How clients of a cluster route it and treat its replies.
    pub tips: &'static [&'static str],
    /// Version and sentence of each visible change since it appeared.
    pub history: &'static [(&'static str, &'static str)],
    /// Since when not to use it, and what to use.
    pub deprecated: Option<Deprecated>,
    /// True for commands of the server's own making and testing, not for users (`syscmd`).
    pub system: bool,
    /// Arity where the usage line does not give it: containers, and a few old oddities.
    pub arity: Option<i16>,
}

impl Spec {
    /// The row every row starts from: no arguments, no flags, no keys.
    pub const PLAIN: Self = Self {
        name: "",
        usage: "",
        summary: "",
        since: "1.0.0",
        cost: "O(1)",
        group: Group::Generic,
        flags: Flags::NONE,
        categories: None,
        keys: &[],
        tips: &[],
        history: &[],
        deprecated: None,
        system: false,
        arity: None,
    };
}

/// Why a command should no longer be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// The version that deprecated it.
    pub since: &'static str,
    /// What replaces it, with code in backticks.
    pub replaced_by: &'static str,
}

/// The family a command is documented in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Bitmap,
    Cluster,
    Connection,
    Generic,
    Geo,
    Hash,
    Hyperloglog,
    List,
    Pubsub,
    Scripting,
    Sentinel,
    Server,
    Set,
    SortedSet,
    Stream,
    String,
    Transactions,
}

impl Group {
    /// The name COMMAND DOCS prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::Hyperloglog => "hyperloglog",
            Self::List => "list",
            Self::Pubsub => "pubsub",
            Self::Scripting => "scripting",
            Self::Sentinel => "sentinel",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }
}

/// How many words a request of this command has, its name included; negative for "or more".
///
/// The row's own arity where it has one, else what its usage line says. A subcommand's words are
/// counted with the container's. Parses the usage line: computed once, at start.
#[must_use]
pub fn arity(spec: &Spec, subcommand: bool) -> i16 {
    if let Some(arity) = spec.arity {
        return arity;
    }
    let arguments = usage::words(&usage::arguments(spec.usage));
    let fewest = arguments.fewest + if subcommand { 2 } else { 1 };
    if arguments.open { -fewest } else { fewest }
}
