//! What a client watches until its EXEC.

use std::sync::Arc;

use crate::shard::Watch;

/// See the module.
#[derive(Debug, Default)]
pub struct Watches {
    list: Vec<Arc<Watch>>,
    /// Bytes of what the list leads to.
    bytes: usize,
}

impl Watches {
    /// One more.
    pub fn push(&mut self, watch: Arc<Watch>) {
        self.bytes += watch.memory_bytes();
        self.list.push(watch);
    }

    /// All of them; none are left.
    pub fn take(&mut self) -> Vec<Arc<Watch>> {
        self.bytes = 0;
        std::mem::take(&mut self.list)
    }

    /// Memory they take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.bytes + self.list.capacity() * size_of::<Arc<Watch>>()
    }
}
