//! The usage line of a row: a small grammar a person reads, and the argument tree it stands for.
//!
//! ```text
//! key  value             a value: its name; `key` is of type key, others are strings
//! count:integer          a value of another type: integer double key pattern unix-time
//! newkey:key@1           a key, and which of the row's `keys` describes it (else the next one)
//! NX  sorting=ALPHA      a word to write as it stands, named after itself or otherwise
//! EX seconds:integer     a value written after its word
//! name=(a b)             several in this order; a word before the name belongs to the group
//! name=(A | B c)         one of several
//! [x]  x...  [COUNT n]...  may be left out; may be repeated; repeated with its word
//! x{6.2.0}  x{..2.8.12}  since which version; deprecated since which version
//! addr"ip:port"          the text to show for the value where its name is not it
//! ```
//!
//! Suffixes stand in this order: type, key, text, version, dots. Names are small letters, words
//! capitals. A word followed by a value or group belongs to it, else it stands for itself.

use super::parse::Parser;

/// One argument of a command, as COMMAND DOCS describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// What it is called; unique among its siblings.
    pub name: String,
    /// What may be written for it.
    pub kind: Kind,
    /// The word before it, or the word itself for [`Kind::PureToken`].
    pub token: Option<String>,
    /// What to show for it, where that is not its name.
    pub text: Option<String>,
    /// Which of the row's keys describes it.
    pub keys: Option<usize>,
    /// The version that brought it, when later than the command's.
    pub since: Option<String>,
    /// The version that deprecated it.
    pub deprecated_since: Option<String>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// Its token is repeated with it.
    pub multiple_token: bool,
    /// The parts of a block or the choices of a oneof.
    pub children: Vec<Argument>,
}

/// The nine types of arguments COMMAND DOCS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Kind {
    /// The name COMMAND DOCS prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// Where a usage line breaks the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageFault {
    /// The byte of the line where it was noticed.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// The argument tree of a usage line.
///
/// # Errors
/// When the line breaks the grammar: where, and what should stand there.
pub fn parse(usage: &str) -> Result<Vec<Argument>, UsageFault> {
    Parser::new(usage).line()
}

/// The argument tree of a row's usage line.
///
/// # Panics
/// When the line breaks the grammar: a row is written by us, so that is a bug.
#[must_use]
pub fn arguments(usage: &str) -> Vec<Argument> {
    match parse(usage) {
        Ok(arguments) => arguments,
        Err(fault) => panic!(
            "usage {usage:?}, byte {}: expected {}",
            fault.at, fault.expected
        ),
    }
}

/// How many words arguments take: the fewest, and whether there may be more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The fewest words.
    pub fewest: i16,
    /// True when more words may be written.
    pub open: bool,
}

/// How many words `arguments` take, written one after the other.
#[must_use]
pub fn words(arguments: &[Argument]) -> Words {
    let mut all = Words {
        fewest: 0,
        open: false,
    };
    for argument in arguments {
        let one = argument.words();
        all.fewest += one.fewest;
        all.open |= one.open;
    }
    all
}

impl Argument {
    fn words(&self) -> Words {
        if self.optional {
            return Words {
                fewest: 0,
                open: true,
            };
        }
        let mut own = match self.kind {
            Kind::Block => words(&self.children),
            Kind::OneOf => self.choice(),
            Kind::PureToken => Words {
                fewest: 0,
                open: false,
            },
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Key
            | Kind::Pattern
            | Kind::UnixTime => Words {
                fewest: 1,
                open: false,
            },
        };
        own.fewest += i16::from(self.token.is_some());
        own.open |= self.multiple;
        own
    }

    fn choice(&self) -> Words {
        let each = || self.children.iter().map(Self::words);
        let fewest = each().map(|words| words.fewest).min().unwrap_or(0);
        let open = each().any(|words| words.open || words.fewest != fewest);
        Words { fewest, open }
    }
}
