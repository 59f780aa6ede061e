//! How a command may be called: the flags of a row, and their names in COMMAND INFO.

/// A set of command flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Changes data.
    pub const WRITE: Self = Self(1);
    /// Reads data and changes none.
    pub const READONLY: Self = Self(1 << 1);
    /// Refused while memory is over the limit.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 3);
    /// About publishing and subscribing.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Refused inside scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May make the client wait.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while the data is being loaded.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a replica whose data is stale.
    pub const STALE: Self = Self(1 << 8);
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 9);
    /// Not recorded by the slow log.
    pub const SKIP_SLOWLOG: Self = Self(1 << 10);
    /// Accepted for a slot that is being imported.
    pub const ASKING: Self = Self(1 << 11);
    /// Takes constant or logarithmic time.
    pub const FAST: Self = Self(1 << 12);
    /// Allowed before the client has authenticated.
    pub const NO_AUTH: Self = Self(1 << 13);
    /// May be replicated although it is not a write; not shown in COMMAND INFO.
    pub const MAY_REPLICATE: Self = Self(1 << 14);
    /// Correct without any key.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 15);
    /// Needs an `enable-…-command` setting; not shown in COMMAND INFO.
    pub const PROTECTED: Self = Self(1 << 16);
    /// Refused while a replica loads in the background.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 17);
    /// Refused inside MULTI.
    pub const NO_MULTI: Self = Self(1 << 18);
    /// Has keys that only a look at the arguments can find; derived, never declared.
    pub const MOVABLEKEYS: Self = Self(1 << 19);
    /// Allowed while a script has been running for too long.
    pub const ALLOW_BUSY: Self = Self(1 << 20);
    /// Touches keys it does not name; not shown in COMMAND INFO.
    pub const TOUCHES_ARBITRARY_KEYS: Self = Self(1 << 21);
    /// Allowed to a RESP2 client that subscribes; not shown in COMMAND INFO.
    pub const WHILE_SUBSCRIBED: Self = Self(1 << 22);

    /// Every flag COMMAND INFO prints, in the order it prints them.
    pub const NAMES: &'static [(Self, &'static str)] = &[
        (Self::WRITE, "write"),
        (Self::READONLY, "readonly"),
        (Self::DENYOOM, "denyoom"),
        (Self::ADMIN, "admin"),
        (Self::PUBSUB, "pubsub"),
        (Self::NOSCRIPT, "noscript"),
        (Self::BLOCKING, "blocking"),
        (Self::LOADING, "loading"),
        (Self::STALE, "stale"),
        (Self::SKIP_MONITOR, "skip_monitor"),
        (Self::SKIP_SLOWLOG, "skip_slowlog"),
        (Self::ASKING, "asking"),
        (Self::FAST, "fast"),
        (Self::NO_AUTH, "no_auth"),
        (Self::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Self::NO_ASYNC_LOADING, "no_async_loading"),
        (Self::NO_MULTI, "no_multi"),
        (Self::MOVABLEKEYS, "movablekeys"),
        (Self::ALLOW_BUSY, "allow_busy"),
    ];
}

named_flags!(Flags);
