//! What a command without data may touch: its client, and its core's affairs.

use std::sync::Arc;

use crate::base::Random;
use crate::config::{Added, Author, Live, Settings};
use crate::keyspace::Keyspace;
use crate::pubsub::Directory;
use crate::resp::Refusal;
use crate::script::{Engine, Libraries};
use crate::session::{Client, Roster, Session, SessionId};
use crate::shard::Observer;
use crate::telemetry::{Counters, Lineage, Persistence, Rate, Replica, Replication, Telemetry};

use super::errand::Errand;
use super::event::Event;
use super::pubsub::Publication;
use super::route::Placement;
use super::script::BusyScript;
use super::table::Table;

/// What `Local::buffers_idle_ms` begins with.
pub const BUFFERS_IDLE_MS: u64 = 2000;

/// What is true of the process from start to end.
#[derive(Debug)]
pub struct Facts {
    /// Unix milliseconds.
    pub started_ms: u64,
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    pub executable: String,
    /// Absolute path, or empty.
    pub config_file: String,
    pub process_id: u32,
    /// `uname`'s system, release and machine.
    pub os: String,
    /// `systemd`, or `no`.
    pub supervised_by: &'static str,
}

/// What only the system knows; the functions are the runtime's.
#[derive(Clone, Copy, Debug)]
pub struct System {
    /// Microseconds since 1970.
    pub unix_us: fn() -> u64,
    pub readings: fn() -> Readings,
    /// Has freed memory given back to the system soon.
    pub give_back: fn(),
}

/// What the system says of the process and the calling thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readings {
    /// CPU time of the process.
    pub user_us: u64,
    pub system_us: u64,
    /// CPU time of the thread.
    pub thread_user_us: u64,
    pub thread_system_us: u64,
    pub resident_bytes: u64,
    /// Main memory of the machine.
    pub machine_bytes: u64,
}

/// What a handler asks the loop turn to do after it.
#[derive(Clone, Debug)]
pub enum Wish {
    /// End a session of this core at once.
    Close(SessionId),
    /// Somebody does not observe its keys any more.
    Forget(Observer),
    /// A session of this core waits no longer, whose claim is taken.
    Unblock { session: SessionId, error: bool },
    /// One of this core's clients no longer monitors.
    MonitorLeft,
    /// Let sessions that wait for the end of a pause go on.
    EndPause,
    /// Give a message to its receivers here, and to these other cores, one bit
    /// each.
    Publish {
        publication: Publication,
        cores: u64,
    },
    /// The client's wait for replicas ends, with an error or as if its time were over.
    EndWait { session: SessionId, error: bool },
    /// A client of this core becomes a replica: from there on, or from the
    /// beginning; not at all for SYNC.
    Replicate {
        session: SessionId,
        resume: Option<(Box<[u8]>, i64)>,
        /// It is this node's primary, and asks it to lead.
        fails_over: bool,
    },
    /// Give replicas a request that changes no data.
    TellReplicas(Vec<Vec<u8>>),
    /// Publish what happened to a key.
    Tell(Event),
    /// Write a line into the log.
    Log(String),
    /// Die as of memory that is not there: DEBUG SEGFAULT.
    Segfault,
    /// Sleep the whole core: DEBUG SLEEP. Nanoseconds.
    Sleep(u64),
}

/// CLIENT PAUSE, as every core keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Unix milliseconds.
    pub until_ms: u64,
    /// Reads too, or only what may write.
    pub all: bool,
}

/// What INFO tells as rates per second, of this core.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    pub commands: Rate,
    pub input_bytes: Rate,
    pub output_bytes: Rate,
}

/// Everything of one core but its data.
pub struct Local {
    pub core: usize,
    pub placement: Placement,
    pub table: &'static Table,
    pub settings: Arc<Settings>,
    /// `settings`, typed.
    pub live: Arc<Live>,
    pub facts: Arc<Facts>,
    pub system: System,
    pub roster: Roster,
    /// Who on the node listens to what.
    pub directory: Directory<SessionId>,
    /// Of this core; its `commands` by position in the table.
    pub telemetry: Telemetry,
    pub rates: Rates,
    /// There is no data yet.
    pub is_loading: bool,
    /// Other data is being loaded, and what is here is served meanwhile.
    pub is_async_loading: bool,
    /// How the link to the primary is.
    pub replication: Arc<Replication>,
    /// What names the history of the data.
    pub lineage: Arc<Lineage>,
    /// The replicas of this node.
    pub replicas: Arc<[Replica]>,
    /// The last background save failed.
    pub save_failed: bool,
    /// What became of the data on disk.
    pub persistence: Arc<Persistence>,
    /// Of every core, by core; this core writes only its own.
    pub counters: Arc<Vec<Counters>>,
    pub random: Random,
    pub pause: Option<Pause>,
    /// Cores with a client in MONITOR, one bit each.
    pub monitored: u64,
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expire: bool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS.
    pub scripts_may_all: bool,
    /// Milliseconds without a command after which a client's buffers are given
    /// back; never at `None`. DEBUG REPLYBUFFER.
    pub buffers_idle_ms: Option<u64>,
    pub wishes: Vec<Wish>,
    /// The scripts of EVAL, on this core.
    pub scripts: Engine,
    /// The libraries of FUNCTION, on this core.
    pub functions: Libraries,
    /// What `scripts` and `functions` are while one of them runs and has them.
    pub lent_scripts: Option<ScriptSizes>,
    /// The script that takes long, wherever it runs.
    pub busy: Option<Arc<BusyScript>>,
    /// Of the keys that expired here, how many the counters have.
    pub expired_counted: u64,
}

/// How much there is of scripts and functions.
#[derive(Clone, Copy, Debug)]
pub struct ScriptSizes {
    pub scripts: usize,
    pub scripts_bytes: usize,
    pub scripts_lua_bytes: usize,
    pub libraries: usize,
    pub functions: usize,
    pub functions_bytes: usize,
    pub functions_lua_bytes: usize,
}

impl Local {
    /// Whether clients that would write wait, by CLIENT PAUSE or for the node: nothing
    /// changes by itself then, either.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pause.is_some() || self.live.holds_writes
    }

    /// How much there is of scripts and functions on this core.
    #[must_use]
    pub fn script_sizes(&self) -> ScriptSizes {
        self.lent_scripts.unwrap_or_else(|| ScriptSizes {
            scripts: self.scripts.len(),
            scripts_bytes: self.scripts.scripts_bytes(),
            scripts_lua_bytes: self.scripts.lua_bytes(),
            libraries: self.functions.len(),
            functions: self.functions.functions_len(),
            functions_bytes: self.functions.libraries_bytes(),
            functions_lua_bytes: self.functions.lua_bytes(),
        })
    }

    /// This core's counters.
    #[must_use]
    pub fn count(&self) -> &Counters {
        &self.counters[self.core]
    }

    /// Brings the counter of expired keys up to date.
    pub fn count_expired(&mut self, keyspace: &Keyspace) {
        let expired = keyspace.expired_keys();
        let more = expired.saturating_sub(self.expired_counted);
        self.count().expired_keys.add(more);
        self.expired_counted = expired;
    }
}

/// See the module.
pub struct Scene<'a> {
    pub local: &'a mut Local,
    pub me: SessionId,
    /// Unix milliseconds.
    pub now_ms: u64,
}

impl Scene<'_> {
    /// The session the command came from.
    pub fn session(&mut self) -> &mut Session {
        self.local
            .roster
            .find(self.me)
            .expect("a session is in the roster while its command runs")
    }

    /// Its client.
    pub fn client(&mut self) -> &mut Client {
        &mut self.session().client
    }
}

/// Goes to a directory.
pub type Enter = dyn FnMut(&[u8]) -> Result<Vec<u8>, String>;

/// What the control core owns.
pub struct Node<'a> {
    /// Who asks.
    pub author: Author,
    /// What others hear while a script takes long, if one does.
    pub busy: Option<Refusal>,
    /// Data is being loaded, whether other data is served meanwhile or not.
    pub is_loading: bool,
    pub settings: &'a mut Settings,
    /// Writes the configuration file: its text from the old text.
    pub rewrite: &'a mut dyn FnMut(&Settings, Added) -> Result<(), String>,
    /// Listens at the addresses that the settings name; `false` if it cannot, and
    /// goes on where it did.
    pub listen: &'a mut dyn FnMut(&Settings) -> bool,
    /// Goes to another directory, and says which that is; or why it cannot.
    pub enter: &'a mut Enter,
    /// Whether the append-only file can begin where the settings say.
    pub can_begin_file: &'a mut dyn FnMut(&Settings) -> bool,
    /// How many of so many clients the system lets the node have.
    pub possible_clients: fn(u64) -> u64,
    /// Set by a handler that changed `settings`: they are published then.
    pub has_changed: bool,
    /// Set by a handler that needs the data of every core: the reply follows
    /// when it is done.
    pub errand: Option<Errand>,
}
