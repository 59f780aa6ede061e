//! The settings as the cores read them: typed, plain, shared by `Arc`.
//!
//! Made anew after each change; a core swaps its copy between turns, so no
//! command sees half a change.

use super::events::Events;
use super::settings::Settings;
use super::table::POLICIES;
use super::value::{integer, words};

/// A typed snapshot of the settings the cores act on.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// Clients that would write wait: this node is about to hand over or to end.
    pub holds_writes: bool,
    /// RESTORE does not look at checksums.
    pub skips_checksums: bool,
    /// Clients at one time.
    pub maxclients: u64,
    /// Seconds of idleness before a client is closed; 0 never.
    pub timeout_s: u32,
    /// Seconds between TCP keepalive probes; 0 none.
    pub tcp_keepalive_s: u32,
    /// Bytes of the longest argument.
    pub proto_max_bulk_len: u64,
    /// Bytes of unparsed requests.
    pub query_buffer_limit: u64,
    /// Limits of unread replies, by class: normal, replica, pubsub.
    pub output_limits: [OutputLimit; 3],
    /// The default user's password, none when empty.
    pub requirepass: Option<Box<[u8]>>,
    /// Whether clients elsewhere are refused while there is no password.
    pub protected_mode: bool,
    /// Path of the Unix socket, or "".
    pub unixsocket: String,
    /// Numbered databases.
    pub databases: u32,
    /// Background rounds per second, 1 to 500.
    pub hz: u32,
    /// Bytes of data; 0 is no limit.
    pub maxmemory: u64,
    /// Bytes of all clients' buffers; 0 is no limit.
    pub maxmemory_clients: u64,
    /// Which keys are evicted.
    pub maxmemory_policy: Policy,
    /// Keys looked at to choose one.
    pub maxmemory_samples: u32,
    /// 0 least delay, 100 until done.
    pub maxmemory_eviction_tenacity: u32,
    /// How slowly the frequency counter saturates.
    pub lfu_log_factor: u32,
    /// Minutes for the counter to lose one.
    pub lfu_decay_time: u32,
    /// 1 to 10.
    pub active_expire_effort: u32,
    /// µs above which a command is logged; negative none, 0 all.
    pub slowlog_log_slower_than: i64,
    /// Entries of the slow log.
    pub slowlog_max_len: usize,
    /// ms above which an event is recorded; 0 none.
    pub latency_monitor_threshold: u64,
    /// Whether each command's time is kept in a histogram.
    pub latency_tracking: bool,
    /// Percentiles INFO shows, 0 to 100.
    pub latency_percentiles: Vec<f64>,
    /// Which keyspace events are published, and on which channels.
    pub events: Events,
    /// Who may use DEBUG.
    pub enable_debug_command: Allowed,
    /// Bytes a sparse HyperLogLog may take.
    pub hll_sparse_max_bytes: u64,
    /// Whether changes are recorded in the append-only file.
    pub appendonly: bool,
    /// Whether each is on disk before its reply.
    pub aof_always: bool,
    /// Whether what goes by itself is recorded as UNLINK instead of DEL.
    pub lazy: Lazy,
    /// When to save: seconds since the last save, and changes.
    pub save_points: Vec<(u64, u64)>,
    /// Whether writes are refused while saving fails.
    pub stop_writes_on_bgsave_error: bool,
    /// When values change their encoding.
    pub encodings: Encodings,
    /// The primary this node follows.
    pub primary: Option<(Box<str>, u16)>,
    /// Whether clients of a replica may not write.
    pub replica_read_only: bool,
    /// Replicas without which writes are refused.
    pub min_replicas_to_write: u64,
    /// Whether a replica answers from its data while the link is down.
    pub replica_serve_stale_data: bool,
}

/// The thresholds of the encodings, as the settings of these names say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encodings {
    pub list_max_listpack_size: i64,
    pub set_max_intset_entries: usize,
    pub set_max_listpack_entries: usize,
    pub set_max_listpack_value: usize,
    pub hash_max_listpack_entries: usize,
    pub hash_max_listpack_value: usize,
    pub zset_max_listpack_entries: usize,
    pub zset_max_listpack_value: usize,
    pub stream_node_max_bytes: usize,
    pub stream_node_max_entries: usize,
}

/// The `lazyfree-lazy-…` settings: which removals are recorded as UNLINK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lazy {
    pub eviction: bool,
    pub expire: bool,
    pub server_del: bool,
}

/// When unread replies close a client; 0 bytes is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes that close at once.
    pub hard: u64,
    /// Bytes that close when held for `soft_seconds`.
    pub soft: u64,
    /// See `soft`.
    pub soft_seconds: u64,
}

/// `maxmemory-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Keys with a ttl, least recently used first.
    VolatileLru,
    /// Keys with a ttl, least frequently used first.
    VolatileLfu,
    /// Keys with a ttl, at random.
    VolatileRandom,
    /// Keys with a ttl, soonest to expire first.
    VolatileTtl,
    /// Any key, least recently used first.
    AllkeysLru,
    /// Any key, least frequently used first.
    AllkeysLfu,
    /// Any key, at random.
    AllkeysRandom,
    /// None: writes are refused.
    NoEviction,
}

/// Who may use something guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Nobody.
    No,
    /// Everybody.
    Yes,
    /// Clients on this machine.
    Local,
}

impl Live {
    /// Whether this node follows a primary.
    pub const fn is_replica(&self) -> bool {
        self.primary.is_some()
    }

    /// Whether clients from other machines are refused.
    pub const fn is_protected(&self) -> bool {
        self.protected_mode && self.requirepass.is_none()
    }
}

impl Policy {
    /// Whether keys count how often they are used, rather than when.
    pub const fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }
}

impl Settings {
    /// The settings the cores act on, typed.
    pub fn live(&self) -> Live {
        let primary = self.primary();
        let maxmemory = match primary {
            // Its primary evicts for both.
            Some(_) if self.is_on("replica-ignore-maxmemory") => 0,
            _ => self.number("maxmemory"),
        };
        Live {
            holds_writes: self.holds_writes,
            skips_checksums: self.skips_checksums,
            maxclients: self.number("maxclients"),
            timeout_s: self.number("timeout"),
            tcp_keepalive_s: self.number("tcp-keepalive"),
            proto_max_bulk_len: self.number("proto-max-bulk-len"),
            query_buffer_limit: self.number("client-query-buffer-limit"),
            output_limits: self.output_limits(),
            requirepass: Some(self.bytes("requirepass"))
                .filter(|word| !word.is_empty())
                .map(Box::from),
            protected_mode: self.is_on("protected-mode"),
            unixsocket: self.text("unixsocket"),
            databases: self.number("databases"),
            hz: self.number("hz"),
            maxmemory,
            maxmemory_clients: self.clients_memory(maxmemory),
            maxmemory_policy: self.policy(),
            maxmemory_samples: self.number("maxmemory-samples"),
            maxmemory_eviction_tenacity: self.number("maxmemory-eviction-tenacity"),
            lfu_log_factor: self.number("lfu-log-factor"),
            lfu_decay_time: self.number("lfu-decay-time"),
            active_expire_effort: self.number("active-expire-effort"),
            slowlog_log_slower_than: self.number("slowlog-log-slower-than"),
            slowlog_max_len: self.number("slowlog-max-len"),
            latency_monitor_threshold: self.number("latency-monitor-threshold"),
            latency_tracking: self.is_on("latency-tracking"),
            latency_percentiles: self.percentiles(),
            events: Events::of(self.bytes("notify-keyspace-events")),
            enable_debug_command: self.allowed("enable-debug-command"),
            hll_sparse_max_bytes: self.number("hll-sparse-max-bytes"),
            appendonly: self.is_on("appendonly"),
            aof_always: self.is_on("appendonly") && self.bytes("appendfsync") == b"always",
            lazy: Lazy {
                eviction: self.is_on("lazyfree-lazy-eviction"),
                expire: self.is_on("lazyfree-lazy-expire"),
                server_del: self.is_on("lazyfree-lazy-server-del"),
            },
            save_points: self.save_points(),
            stop_writes_on_bgsave_error: self.is_on("stop-writes-on-bgsave-error"),
            encodings: self.encodings(),
            primary,
            min_replicas_to_write: match self.number::<u64>("min-replicas-max-lag") {
                // Either of the two switches it off.
                0 => 0,
                _ => self.number("min-replicas-to-write"),
            },
            replica_read_only: self.is_on("replica-read-only"),
            replica_serve_stale_data: self.is_on("replica-serve-stale-data"),
        }
    }

    /// `replicaof`: a host and a port.
    pub fn primary(&self) -> Option<(Box<str>, u16)> {
        let mut words = words(self.bytes("replicaof"));
        let host = String::from_utf8_lossy(words.next()?).into_owned();
        let port = integer(words.next()?).and_then(|port| u16::try_from(port).ok())?;
        Some((host.into(), port))
    }

    /// The value of a setting this crate names.
    pub fn bytes(&self, name: &'static str) -> &[u8] {
        self.get(name.as_bytes())
            .expect("the name is one of the table's")
    }

    /// As `bytes`, for paths and words; bytes that are not UTF-8 are replaced.
    pub fn text(&self, name: &'static str) -> String {
        String::from_utf8_lossy(self.bytes(name)).into_owned()
    }

    /// Whether a yes-or-no setting is on.
    pub fn is_on(&self, name: &'static str) -> bool {
        self.bytes(name) == b"yes"
    }

    /// The number of an integer or memory setting; the table's limits keep it
    /// within the type asked for.
    pub fn number<Number: TryFrom<i64>>(&self, name: &'static str) -> Number {
        let number = integer(self.bytes(name)).expect("the kind allows integers only");
        Number::try_from(number)
            .ok()
            .expect("the table's limits fit the type")
    }

    fn encodings(&self) -> Encodings {
        Encodings {
            list_max_listpack_size: self.number("list-max-listpack-size"),
            set_max_intset_entries: self.number("set-max-intset-entries"),
            set_max_listpack_entries: self.number("set-max-listpack-entries"),
            set_max_listpack_value: self.number("set-max-listpack-value"),
            hash_max_listpack_entries: self.number("hash-max-listpack-entries"),
            hash_max_listpack_value: self.number("hash-max-listpack-value"),
            zset_max_listpack_entries: self.number("zset-max-listpack-entries"),
            zset_max_listpack_value: self.number("zset-max-listpack-value"),
            stream_node_max_bytes: self.number("stream-node-max-bytes"),
            stream_node_max_entries: self.number("stream-node-max-entries"),
        }
    }

    fn save_points(&self) -> Vec<(u64, u64)> {
        let number = |word: &[u8]| {
            let number = integer(word).and_then(|number| u64::try_from(number).ok());
            number.expect("save points are canonical")
        };
        let words: Vec<&[u8]> = words(self.bytes("save")).collect();
        let pairs = words.chunks(2);
        pairs
            .map(|pair| (number(pair[0]), number(pair[1])))
            .collect()
    }

    fn output_limits(&self) -> [OutputLimit; 3] {
        let mut limits = [OutputLimit::default(); 3];
        let parts: Vec<&[u8]> = words(self.bytes("client-output-buffer-limit")).collect();
        let number = |part: &[u8]| {
            let number = integer(part).and_then(|number| u64::try_from(number).ok());
            number.expect("limits are canonical")
        };
        for (limit, part) in limits.iter_mut().zip(parts.chunks(4)) {
            *limit = OutputLimit {
                hard: number(part[1]),
                soft: number(part[2]),
                soft_seconds: number(part[3]),
            };
        }
        limits
    }

    fn clients_memory(&self, maxmemory: u64) -> u64 {
        let value = self.bytes("maxmemory-clients");
        match value.strip_suffix(b"%") {
            Some(share) => {
                let share = integer(share).and_then(|share| u64::try_from(share).ok());
                let share = u128::from(share.expect("shares are canonical"));
                (u128::from(maxmemory) * share / 100) as u64
            }
            None => self.number("maxmemory-clients"),
        }
    }

    fn policy(&self) -> Policy {
        const IN_ORDER: [Policy; 8] = [
            Policy::VolatileLru,
            Policy::VolatileLfu,
            Policy::VolatileRandom,
            Policy::VolatileTtl,
            Policy::AllkeysLru,
            Policy::AllkeysLfu,
            Policy::AllkeysRandom,
            Policy::NoEviction,
        ];
        const _: () = assert!(IN_ORDER.len() == POLICIES.len());
        let value = self.bytes("maxmemory-policy");
        let place = POLICIES.iter().position(|word| word.as_bytes() == value);
        IN_ORDER[place.expect("the kind allows these words only")]
    }

    fn percentiles(&self) -> Vec<f64> {
        words(self.bytes("latency-tracking-info-percentiles"))
            .filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok())
            .collect()
    }

    fn allowed(&self, name: &'static str) -> Allowed {
        match self.bytes(name) {
            b"yes" => Allowed::Yes,
            b"local" => Allowed::Local,
            _ => Allowed::No,
        }
    }
}
