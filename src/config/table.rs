//! Every setting, declared once.
//!
//! Names, limits and defaults are those of Redis 7.2 (7.0.15's answers to
//! CONFIG GET and CONFIG SET, plus what the 7.2 release notes add), except
//! basalt's own.

use super::setting::Change::{Live, Protected, Start};
use super::setting::Kind::{
    Bool, Enum, Events, Integer, Memory, MemoryOrPercent, Octal, OomScores, OutputLimits,
    Percentiles, Save, Shutdown, Text, Title, Words,
};
use super::setting::Setting;
use super::setting::Support::{Hidden, Later, Shown, Works};

const I32: i64 = i32::MAX as i64;
const I64: i64 = i64::MAX;
const U32: i64 = u32::MAX as i64;
const MIB: i64 = 1 << 20;
const PORT: super::setting::Kind = Integer(0, 65535);
const GUARDED: super::setting::Kind = Enum(&["no", "yes", "local"]);

/// The words of `maxmemory-policy`, in the order error texts list them.
pub const POLICIES: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

macro_rules! settings {
    ($($name:literal $(or $alias:literal)? = $default:literal, $kind:expr, $change:ident $support:ident: $doc:literal;)*) => {
        &[$(Setting {
            name: $name,
            alias: concat!($($alias)?),
            kind: $kind,
            default: $default,
            change: $change,
            support: $support,
            doc: $doc,
        }),*]
    };
}

/// Every setting, by subject.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = settings! {
    // Network
    "bind" = "* -::*", Words(16), Live Works: "Addresses to listen on; a leading `-` forgives one that is not there.";
    "port" = "6379", PORT, Live Works: "TCP port; 0 listens on none.";
    "tcp-backlog" = "511", Integer(0, I32), Start Works: "Connections the kernel may hold ready for accept.";
    "unixsocket" = "", Text, Start Works: "Path of a Unix socket to listen on as well.";
    "unixsocketperm" = "0", Octal, Start Works: "Permissions of that socket, in octal; 0 leaves the umask's.";
    "protected-mode" = "yes", Bool, Live Works: "Without a password, serve loopback clients only.";
    "timeout" = "0", Integer(0, I32), Live Works: "Close a client idle for this many seconds; 0 never.";
    "tcp-keepalive" = "300", Integer(0, I32), Live Works: "Seconds between keepalive probes; 0 sends none.";
    "maxclients" = "10000", Integer(1, U32), Live Works: "Clients at one time.";
    "bind-source-addr" = "", Text, Live Shown: "Source address of outgoing connections.";
    "socket-mark-id" = "0", Integer(0, U32), Start Shown: "Mark on sockets for the kernel's packet filter.";
    "proto-max-bulk-len" = "536870912", Memory(MIB, I64), Live Works: "The longest argument a client may send.";
    "client-query-buffer-limit" = "1073741824", Memory(MIB, I64), Live Works: "Unparsed bytes a client may have; beyond, it is closed.";
    "client-output-buffer-limit" = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", OutputLimits, Live Works: "Unread replies per client class: hard bytes, soft bytes, seconds.";
    // Process
    "shards" = "0", Integer(0, 1024), Start Works: "basalt's own: cores that hold data; 0 takes every core the process may use.";
    "databases" = "16", Integer(1, I32), Start Works: "Numbered databases.";
    "dir" = "./", Text, Protected Works: "The working directory.";
    "daemonize" = "no", Bool, Start Works: "Run in the background.";
    "supervised" = "no", Enum(&["upstart", "systemd", "auto", "no"]), Start Works: "Tell the supervisor when ready.";
    "pidfile" = "", Text, Start Works: "File to hold the process id.";
    "loglevel" = "notice", Enum(&["debug", "verbose", "notice", "warning", "nothing"]), Live Works: "The least important line to log.";
    "logfile" = "", Text, Start Works: "File to log to; empty logs to standard output.";
    "syslog-enabled" = "no", Bool, Start Later: "Log to syslog as well.";
    "syslog-ident" = "redis", Text, Start Shown: "Name in syslog.";
    "syslog-facility" = "local0", Enum(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]), Start Shown: "Facility in syslog.";
    "always-show-logo" = "no", Bool, Start Shown: "There is no logo.";
    "set-proc-title" = "yes", Bool, Start Works: "Say address and mode in the process title.";
    "proc-title-template" = "{title} {listen-addr} {server-mode}", Title, Live Works: "Form of the process title: {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket} {config-file}.";
    "locale-collate" = "", Text, Live Shown: "Locale of string comparison.";
    "crash-log-enabled" = "yes", Bool, Live Works: "Write a report into the log when crashing.";
    "crash-memcheck-enabled" = "yes", Bool, Live Shown: "Test memory when crashing.";
    "shutdown-timeout" = "10", Integer(0, I32), Live Works: "Seconds to wait for replicas when shutting down.";
    "shutdown-on-sigint" = "default", Shutdown, Live Works: "What SIGINT does: save, nosave, now, force.";
    "shutdown-on-sigterm" = "default", Shutdown, Live Works: "What SIGTERM does: save, nosave, now, force.";
    "hz" = "10", Integer(0, I32), Live Works: "Background rounds per second while there is something to look after: 1 to 500, in effect to 100.";
    "dynamic-hz" = "yes", Bool, Live Shown: "More rounds with more clients.";
    "ignore-warnings" = "", Text, Live Shown: "Start warnings to pass over.";
    "oom-score-adj" = "no", Enum(&["no", "yes", "relative", "absolute"]), Live Shown: "Adjust the kernel's out-of-memory score.";
    "oom-score-adj-values" = "0 200 800", OomScores, Live Shown: "Scores of primary, replica and child.";
    "disable-thp" = "yes", Bool, Start Works: "Do without transparent huge pages.";
    "io-threads" = "1", Integer(1, 128), Start Shown: "Every core does its own input and output; see `shards`.";
    "io-threads-do-reads" = "no", Bool, Start Shown: "As `io-threads`.";
    "server_cpulist" = "", Text, Start Shown: "Cores of the server; the affinity mask decides.";
    "bio_cpulist" = "", Text, Start Shown: "Cores of background threads.";
    "aof_rewrite_cpulist" = "", Text, Start Shown: "Cores of the log's rewrite.";
    "bgsave_cpulist" = "", Text, Start Shown: "Cores of a snapshot.";
    "jemalloc-bg-thread" = "yes", Bool, Live Shown: "basalt's allocator has no such thread.";
    "activerehashing" = "yes", Bool, Live Shown: "Tables grow in steps by themselves.";
    // Access
    "requirepass" = "", Text, Live Works: "Password of the default user; empty asks for none.";
    "aclfile" = "", Text, Start Later: "File of users and their rights.";
    "acllog-max-len" = "128", Integer(0, I64), Live Shown: "Entries of the log of denied commands.";
    "acl-pubsub-default" = "resetchannels", Enum(&["allchannels", "resetchannels"]), Live Shown: "Channels a new user may use.";
    "enable-protected-configs" = "no", GUARDED, Start Works: "Who may CONFIG SET protected settings.";
    "enable-debug-command" = "no", GUARDED, Start Works: "Who may use DEBUG.";
    "enable-module-command" = "no", GUARDED, Start Shown: "Who may use MODULE.";
    // Memory
    "maxmemory" = "0", Memory(0, I64), Live Works: "Bytes of data to hold; 0 is no limit.";
    "maxmemory-policy" = "noeviction", Enum(POLICIES), Live Works: "Which keys go when `maxmemory` is reached.";
    "maxmemory-samples" = "5", Integer(1, I32), Live Works: "Keys looked at to choose one to evict.";
    "maxmemory-eviction-tenacity" = "10", Integer(0, 100), Live Works: "How long eviction may hold up a command: 50 µs a step to 10, then 15 % more each, 100 until done.";
    "maxmemory-clients" = "0", MemoryOrPercent, Live Works: "Bytes all clients may take; above it the largest is closed; 0 is no limit.";
    "lfu-log-factor" = "10", Integer(0, I32), Live Works: "How slowly the frequency counter saturates.";
    "lfu-decay-time" = "1", Integer(0, I32), Live Works: "Minutes for the frequency counter to lose one.";
    "active-expire-effort" = "1", Integer(1, 10), Live Works: "Share of time for removing expired keys: 25 % at 1 to 43 % at 10.";
    "lazyfree-lazy-eviction" = "no", Bool, Live Shown: "Values are freed by their own core, as they go.";
    "lazyfree-lazy-expire" = "no", Bool, Live Shown: "As `lazyfree-lazy-eviction`.";
    "lazyfree-lazy-server-del" = "no", Bool, Live Shown: "As `lazyfree-lazy-eviction`.";
    "lazyfree-lazy-user-del" = "no", Bool, Live Shown: "DEL and UNLINK free in the same way.";
    "lazyfree-lazy-user-flush" = "no", Bool, Live Shown: "FLUSHALL and FLUSHDB free in the background unless SYNC is said.";
    "activedefrag" = "no", Bool, Live Shown: "Move values together to give memory back.";
    "active-defrag-cycle-min" = "1", Integer(1, 99), Live Shown: "Least effort of defragmentation.";
    "active-defrag-cycle-max" = "25", Integer(1, 99), Live Shown: "Most effort of defragmentation.";
    "active-defrag-ignore-bytes" = "104857600", Memory(1, I64), Live Shown: "Waste below which nothing is moved.";
    "active-defrag-max-scan-fields" = "1000", Integer(1, I64), Live Shown: "Fields moved at one time.";
    "active-defrag-threshold-lower" = "10", Integer(0, 1000), Live Shown: "Percent of waste at which moving starts.";
    "active-defrag-threshold-upper" = "100", Integer(0, 1000), Live Shown: "Percent of waste for the most effort.";
    // Observation
    "slowlog-log-slower-than" = "10000", Integer(-1, I64), Live Works: "Log commands slower than this many µs; -1 none, 0 all.";
    "slowlog-max-len" = "128", Integer(0, I64), Live Works: "Entries of the slow log.";
    "latency-monitor-threshold" = "0", Integer(0, I64), Live Works: "Record events slower than this many ms; 0 none.";
    "latency-tracking" = "yes", Bool, Live Works: "Keep a histogram of time per command.";
    "latency-tracking-info-percentiles" = "50 99 99.9", Percentiles, Live Works: "Percentiles INFO shows.";
    "notify-keyspace-events" = "", Events, Live Works: "Classes of keyspace events to publish.";
    "tracking-table-max-keys" = "1000000", Integer(0, I64), Live Shown: "Keys remembered for client-side caching.";
    "busy-reply-threshold" or "lua-time-limit" = "5000", Integer(0, I64), Live Works: "Milliseconds of a script before others hear BUSY.";
    "lua-enable-deprecated-api" = "no", Bool, Live Later: "Scripts have `setfenv`, `getfenv` and `newproxy`.";
    // Encodings
    "hash-max-listpack-entries" or "hash-max-ziplist-entries" = "512", Integer(0, I64), Live Shown: "Fields a packed hash may have.";
    "hash-max-listpack-value" or "hash-max-ziplist-value" = "64", Memory(0, I64), Live Shown: "Bytes of a field or value in a packed hash.";
    "list-max-listpack-size" or "list-max-ziplist-size" = "-2", Integer(-I32 - 1, I32), Live Shown: "Size of a list's nodes: elements, or -1 to -5 for 4 to 64 kB.";
    "list-compress-depth" = "0", Integer(0, I32), Live Shown: "Nodes at each end of a list left uncompressed; 0 compresses none.";
    "set-max-intset-entries" = "512", Integer(0, I64), Live Shown: "Members a set of integers may have.";
    "set-max-listpack-entries" = "128", Integer(0, I64), Live Shown: "Members a packed set may have.";
    "set-max-listpack-value" = "64", Integer(0, I64), Live Shown: "Bytes of a member in a packed set.";
    "zset-max-listpack-entries" or "zset-max-ziplist-entries" = "128", Integer(0, I64), Live Shown: "Members a packed sorted set may have.";
    "zset-max-listpack-value" or "zset-max-ziplist-value" = "64", Memory(0, I64), Live Shown: "Bytes of a member in a packed sorted set.";
    "hll-sparse-max-bytes" = "3000", Memory(0, I64), Live Works: "Bytes a sparse HyperLogLog may take.";
    "stream-node-max-bytes" = "4096", Memory(0, I64), Live Shown: "Bytes of a stream's node.";
    "stream-node-max-entries" = "100", Integer(0, I64), Live Shown: "Entries of a stream's node.";
    // Durability
    "save" = "3600 1 300 100 60 10000", Save, Live Works: "When to write a snapshot by itself.";
    "dbfilename" = "dump.rdb", Text, Protected Works: "File name of the snapshot.";
    "rdbcompression" = "yes", Bool, Live Works: "Compress strings in snapshots.";
    "rdbchecksum" = "yes", Bool, Start Works: "Checksum at the end of snapshots.";
    "rdb-save-incremental-fsync" = "yes", Bool, Live Works: "Sync a snapshot while writing it.";
    "rdb-del-sync-files" = "no", Bool, Live Shown: "Delete snapshots used to synchronise.";
    "sanitize-dump-payload" = "no", Enum(&["no", "yes", "clients"]), Live Shown: "Check payloads deeply; basalt always does.";
    "use-exit-on-panic" = "no", Bool, Live Hidden: "Exit with code 1 after a bug was met, instead of aborting.";
    "rdb-key-save-delay" = "0", Integer(-I32 - 1, I32), Live Hidden: "Rest so many µs for each key of a snapshot; -n: 1 µs for n keys.";
    "key-load-delay" = "0", Integer(-I32 - 1, I32), Live Hidden: "Rest so many µs for each key or request that is loaded; -n: 1 µs for n.";
    "loading-process-events-interval-bytes" = "2097152", Integer(1024, I32), Live Hidden: "Nothing here: clients are served while another thread loads.";
    "stop-writes-on-bgsave-error" = "yes", Bool, Live Works: "Refuse writes after a failed snapshot.";
    "appendonly" = "no", Bool, Live Works: "Log every write to disk.";
    "appendfilename" = "appendonly.aof", Text, Start Works: "File name of the log.";
    "appenddirname" = "appendonlydir", Text, Start Works: "Directory of the log.";
    "appendfsync" = "everysec", Enum(&["everysec", "always", "no"]), Live Works: "When the log is synced.";
    "no-appendfsync-on-rewrite" = "no", Bool, Live Works: "No sync during a rewrite.";
    "auto-aof-rewrite-percentage" = "100", Integer(0, I32), Live Works: "Growth at which the log is rewritten.";
    "auto-aof-rewrite-min-size" = "67108864", Memory(0, I64), Live Works: "Size below which the log is not rewritten.";
    "aof-load-truncated" = "yes", Bool, Live Works: "Load a log that ends early.";
    "aof-use-rdb-preamble" = "yes", Bool, Live Works: "Begin a rewritten log with a snapshot.";
    "aof-rewrite-incremental-fsync" = "yes", Bool, Live Shown: "Sync a rewrite while writing it.";
    "aof-timestamp-enabled" = "no", Bool, Live Works: "Write times into the log.";
    "aof-disable-auto-gc" = "no", Bool, Live Works: "Keep old files of the log.";
    // Replication
    "replicaof" or "slaveof" = "", Words(2), Start Works: "Host and port to replicate.";
    "masterauth" = "", Text, Live Works: "Password for the primary.";
    "masteruser" = "", Text, Live Works: "User for the primary.";
    "min-replicas-to-write" or "min-slaves-to-write" = "0", Integer(0, I32), Live Works: "Replicas without which writes are refused.";
    "min-replicas-max-lag" or "min-slaves-max-lag" = "10", Integer(0, I32), Live Works: "Seconds of lag at which a replica no longer counts.";
    "replica-serve-stale-data" or "slave-serve-stale-data" = "yes", Bool, Live Works: "Serve while the link is down.";
    "replica-read-only" or "slave-read-only" = "yes", Bool, Live Works: "Replicas refuse writes.";
    "replica-priority" or "slave-priority" = "100", Integer(0, I32), Live Works: "Order in which replicas are promoted.";
    "replica-announced" = "yes", Bool, Live Works: "Let Sentinel report this replica.";
    "replica-announce-ip" or "slave-announce-ip" = "", Text, Live Works: "Address to tell others.";
    "replica-announce-port" or "slave-announce-port" = "0", PORT, Live Works: "Port to tell others.";
    "replica-ignore-maxmemory" or "slave-ignore-maxmemory" = "yes", Bool, Live Works: "A replica does not evict.";
    "replica-ignore-disk-write-errors" = "no", Bool, Live Shown: "A replica goes on when the disk fails.";
    "replica-lazy-flush" or "slave-lazy-flush" = "no", Bool, Live Works: "Empty a replica in the background.";
    "propagation-error-behavior" = "ignore", Enum(&["ignore", "panic", "panic-on-replicas"]), Live Shown: "What a failing replicated command does.";
    "repl-backlog-size" = "1048576", Memory(1, I64), Live Works: "Bytes kept for a partial synchronisation.";
    "repl-backlog-ttl" = "3600", Integer(0, I64), Live Works: "Seconds these are kept without replicas.";
    "repl-timeout" = "60", Integer(1, I32), Live Works: "Seconds without word before a link is given up.";
    "repl-ping-replica-period" or "repl-ping-slave-period" = "10", Integer(1, I32), Live Works: "Seconds between pings.";
    "repl-disable-tcp-nodelay" = "no", Bool, Live Works: "Fewer, larger packets to replicas.";
    "repl-diskless-sync" = "yes", Bool, Live Works: "Synchronise without a file.";
    "repl-diskless-sync-delay" = "5", Integer(0, I32), Live Works: "Seconds to wait for more replicas.";
    "repl-diskless-sync-max-replicas" = "0", Integer(0, I32), Live Works: "Replicas at which not to wait longer.";
    "repl-protect-replicas" = "yes", Bool, Live Works: "Do not give replicas less data than they have after a restart.";
    "repl-diskless-load" = "disabled", Enum(&["disabled", "on-empty-db", "swapdb"]), Live Works: "Load while receiving.";
    // Cluster
    "cluster-enabled" = "no", Bool, Start Later: "Be a node of a cluster.";
    "cluster-config-file" = "nodes.conf", Text, Start Shown: "File of what the node knows.";
    "cluster-node-timeout" = "15000", Integer(0, I64), Live Shown: "Milliseconds without word before a node is failing.";
    "cluster-port" = "0", PORT, Start Shown: "Port of the bus; 0 is port + 10000.";
    "cluster-announce-ip" = "", Text, Live Shown: "Address to tell others.";
    "cluster-announce-port" = "0", PORT, Live Shown: "Port to tell others.";
    "cluster-announce-tls-port" = "0", PORT, Live Shown: "TLS port to tell others.";
    "cluster-announce-bus-port" = "0", PORT, Live Shown: "Bus port to tell others.";
    "cluster-announce-hostname" = "", Text, Live Shown: "Host name to tell others.";
    "cluster-announce-human-nodename" = "", Text, Live Shown: "Node name for logs.";
    "cluster-preferred-endpoint-type" = "ip", Enum(&["ip", "hostname", "unknown-endpoint"]), Live Shown: "What redirections name.";
    "cluster-migration-barrier" = "1", Integer(0, I32), Live Shown: "Replicas a primary keeps.";
    "cluster-allow-replica-migration" = "yes", Bool, Live Shown: "Replicas move to primaries without one.";
    "cluster-replica-validity-factor" or "cluster-slave-validity-factor" = "10", Integer(0, I32), Live Shown: "How stale a replica may be to take over.";
    "cluster-replica-no-failover" or "cluster-slave-no-failover" = "no", Bool, Live Shown: "Never take over.";
    "cluster-require-full-coverage" = "yes", Bool, Live Shown: "Serve only with all slots served.";
    "cluster-allow-reads-when-down" = "no", Bool, Live Shown: "Serve reads when the cluster is down.";
    "cluster-allow-pubsubshard-when-down" = "yes", Bool, Live Shown: "Serve shard channels when the cluster is down.";
    "cluster-link-sendbuf-limit" = "0", Memory(0, I64), Live Shown: "Bytes queued on a bus link; 0 is no limit.";
    // TLS
    "tls-port" = "0", PORT, Live Later: "TLS port; 0 listens on none.";
    "tls-replication" = "no", Bool, Live Later: "TLS towards the primary.";
    "tls-cluster" = "no", Bool, Live Later: "TLS on the bus.";
    "tls-cert-file" = "", Text, Live Shown: "Certificate.";
    "tls-key-file" = "", Text, Live Shown: "Its key.";
    "tls-key-file-pass" = "", Text, Live Shown: "The key's password.";
    "tls-client-cert-file" = "", Text, Live Shown: "Certificate towards others.";
    "tls-client-key-file" = "", Text, Live Shown: "Its key.";
    "tls-client-key-file-pass" = "", Text, Live Shown: "The key's password.";
    "tls-dh-params-file" = "", Text, Live Shown: "Diffie-Hellman parameters.";
    "tls-ca-cert-file" = "", Text, Live Shown: "Certificates trusted.";
    "tls-ca-cert-dir" = "", Text, Live Shown: "Directory of certificates trusted.";
    "tls-auth-clients" = "yes", Enum(&["no", "yes", "optional"]), Live Shown: "Whether clients need a certificate.";
    "tls-protocols" = "", Text, Live Shown: "Versions allowed.";
    "tls-ciphers" = "", Text, Live Shown: "Ciphers up to TLS 1.2.";
    "tls-ciphersuites" = "", Text, Live Shown: "Ciphers of TLS 1.3.";
    "tls-prefer-server-ciphers" = "no", Bool, Live Shown: "The server chooses the cipher.";
    "tls-session-caching" = "yes", Bool, Live Shown: "Resume sessions.";
    "tls-session-cache-size" = "20480", Integer(0, I32), Live Shown: "Sessions remembered.";
    "tls-session-cache-timeout" = "300", Integer(0, I32), Live Shown: "Seconds they are remembered.";
};
