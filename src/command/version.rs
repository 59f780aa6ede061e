//! The Redis version basalt speaks as.

/// The level of compatibility, as clients ask for it.
pub const REDIS_VERSION: &str = "7.2.4";
