//! All that one core keeps to itself until somebody asks.

use super::{CommandStats, ErrorStats, Latency, SlowLog};

/// The set of one core; its counters stand apart, where others read them.
#[derive(Debug)]
pub struct Telemetry {
    /// Per command.
    pub commands: CommandStats,
    /// Per error prefix.
    pub errors: ErrorStats,
    /// Delays by event.
    pub latency: Latency,
    /// Slow commands.
    pub slow_log: SlowLog,
}

impl Telemetry {
    /// The set of core number `core` of `cores`, for a command table of
    /// `commands` rows.
    pub fn new(core: usize, cores: usize, commands: usize) -> Self {
        Self {
            commands: CommandStats::new(commands),
            errors: ErrorStats::default(),
            latency: Latency::default(),
            slow_log: SlowLog::new(core, cores, 128),
        }
    }
}
