//! A request that waits for keys to have something.

use std::ops::Range;

use crate::base::Claim;
use crate::resp::{OwnedArgs, Version};

/// What a waiting request can be answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    List,
    SortedSet,
    Stream,
    /// A stream's group, which may also vanish: then the answer is an error.
    StreamGroup,
}

impl Awaited {
    /// All of them; their place is their number.
    pub const ALL: [Awaited; 4] = [
        Awaited::List,
        Awaited::SortedSet,
        Awaited::Stream,
        Awaited::StreamGroup,
    ];

    /// Who may be answered by a key of this type, as TYPE names it; no type
    /// when there is no such key.
    #[must_use]
    pub fn met_by(type_name: Option<&str>) -> &'static [Awaited] {
        match type_name {
            Some("list") => &[Awaited::List, Awaited::StreamGroup],
            Some("zset") => &[Awaited::SortedSet, Awaited::StreamGroup],
            Some("stream") => &[Awaited::Stream, Awaited::StreamGroup],
            _ => &[Awaited::StreamGroup],
        }
    }
}

/// A blocked request, shared by the core of its client and by the shards of
/// its keys. Whoever takes the claim answers it, and nobody else does.
#[derive(Debug)]
pub struct Wait {
    /// The core of its client.
    pub core: usize,
    /// The client's session there, which only that core can read.
    pub session: u64,
    /// The command's place in the table.
    pub entry: u16,
    pub database: usize,
    pub version: Version,
    pub no_touch: bool,
    /// The request, to be run again.
    pub words: OwnedArgs,
    /// The words that are keys it waits for.
    pub keys: Range<usize>,
    pub awaited: Awaited,
    /// Unix milliseconds; `None` waits for ever.
    pub until_ms: Option<u64>,
    pub claim: Claim,
}

impl Wait {
    /// The keys it waits for; one may be named twice.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let args = self.words.args();
        self.keys.clone().map(move |index| args.get(index))
    }
}
