//! What a command leaves to the control core that needs the data of every
//! core: it is done when all shards have been lent there.

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    Save,
    Background(Background),
    Reload(Reload),
    Shutdown(Shutdown),
    /// Follow a primary.
    Follow {
        host: String,
        port: u16,
    },
    /// Follow none.
    Unfollow,
    /// FAILOVER: a replica becomes the primary, and this node its replica.
    FailOver(Failover),
    /// FAILOVER ABORT.
    AbortFailover,
    /// SHUTDOWN ABORT.
    AbortShutdown,
    /// Clients that would write are held: nothing is on its way any more.
    Halt,
    /// Let go of all data: that of the primary has come.
    Clear,
    /// Give every core the keyspace that was loaded for it.
    Exchange,
    /// BGREWRITEAOF.
    Rewrite,
    Wait(Wait),
    /// The data was a primary's, and this node leads it from now on.
    Lead,
    /// What is written from now on is another primary's.
    Demote,
    /// The stream for replicas is not kept any more.
    Cease,
    /// The stream for replicas goes on from what was loaded.
    Resume,
    /// The append-only file ends.
    EndFile,
    /// DEBUG LOADAOF.
    LoadFile,
}

/// BGSAVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background {
    /// If another's snapshot is under way, begin when that is over.
    pub schedules: bool,
}

/// A save point that is due, as `save` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    pub seconds: u64,
    pub changes: u64,
}

/// DEBUG RELOAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Write the file first.
    pub saves: bool,
    /// Forget the keys that are there.
    pub flushes: bool,
    /// A key that is there gives way to the file's.
    pub merges: bool,
}

/// WAIT: until so many replicas have what was written, or for so many milliseconds,
/// if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub replicas: u64,
    pub timeout_ms: u64,
    /// WAITAOF: until it is on the replicas' disks, and on this node's if that is asked
    /// for.
    pub disk: Option<Disk>,
}

/// Whose disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    Replicas,
    OwnToo,
}

/// FAILOVER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Host and port of the replica; none is any that has everything.
    pub target: Option<(String, u16)>,
    /// For how long to wait for one.
    pub timeout_ms: Option<u64>,
    /// Do it then, whatever the replica has.
    pub forces: bool,
}

/// SHUTDOWN, or a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    pub save: Saving,
    /// Do not wait for replicas.
    pub now: bool,
    /// End even if the data cannot be saved.
    pub force: bool,
}

/// Whether the data is saved before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saving {
    /// If there are save points.
    IfConfigured,
    Asked,
    Never,
}
