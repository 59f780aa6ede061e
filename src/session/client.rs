//! What is known of a client apart from its bytes.

use crate::config::Live;
use crate::resp::Version;

/// How a connection came in.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `ip:port`, or `path:0` for a Unix socket.
    pub address: Box<str>,
    /// Our own end, in the same form.
    pub local: Box<str>,
    /// From this machine.
    pub is_loopback: bool,
    /// Over a Unix socket.
    pub is_unix: bool,
    /// The descriptor, as CLIENT LIST shows it.
    pub fd: i32,
}

/// What CLIENT REPLY asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every reply is sent.
    On,
    /// None is.
    Off,
    /// The reply to the next command is dropped.
    SkipNext,
    /// The reply to this command is dropped, then `On`.
    Skip,
}

/// How the data is met on behalf of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Regard {
    #[default]
    Usual,
    /// Its reads leave no mark for eviction.
    NoTouch,
    /// It is this node's primary: it alone says when a key is gone.
    Obeyed,
}

/// How many names a client listens to, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    pub channels: usize,
    pub patterns: usize,
    pub shard_channels: usize,
}

impl Subscribed {
    /// Whether it listens to anything.
    #[must_use]
    pub fn to_any(&self) -> bool {
        self.channels + self.patterns + self.shard_channels > 0
    }

    /// Memory that its places in the directories take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        (self.channels + self.patterns + self.shard_channels) * SUBSCRIPTION_BYTES
    }
}

/// A name that one client listens to: measured with names of 16 bytes.
const SUBSCRIPTION_BYTES: usize = 174;

/// What REPLCONF says of a replica to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSaid {
    /// Where it takes clients; none for where it is.
    pub ip: Box<str>,
    pub port: u16,
    /// It understands a file that ends with a mark.
    pub eof: bool,
    /// It understands that a history goes on under another name.
    pub psync2: bool,
    /// It wants the file and nothing behind it.
    pub rdb_only: bool,
}

/// One client. Plain data: every field may be read and set by the commands
/// that say so.
#[derive(Debug)]
pub struct Client {
    /// Unique for the life of the node, rising.
    pub id: u64,
    pub origin: Origin,
    pub name: Box<[u8]>,
    pub library_name: Box<[u8]>,
    pub library_version: Box<[u8]>,
    pub database: usize,
    pub version: Version,
    pub authenticated: bool,
    pub reply_mode: ReplyMode,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    pub regard: Regard,
    /// The primary has a session at every core: this is none of the node's clients, as the
    /// one at the first core is.
    pub is_double: bool,
    /// What it listens to.
    pub subscribed: Subscribed,
    /// Receives MONITOR's feed and sends no commands but a few.
    pub is_monitor: bool,
    /// Its bytes are a replica's, and no session's any more.
    pub is_replica: bool,
    /// What it says of itself before it is one.
    pub replica: ReplicaSaid,
    /// Close once its replies are out (QUIT, CLIENT KILL of oneself, faults).
    pub close_asap: bool,
    /// Unix milliseconds.
    pub connected_ms: u64,
    /// Unix milliseconds of its last request.
    pub active_ms: u64,
    /// Its last command, as `get` or `client|list`.
    pub last_command: Option<&'static str>,
    /// Since when its replies are above the soft limit, Unix milliseconds.
    pub over_soft_since_ms: Option<u64>,
}

impl Client {
    /// A client that has just connected.
    #[must_use]
    pub fn new(id: u64, origin: Origin, authenticated: bool, now_ms: u64) -> Client {
        Client {
            id,
            origin,
            name: Box::default(),
            library_name: Box::default(),
            library_version: Box::default(),
            database: 0,
            version: Version::Two,
            authenticated,
            reply_mode: ReplyMode::On,
            is_double: false,
            no_evict: false,
            regard: Regard::Usual,
            subscribed: Subscribed::default(),
            is_monitor: false,
            is_replica: false,
            replica: ReplicaSaid::default(),
            close_asap: false,
            connected_ms: now_ms,
            active_ms: now_ms,
            last_command: None,
            over_soft_since_ms: None,
        }
    }

    /// Whether it may give only the commands a subscriber may: in RESP2 it
    /// could not tell replies from messages.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.version == Version::Two && self.subscribed.to_any()
    }

    /// Whether it is this node's primary.
    #[must_use]
    pub fn is_obeyed(&self) -> bool {
        self.regard == Regard::Obeyed
    }

    /// Whether it may give commands: it has said the password, or there is
    /// none now.
    #[must_use]
    pub fn is_trusted(&self, live: &Live) -> bool {
        self.authenticated || live.requirepass.is_none()
    }
}
