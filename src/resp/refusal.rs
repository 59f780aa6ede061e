//! The one list of error texts, exactly Redis 7.2's.
//!
//! A refusal tells the client that its request cannot be done; nothing has changed. Texts without
//! a part of their own are constants, so a refusal costs nothing until it is written; those
//! that quote the request are composed. Each text is the whole line with its code.
//! Recorded from stock 7.0.15; where 7.2 says something else, 7.2's.

use std::borrow::Cow;
use std::fmt;

/// What a handler returns: its reply is written, or it refuses.
pub type Outcome = Result<(), Refusal>;

/// Why a request is refused. `Display` gives the error line with its code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The key holds another type.
    WrongType,
    /// The options do not make a request.
    Syntax,
    /// A number is not one, or not within 64 bits.
    NotInteger,
    /// A float is not one.
    NotFloat,
    /// A payload is no value; which check says so, for the log.
    Damaged(&'static str),
    /// A line known when it was compiled.
    Stated(&'static str),
    /// A line that quotes the request.
    Composed(String),
}

impl Refusal {
    /// The error line with its code, without `-` and `\r\n`.
    pub fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Refusal::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value"
            }
            Refusal::Syntax => "ERR syntax error",
            Refusal::NotInteger => "ERR value is not an integer or out of range",
            Refusal::NotFloat => "ERR value is not a valid float",
            Refusal::Damaged(_) => "ERR Bad data format",
            Refusal::Stated(text) => text,
            Refusal::Composed(text) => text,
        })
    }

    /// The first word: what INFO's errorstats counts by.
    pub fn code(&self) -> String {
        let text = self.text();
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    /// `name` is the full name in lower case, `config|get` for a subcommand.
    pub fn wrong_arity(name: &str) -> Self {
        Self::Composed(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    /// Stock quotes the name and then arguments until 128 bytes are full.
    pub fn unknown_command<'a>(name: &[u8], args: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut quoted = String::new();
        for arg in args {
            if quoted.len() >= QUOTED_BYTES_MAX {
                break;
            }
            let room = QUOTED_BYTES_MAX - quoted.len();
            quoted.push_str(&format!("'{}' ", as_c_shows(arg, room)));
        }
        let name = as_c_shows(name, QUOTED_BYTES_MAX);
        Self::Composed(format!(
            "ERR unknown command '{name}', with args beginning with: {quoted}"
        ))
    }

    /// `GET` and its kin from a RESP2 client that subscribes.
    pub fn while_subscribed(command: &str) -> Self {
        Self::Composed(format!(
            "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT \
             / RESET are allowed in this context"
        ))
    }

    /// `command` is the container's name in upper case.
    pub fn unknown_subcommand(subcommand: &[u8], command: &str) -> Self {
        Self::Composed(format!(
            "ERR unknown subcommand '{}'. Try {command} HELP.",
            as_c_shows(subcommand, QUOTED_BYTES_MAX)
        ))
    }

    /// A subcommand whose own options do not fit; `command` is the container's, in upper case.
    pub fn subcommand_syntax(subcommand: &[u8], command: &str) -> Self {
        Self::Composed(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try {command} HELP.",
            as_c_shows(subcommand, QUOTED_BYTES_MAX)
        ))
    }

    /// No key where at least one must be; `command` in lower case.
    pub fn no_input_key(command: &str) -> Self {
        Self::Composed(format!(
            "ERR at least 1 input key is needed for '{command}' command"
        ))
    }

    /// A time to live that is not positive or too far; `command` in lower case.
    pub fn invalid_expire(command: &str) -> Self {
        Self::Composed(format!("ERR invalid expire time in '{command}' command"))
    }

    /// An option of EXPIRE and its kin that is none.
    pub fn unsupported_option(option: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR Unsupported option {}",
            String::from_utf8_lossy(option)
        ))
    }

    /// A word of HSETEX or HGETEX that is none.
    pub fn unknown_argument(word: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR unknown argument: {}",
            String::from_utf8_lossy(word)
        ))
    }

    /// An option of HELLO that is none or lacks its argument.
    pub fn hello_option(option: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR Syntax error in HELLO option '{}'",
            String::from_utf8_lossy(option)
        ))
    }

    /// CLIENT LIST TYPE, CLIENT KILL TYPE.
    pub fn unknown_client_type(kind: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR Unknown client type '{}'",
            String::from_utf8_lossy(kind)
        ))
    }

    /// CLIENT KILL USER.
    pub fn no_such_user(user: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR No such user '{}'",
            String::from_utf8_lossy(user)
        ))
    }

    /// EXEC that was refused itself.
    pub fn exec_aborted_because(refusal: &Refusal) -> Self {
        Self::Composed(format!(
            "EXECABORT Transaction discarded because of: {}",
            refusal.text().trim_start_matches("ERR ")
        ))
    }

    /// XREAD or XREADGROUP that would wait, in a script.
    pub fn block_in_script(command: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR {} command is not allowed with BLOCK option from scripts",
            String::from_utf8_lossy(command)
        ))
    }

    /// XREADGROUP of a key or group that is not there.
    pub fn no_group_to_read(key: &[u8], group: &[u8]) -> Self {
        Self::Composed(format!(
            "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
            String::from_utf8_lossy(key),
            String::from_utf8_lossy(group)
        ))
    }

    /// XPENDING, XCLAIM and XAUTOCLAIM of a key or group that is not there.
    pub fn no_key_or_group(key: &[u8], group: &[u8]) -> Self {
        Self::Composed(format!(
            "NOGROUP No such key '{}' or consumer group '{}'",
            String::from_utf8_lossy(key),
            String::from_utf8_lossy(group)
        ))
    }

    /// A group that a stream, which is there, has not.
    pub fn no_group(group: &[u8], key: &[u8]) -> Self {
        Self::Composed(format!(
            "NOGROUP No such consumer group '{}' for key name '{}'",
            String::from_utf8_lossy(group),
            String::from_utf8_lossy(key)
        ))
    }

    /// A word of XCLAIM that is neither id nor option.
    pub fn xclaim_option(word: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR Unrecognized XCLAIM option '{}'",
            String::from_utf8_lossy(word)
        ))
    }

    /// LATENCY GRAPH of an event that never was.
    pub fn no_latency_samples(event: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR No samples available for event '{}'",
            String::from_utf8_lossy(event)
        ))
    }

    /// A place that is not on the map of scores.
    pub fn off_the_map(longitude: f64, latitude: f64) -> Self {
        Self::Composed(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    }

    /// A search without centre or shape: `choices` of which one must be there.
    pub fn exactly_one_of(choices: &str, command: &[u8]) -> Self {
        Self::Composed(format!(
            "ERR exactly one of {choices} can be specified for {}",
            String::from_utf8_lossy(command)
        ))
    }

    /// DEBUG with a subcommand that is none or has the wrong arguments.
    pub fn debug_subcommand(subcommand: &[u8]) -> Self {
        Self::subcommand_syntax(subcommand, "DEBUG")
    }
}

/// Bytes of a client's word that an error text shows.
const QUOTED_BYTES_MAX: usize = 128;

/// A client's word in an error text: as C shows it, which a zero byte ends.
fn as_c_shows(word: &[u8], bytes_max: usize) -> Cow<'_, str> {
    let end = word.iter().position(|byte| *byte == 0);
    let end = end.unwrap_or(word.len()).min(bytes_max);
    String::from_utf8_lossy(&word[..end])
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

impl std::error::Error for Refusal {}

impl From<&'static str> for Refusal {
    fn from(line: &'static str) -> Self {
        Refusal::Stated(line)
    }
}

/// Declares constants of refusals that need nothing of the request.
macro_rules! stated {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        impl Refusal {
            $($(#[$doc])* pub const $name: Refusal = Refusal::Stated($text);)*

            /// Every constant's line, for the test of their form.
            #[cfg(test)]
            const STATED: &[&str] = &[$($text),*];
        }
    };
}

stated! {
    // Scripts and functions.
    NO_SCRIPT_DEBUGGER = "ERR basalt has no debugger for scripts";
    SCRIPT_DEBUG_MODE = "ERR Use SCRIPT DEBUG YES/SYNC/NO";
    SCRIPT_FLUSH_MODE = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
    FUNCTION_FLUSH_MODE = "ERR FUNCTION FLUSH only supports SYNC|ASYNC option";
    LIBRARY_NOT_FOUND = "ERR Library not found";
    LIBRARY_NAME_MISSING = "ERR library name argument was not given";
    RESTORE_POLICY = "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.";

    // Keys, numbers, strings.
    SSUBSCRIBE_IN_EXEC = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
    NO_SUCH_KEY = "ERR no such key";
    SAME_OBJECT = "ERR source and destination objects are the same";
    OVERFLOW = "ERR increment or decrement would overflow";
    DECREMENT_OVERFLOW = "ERR decrement would overflow";
    FLOAT_OVERFLOW = "ERR increment would produce NaN or Infinity";
    OUT_OF_RANGE = "ERR value is out of range";
    NOT_POSITIVE = "ERR value is out of range, must be positive";
    NOT_INTEGER_IN_HASH = "ERR hash value is not an integer";
    NOT_FINITE = "ERR value is NaN or Infinity";
    /// Deadlines of fields. The newest commands have words of their own.
    FIELD_EXPIRE_NEGATIVE = "ERR invalid expire time, must be >= 0";
    FIELD_EXPIRE_MISSING = "ERR missing expire time";
    FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position";
    NUMFIELDS_NOT_ABOVE_ZERO = "ERR Parameter `numFields` should be greater than 0";
    NUMFIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer";
    NUMFIELDS_MISMATCH = "ERR The `numfields` parameter must match the number of arguments";
    NUMFIELDS_INVALID = "ERR invalid number of fields";
    NUMFIELDS_ARITY = "ERR wrong number of arguments";
    FIELDS_ABSENT = "ERR missing FIELDS argument";
    FNX_AND_FXX = "ERR Only one of FXX or FNX arguments can be specified";
    HSETEX_EXPIRATIONS = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
    HGETEX_EXPIRATIONS = "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified";
    NOT_DOUBLE_IN_HASH = "ERR hash value is not a float";
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    /// MSET, MSETNX with a key that lacks its value.
    MSET_ARITY = "ERR wrong number of arguments for 'mset' command";
    MSETNX_ARITY = "ERR wrong number of arguments for 'msetnx' command";
    /// LCS of keys that hold something else.
    LCS_NOT_STRINGS = "ERR The specified keys must contain string values";
    LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX.";
    LCS_TOO_LONG = "ERR String too long for LCS";
    LCS_NO_MEMORY = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    SORT_NOT_DOUBLE = "ERR One or more scores can't be converted into double";
    DB_OUT_OF_RANGE = "ERR DB index is out of range";
    INVALID_DB_INDEX = "ERR invalid DB index";
    INVALID_FIRST_DB_INDEX = "ERR invalid first DB index";
    INVALID_SECOND_DB_INDEX = "ERR invalid second DB index";
    SELECT_IN_CLUSTER = "ERR SELECT is not allowed in cluster mode";
    MOVE_IN_CLUSTER = "ERR MOVE is not allowed in cluster mode";
    COPY_IN_CLUSTER = "ERR Copying to another database is not allowed in cluster mode";
    SWAPDB_IN_CLUSTER = "ERR SWAPDB is not allowed in cluster mode";
    INVALID_CURSOR = "ERR invalid cursor";
    EXPIRE_NX_AND_OTHERS = "ERR NX and XX, GT or LT options at the same time are not compatible";
    EXPIRE_GT_AND_LT = "ERR GT and LT options at the same time are not compatible";
    SYNTAX = "ERR syntax error";
    INVALID_IDLETIME = "ERR Invalid IDLETIME value, must be >= 0";
    INVALID_FREQ = "ERR Invalid FREQ value, must be >= 0 and <= 255";
    INVALID_TTL = "ERR Invalid TTL value, must be >= 0";
    BAD_PAYLOAD = "ERR DUMP payload version or checksum are wrong";
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    NO_IDLE_UNDER_LFU = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    NO_FREQ_UNDER_LRU = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";

    // Lists.
    INDEX_OUT_OF_RANGE = "ERR index out of range";
    /// A number whose sign is a direction.
    NOT_NEGATABLE = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    LPOS_RANK = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";
    LPOS_COUNT = "ERR COUNT can't be negative";
    LPOS_MAXLEN = "ERR MAXLEN can't be negative";

    // Bits and HyperLogLog.
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    BIT_VALUE = "ERR bit is not an integer or out of range";
    BITPOS_BIT = "ERR The bit argument must be 1 or 0.";
    BITOP_NOT_ONE_KEY = "ERR BITOP NOT must be called with a single source key.";
    BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified";
    BITFIELD_READ_ONLY = "ERR BITFIELD_RO only supports the GET subcommand";
    NOT_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    BROKEN_HYPERLOGLOG = "INVALIDOBJ Corrupted HLL object detected";

    // Sorted sets.
    ZADD_NX_AND_XX = "ERR XX and NX options at the same time are not compatible";
    ZADD_GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible";
    ZADD_INCR_ONE = "ERR INCR option supports a single increment-element pair";
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    RANGE_NOT_FLOAT = "ERR min or max is not a float";
    RANGE_NOT_NAMES = "ERR min or max not valid string range item";
    LIMIT_BY_RANK = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    SCORES_BY_NAME = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    COUNT_OUT_OF_RANGE = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    WEIGHT_NOT_FLOAT = "ERR weight value is not a float";

    // Places.
    GEO_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI";
    GEO_RADIUS = "ERR need numeric radius";
    GEO_RADIUS_NEGATIVE = "ERR radius cannot be negative";
    GEO_WIDTH = "ERR need numeric width";
    GEO_HEIGHT = "ERR need numeric height";
    GEO_BOX_NEGATIVE = "ERR height or width cannot be negative";
    GEO_NO_MEMBER = "ERR could not decode requested zset member";
    GEO_COUNT = "ERR COUNT must be > 0";
    GEO_ANY_WITHOUT_COUNT = "ERR the ANY argument requires COUNT argument";
    GEORADIUS_STORE_WITH = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    GEOSEARCHSTORE_WITH = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options";

    // Streams.
    STREAM_ID = "ERR Invalid stream ID specified as stream command argument";
    STREAM_INTERVAL_START = "ERR invalid start ID for the interval";
    STREAM_INTERVAL_END = "ERR invalid end ID for the interval";
    TRIM_TWICE = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
    TRIM_MAXLEN_NEGATIVE = "ERR The MAXLEN argument must be >= 0.";
    TRIM_LIMIT_NEGATIVE = "ERR The LIMIT argument must be >= 0.";
    TRIM_LIMIT_ALONE = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
    TRIM_LIMIT_EXACT = "ERR syntax error, LIMIT cannot be used without the special ~ option";
    TRIM_MISSING = "ERR syntax error, XTRIM must be called with a trimming strategy";
    XADD_ZERO = "ERR The ID specified in XADD must be greater than 0-0";
    XADD_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items";
    XADD_NOT_ABOVE = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    XADD_TOO_LARGE = "ERR Elements are too large to be stored";
    XSETID_ADDED_NEGATIVE = "ERR entries_added must be positive";
    XSETID_BELOW_GIVEN_DELETED = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
    XSETID_BELOW_DELETED = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    XSETID_BELOW_NEWEST = "ERR The ID specified in XSETID is smaller than the target stream top item";
    XSETID_ADDED_BELOW_LEN = "ERR The entries_added specified in XSETID is smaller than the target stream length";
    XREAD_UNBALANCED = "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.";
    XREADGROUP_UNBALANCED = "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.";
    XREAD_GROUP = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
    XREAD_NOACK = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
    XREADGROUP_NO_GROUP = "ERR Missing GROUP option for XREADGROUP";
    XREADGROUP_LAST = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
    XREAD_NEW = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.";
    ENTRIESREAD = "ERR value for ENTRIESREAD must be positive or -1";
    XGROUP_NO_KEY = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.";
    XGROUP_BUSY = "BUSYGROUP Consumer Group name already exists";
    XCLAIM_IDLE_MIN = "ERR Invalid min-idle-time argument for XCLAIM";
    XCLAIM_IDLE = "ERR Invalid IDLE option argument for XCLAIM";
    XCLAIM_TIME = "ERR Invalid TIME option argument for XCLAIM";
    XCLAIM_RETRYCOUNT = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
    XAUTOCLAIM_IDLE_MIN = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
    XAUTOCLAIM_COUNT = "ERR COUNT must be > 0";

    // Commands on a stated number of keys.
    NUMKEYS_NOT_POSITIVE = "ERR numkeys should be greater than 0";
    NUMKEYS_TOO_MANY = "ERR Number of keys can't be greater than number of args";
    COUNT_NOT_POSITIVE = "ERR count should be greater than 0";
    LIMIT_NEGATIVE = "ERR LIMIT can't be negative";

    // Admission: who may run a command, and when.
    NO_AUTH = "NOAUTH Authentication required.";
    REPLICA_KEYSPACE = "ERR Replica can't interact with the keyspace";
    NO_AUTH_HELLO = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
    WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
    NO_PASSWORD_SET = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    NO_PROTOCOL = "NOPROTO unsupported protocol version";
    PROTOCOL_NOT_INTEGER = "ERR Protocol version is not an integer or out of range";
    NO_PERMISSION_FOR_KEY = "NOPERM No permissions to access a key";
    NO_PERMISSION_FOR_CHANNEL = "NOPERM No permissions to access a channel";
    SAVING = "ERR Background save already in progress";
    SAVE_FAILED = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
    OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
    LOADING = "LOADING Redis is loading the dataset in memory";
    FUNCTION_NUMKEYS = "ERR Bad number of keys provided";
    NUMKEYS_NEGATIVE = "ERR Number of keys can't be negative";
    NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
    NO_FUNCTION = "ERR Function not found";
    NOT_BUSY = "NOTBUSY No scripts in execution right now.";
    UNKILLABLE = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
    BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    SCRIPT_UNKNOWN_COMMAND = "ERR Unknown Redis command called from script";
    SCRIPT_WRONG_ARITY = "ERR Wrong number of args calling Redis command from script";
    SCRIPT_NOT_ALLOWED = "ERR This Redis command is not allowed from script";
    SCRIPT_UNDECLARED_KEY = "ERR Script attempted to access a key of a core it does not hold";
    SCRIPT_READS_ONLY = "ERR Write commands are not allowed from read-only scripts.";
    SCRIPT_WRITES = "ERR Can not execute a script with write flag using *_ro command.";
    SCRIPT_STALE = "ERR Can not execute the command on a stale replica";
    SCRIPT_OUT_OF_MEMORY = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
    BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    READ_ONLY = "READONLY You can't write against a read only replica.";
    MASTER_DOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    NO_REPLICAS = "NOREPLICAS Not enough good replicas to write.";
    REWRITE_UNDER_WAY = "ERR Background append only file rewriting already in progress";
    DISK_BROKEN = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
    EXEC_ABORTED = "EXECABORT Transaction discarded because of previous errors.";
    NESTED_MULTI = "ERR MULTI calls can not be nested";
    EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI";
    DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI";
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    NOT_IN_MULTI = "ERR Command not allowed inside a transaction";
    TOO_MANY_CLIENTS = "ERR max number of clients reached";
    PROTECTED_MODE = "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.";
    DEBUG_NOT_ALLOWED = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";
    MODULE_NOT_ALLOWED = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";

    // CLIENT.
    CLIENT_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
    CLIENT_INFO_VALUE = "ERR lib-name cannot contain spaces, newlines or special characters.";
    CLIENT_LIB_VER_VALUE = "ERR lib-ver cannot contain spaces, newlines or special characters.";
    NO_SUCH_CLIENT = "ERR No such client";
    NO_SUCH_CLIENT_ID = "ERR No such client ID";
    INVALID_CLIENT_ID = "ERR Invalid client ID";
    CLIENT_ID_NOT_POSITIVE = "ERR client-id should be greater than 0";
    CLIENT_PAUSE_MODE = "ERR CLIENT PAUSE mode must be WRITE or ALL";
    CLIENT_UNBLOCK_REASON = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
    UNBLOCKED_BY_ROLE = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range";
    TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range";
    TIMEOUT_OUT_OF_RANGE = "ERR timeout is out of range";
    TIMEOUT_NEGATIVE = "ERR timeout is negative";

    // COMMAND, CONFIG, OBJECT, MEMORY, SLOWLOG, LATENCY, DEBUG, SHUTDOWN.
    INVALID_COMMAND = "ERR Invalid command specified";
    NO_KEY_ARGUMENTS = "ERR The command has no key arguments";
    INVALID_COMMAND_ARITY = "ERR Invalid number of arguments specified for command";
    INVALID_COMMAND_ARGUMENTS = "ERR Invalid arguments specified for command";
    NO_CONFIG_FILE = "ERR The server is running without a config file";
    CONFIG_NOT_ATOMIC = "ERR Could not set config atomically";
    SLOWLOG_COUNT = "ERR count should be greater than or equal to -1";
    SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs.";
    NO_PRIMARY_LINK = "NOMASTERLINK Can't SYNC while not connected with my master";
    SYNC_BEHIND_REPLIES = "ERR SYNC and PSYNC are invalid with pending output";
    WAITAOF_LOCAL = "ERR value is out of range, must be between 0 and 1";
    WAITAOF_REPLICAS = "ERR value is out of range, must be positive";
    WAITAOF_AT_REPLICA = "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.";
    WAITAOF_WITHOUT_FILE = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    WAIT_AT_REPLICA = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.";
    INVALID_PRIMARY_PORT = "ERR Invalid master port";
    FAILOVER_UNDER_WAY = "ERR FAILOVER already in progress.";
    FAILOVER_AT_THE_END = "ERR FAILOVER is not possible while the server shuts down.";
    FAILOVER_AT_REPLICA = "ERR FAILOVER is not valid when server is a replica.";
    FAILOVER_WITHOUT_REPLICAS = "ERR FAILOVER requires connected replicas.";
    FAILOVER_FORCE = "ERR FAILOVER with force option requires both a timeout and target HOST and IP.";
    FAILOVER_NO_REPLICA = "ERR FAILOVER target HOST and PORT is not a replica.";
    FAILOVER_NOT_ONLINE = "ERR FAILOVER target replica is not online.";
    FAILOVER_TIMEOUT = "ERR FAILOVER timeout must be greater than 0";
    NO_FAILOVER = "ERR No failover in progress.";
    REPLICAOF_IN_FAILOVER = "ERR REPLICAOF not allowed while failing over.";
    SYNC_IN_FAILOVER = "NOMASTERLINK Can't SYNC while failing over";
    FAILOVER_TO_PRIMARY = "ERR PSYNC FAILOVER can't be sent to a master.";
    FAILOVER_OF_ANOTHER = "ERR PSYNC FAILOVER replid must match my replid.";
    NO_SHUTDOWN = "ERR No shutdown in progress.";
    MONITOR_IN_MULTI = "ERR MONITOR isn't allowed for DENY BLOCKING client";
    DEBUG_NOT_STRING = "ERR Not an sds encoded string.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stated_line_begins_with_a_code_and_stays_on_one_line() {
        for line in Refusal::STATED {
            let code = line.split(' ').next().expect("split gives one part");
            assert!(
                code.len() >= 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()),
                "{line}"
            );
            assert!(!line.contains(['\r', '\n']), "{line}");
        }
    }
}
