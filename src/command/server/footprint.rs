//! The process's memory in numbers: what INFO and MEMORY say of it.

use crate::command::scene::Local;

use super::print::ratio;
use super::share::Share;

/// Bytes of table for each key: a bucket of 64 for 7 entries, 85 % full.
const TABLE_BYTES_PER_KEY: u64 = 11;

/// Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Footprint {
    /// Held from the allocator.
    pub(super) used: u64,
    /// The most that was.
    pub(super) peak: u64,
    /// Held when the node had started.
    pub(super) startup: u64,
    pub(super) clients: u64,
    /// Everything but keys and values.
    pub(super) overhead: u64,
    pub(super) resident: u64,
    /// Main memory of the machine.
    pub(super) machine: u64,
}

impl Footprint {
    /// `used` is what `used_memory` said before anybody began to answer.
    pub(super) fn now(local: &Local, used: u64, shares: &[Share]) -> Footprint {
        let readings = (local.system.readings)();
        let startups = local
            .counters
            .iter()
            .map(|core| core.memory_startup_bytes.read());
        let startup = startups.max().unwrap_or(0);
        let peaks = local
            .counters
            .iter()
            .map(|core| core.memory_peak_bytes.read());
        let clients = shares.iter().map(|share| share.client_bytes).sum();
        let keys = shares.iter().map(Share::keys).sum();
        Footprint {
            used,
            peak: peaks.max().unwrap_or(0).max(used),
            startup,
            clients,
            overhead: startup + clients + Footprint::table(keys),
            resident: readings.resident_bytes,
            machine: readings.machine_bytes,
        }
    }

    /// What the table takes for so many keys.
    pub(super) fn table(keys: u64) -> u64 {
        keys * TABLE_BYTES_PER_KEY
    }

    /// Since the start.
    pub(super) fn data(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }

    pub(super) fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead)
    }

    pub(super) fn dataset_percent(&self) -> f64 {
        ratio(self.dataset(), self.data()).min(1.0) * 100.0
    }

    pub(super) fn peak_percent(&self) -> f64 {
        ratio(self.used, self.peak) * 100.0
    }

    /// Resident, of what is held.
    pub(super) fn fragmentation(&self) -> f64 {
        ratio(self.resident, self.used)
    }

    /// Resident and not held; negative when some of it is swapped.
    pub(super) fn unused(&self) -> i64 {
        self.resident as i64 - self.used as i64
    }
}
