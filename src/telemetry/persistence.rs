//! What became of the data on disk: told by the control core and, while it
//! loads, its loader; readable by every core.

use super::counters::Cell;

/// See the module. Times are Unix seconds.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Persistence {
    /// The error number for which the append-only file cannot be written; 0
    /// while it can. Asked at every write, and so not beside what changes.
    pub aof_broken: Cell,
    /// When the data was last written, or read at the start.
    pub saved_at_s: Cell,
    /// What the cores' `changes` added up to then.
    pub changes_at_save: Cell,
    pub saves: Cell,
    /// 1 while a background save is under way.
    pub saving: Cell,
    pub saving_since_s: Cell,
    /// 1 if the last background save failed.
    pub save_failed: Cell,
    /// How long the last background save took, and one; 0 before the first.
    pub save_took_s: Cell,
    /// What is rested for each key that is saved, and loaded: what the settings for
    /// tests say, two's complement.
    pub save_delay: Cell,
    pub load_delay: Cell,
    /// Keys of the snapshot under way, and those of them that are written.
    pub keys_to_save: Cell,
    pub keys_saved: Cell,
    /// 1 while a file is being loaded.
    pub loading: Cell,
    /// 1 while it is and the data before it is served.
    pub async_loading: Cell,
    pub loading_since_s: Cell,
    pub loading_total_bytes: Cell,
    pub loading_loaded_bytes: Cell,
    /// Bytes of memory the file's writer used, as the file says.
    pub loading_used_memory: Cell,
    /// Of the last load.
    pub keys_loaded: Cell,
    pub keys_expired: Cell,
    /// Bytes of the append-only file, and of its base.
    pub aof_current_bytes: Cell,
    pub aof_base_bytes: Cell,
    /// Bytes that are not written yet.
    pub aof_pending_bytes: Cell,
    /// 1 while it is synced beside the writing.
    pub aof_syncing: Cell,
    /// A snapshot for replicas is under way.
    pub saving_for_replicas: Cell,
    /// It counts only when its first base is there.
    pub aof_is_new: Cell,
    /// 1 while a base is written.
    pub aof_rewriting: Cell,
    pub aof_rewriting_since_s: Cell,
    /// How long the last one took, and one; 0 before the first.
    pub aof_rewrite_took_s: Cell,
    /// 1 when a base is to be written behind the snapshot that is under way.
    pub aof_rewrite_scheduled: Cell,
    /// 1 when the file has grown so much that it should be.
    pub aof_rewrite_wanted: Cell,
    /// 1 if the last one failed; how many have in a row.
    pub aof_rewrite_failed: Cell,
    pub aof_rewrite_failures: Cell,
    pub aof_rewrites: Cell,
}

impl Persistence {
    /// Whether data is being loaded, whatever is served meanwhile.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.loading.read() + self.async_loading.read() > 0
    }
}
