//! What clients' buffers take, and who is closed while all of them take more
//! than `maxmemory-clients`.
//!
//! While there is a limit every core weighs its clients when something of theirs
//! has changed, and publishes the sum and the size class of its largest. When the
//! sum of all cores is above the limit, the core with the largest class closes,
//! the first of several: so no two close at once, and large ones go first.
//! Invariant: `Scales` holds the sum of the weights of this core's sessions.

use crate::session::SessionId;

use super::core::Work;
use super::letter::Letter;

/// Size classes: below 32 KiB, then by doubling up to 8 GiB. Class 0 is of those
/// that may not be closed.
const CLASSES: usize = 20;

/// Binary logarithm of the size where class 2 begins.
const SECOND_LOG: u32 = 15;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Scales {
    /// There is a limit, and the weights are kept.
    is_on: bool,
    /// Every core keeps them, so this one may act by what they say.
    is_trusted: bool,
    bytes: u64,
    /// Clients of each class.
    clients: [u32; CLASSES],
}

impl Scales {
    fn put(&mut self, bytes: u64, class: usize) {
        self.bytes += bytes;
        self.clients[class] += 1;
    }

    fn take(&mut self, bytes: u64, class: usize) {
        self.bytes -= bytes;
        self.clients[class] -= 1;
    }

    /// The largest class there is that may be closed; 0 for none.
    fn top(&self) -> usize {
        let taken = |class: &usize| self.clients[*class] > 0;
        (1..CLASSES).rev().find(taken).unwrap_or(0)
    }
}

/// The class of a client that may be closed.
fn class_of(bytes: u64) -> usize {
    let log = bytes.max(1).ilog2().max(SECOND_LOG - 1);
    ((log + 2 - SECOND_LOG) as usize).min(CLASSES - 1)
}

impl Work {
    /// Takes the limit over from the settings. From no limit to one this core
    /// weighs all its clients, and waits for word that all others have.
    pub(super) fn read_clients_limit(&mut self) {
        let is_on = self.local.live.maxmemory_clients > 0;
        let was_on = std::mem::replace(&mut self.scales.is_on, is_on);
        self.scales.is_trusted &= is_on && was_on;
        if is_on {
            self.weigh_all();
        }
    }

    /// All clients of this core, and others at whose weight nobody looked.
    pub(super) fn weigh_all(&mut self) {
        if !self.scales.is_on {
            return;
        }
        let ids: Vec<SessionId> = self.local.roster.iter().map(|(id, _)| id).collect();
        for id in ids {
            self.weigh(id);
        }
    }

    /// Something of this client may have changed its weight.
    pub(super) fn weigh(&mut self, id: SessionId) {
        if !self.scales.is_on {
            return;
        }
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let (bytes, class) = if session.is_gone {
            (0, 0)
        } else {
            let bytes = session.memory_bytes() as u64;
            let may_close = !session.client.no_evict;
            (bytes, if may_close { class_of(bytes) } else { 0 })
        };
        let old = session.weight.replace((bytes, class));
        if old == Some((bytes, class)) {
            return;
        }
        if let Some((bytes, class)) = old {
            self.scales.take(bytes, class);
        }
        self.scales.put(bytes, class);
        self.publish_weights();
    }

    /// A session's place is free again.
    pub(super) fn forget_weight(&mut self, weight: Option<(u64, usize)>) {
        if let Some((bytes, class)) = weight {
            self.scales.take(bytes, class);
            self.publish_weights();
        }
    }

    fn publish_weights(&self) {
        let count = self.local.count();
        count.client_bytes.set(self.scales.bytes);
        count.client_class_max.set(self.scales.top() as u64);
    }

    /// Closes who is above a limit by this turn's replies: before somebody looks
    /// at the clients. Unread replies of one client come before all clients'.
    pub(super) fn settle_clients(&mut self) {
        for index in 0..self.dirty.len() {
            let id = self.dirty[index];
            self.close_if_overfed(id);
            self.weigh(id);
        }
        self.relieve_clients();
    }

    /// The same for one client, which has sent something.
    pub(super) fn settle_client(&mut self, id: SessionId) {
        if self.scales.is_on {
            self.close_if_overfed(id);
            self.weigh(id);
            self.relieve_clients();
        }
    }

    /// The settings of every core say that there is a limit.
    pub(super) fn trust_weights(&mut self) {
        self.scales.is_trusted = self.scales.is_on;
        self.relieve_clients();
    }

    /// Closes this core's largest clients while all are above the limit and no
    /// core has a larger one; tells the core that has.
    pub(super) fn relieve_clients(&mut self) {
        if !self.scales.is_trusted {
            return;
        }
        let limit = self.local.live.maxmemory_clients;
        while let Some(core) = heaviest(&self.local.counters, limit) {
            if core != self.local.core {
                self.post.post(core, Letter::RelieveClients);
                return;
            }
            self.close_largest(limit);
        }
    }

    /// Closes clients of the largest class, the largest first, until all are
    /// within the limit.
    fn close_largest(&mut self, limit: u64) {
        let top = self.scales.top();
        let sessions = self.local.roster.iter();
        let mut largest: Vec<(u64, SessionId)> = sessions
            .filter_map(|(id, session)| {
                let (bytes, class) = session.weight?;
                (class == top).then_some((bytes, id))
            })
            .collect();
        largest.sort_unstable_by_key(|&(bytes, _)| bytes);
        while let Some((_, id)) = largest.pop() {
            if heaviest(&self.local.counters, limit).is_none() {
                return;
            }
            self.local.count().evicted_clients.add(1);
            self.hang_up(id);
        }
    }
}

/// The core whose largest client goes next; none while all clients of all cores
/// are within the limit, or none may be closed.
pub(super) fn heaviest(counters: &[crate::telemetry::Counters], limit: u64) -> Option<usize> {
    let bytes: u64 = counters.iter().map(|core| core.client_bytes.read()).sum();
    if limit == 0 || bytes <= limit {
        return None;
    }
    let classes = counters.iter().map(|core| core.client_class_max.read());
    let largest = classes.clone().max().filter(|class| *class > 0)?;
    classes
        .enumerate()
        .find_map(|(core, class)| (class == largest).then_some(core))
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, Scales, class_of, heaviest};
    use crate::telemetry::Counters;

    #[test]
    fn classes_double_from_32_kib_on() {
        assert_eq!(class_of(0), 1);
        assert_eq!(class_of(32 * 1024 - 1), 1);
        assert_eq!(class_of(32 * 1024), 2);
        assert_eq!(class_of(64 * 1024 - 1), 2);
        assert_eq!(class_of(64 * 1024), 3);
        assert_eq!(class_of(8 << 30), CLASSES - 1);
        assert_eq!(class_of(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn the_first_core_with_the_largest_class_closes() {
        let cores: Vec<Counters> = (0..3).map(|_| Counters::default()).collect();
        let scales = |core: usize, weights: &[(u64, usize)]| {
            let mut scales = Scales::default();
            weights
                .iter()
                .for_each(|&(bytes, class)| scales.put(bytes, class));
            cores[core].client_bytes.set(scales.bytes);
            cores[core].client_class_max.set(scales.top() as u64);
        };
        scales(0, &[(10, 1), (70, 3)]);
        scales(1, &[(90, 4), (900, 0)]);
        scales(2, &[(80, 4)]);
        assert_eq!(heaviest(&cores, 1150), None);
        assert_eq!(heaviest(&cores, 1149), Some(1));
        assert_eq!(heaviest(&cores, 0), None);
        scales(1, &[(900, 0)]);
        assert_eq!(heaviest(&cores, 1000), Some(2));
        scales(2, &[]);
        assert_eq!(heaviest(&cores, 900), Some(0));
        scales(0, &[]);
        // Nobody may be closed.
        assert_eq!(heaviest(&cores, 1), None);
    }
}
