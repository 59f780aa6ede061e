//! What INFO and the cores are told of replicas.

use std::sync::Arc;

use crate::replication::{ReplicationId, State};
use crate::runtime::clock::unix_ms;
use crate::telemetry::{Lineage, Replica};

use crate::server::control::Control;
use crate::server::letter::Letter;

impl Control {
    /// What INFO and the cores read.
    pub(super) fn tell_of_replicas(&mut self) {
        let hub = &mut self.hub;
        let now = hub.now();
        let told = &hub.replication;
        let history = hub.primary.history();
        if hub.primary.leads() {
            told.applied.set(history.offset);
            told.received.set(history.offset);
        }
        let (first, bytes) = match hub.primary.is_on() {
            true => {
                let backlog = hub.primary.backlog();
                (backlog.start, backlog.end - backlog.start)
            }
            false => (0, 0),
        };
        let (bytes_in_memory, excess) = hub.primary.in_memory();
        told.stream_bytes.set(bytes_in_memory);
        told.excess_bytes.set(excess);
        told.backlog_first.set(first);
        told.backlog_bytes.set(bytes);
        let healthy = hub.primary.healthy(now, hub.lag_ms);
        told.healthy.set(healthy as u64);
        let (earlier, second_offset) = match history.earlier {
            Some((id, end)) => (id, end as i64),
            None => (ReplicationId::NONE, -1),
        };
        if history.id.as_str() != hub.lineage.id || second_offset != hub.lineage.second_offset {
            hub.lineage = Lineage {
                id: history.id.to_string(),
                earlier: earlier.to_string(),
                second_offset,
            };
            let lineage = Arc::new(hub.lineage.clone());
            self.post_all(|| Letter::Lineage(Arc::clone(&lineage)));
        }
        self.tell_replicas_to_cores(now);
    }

    fn tell_replicas_to_cores(&mut self, now: u64) {
        let hub = &mut self.hub;
        if hub.shown.is_empty() && hub.lines.is_empty() {
            return;
        }
        let now_s = unix_ms() / 1000;
        let replicas = hub.primary.links().map(|link| Replica {
            ip: link.ip.to_owned(),
            port: link.port,
            state: match link.state {
                State::Receiving | State::Loading if link.has_file => "send_bulk",
                State::Waiting | State::Receiving => "wait_bgsave",
                State::Loading => "send_bulk",
                State::Online => "online",
            },
            offset: link.acknowledged,
            heard_at_s: now_s - now.saturating_sub(link.heard_at) / 1000,
        });
        let replicas: Arc<[Replica]> = replicas.collect();
        if replicas == hub.shown {
            return;
        }
        hub.shown = Arc::clone(&replicas);
        self.post_all(|| Letter::Replicas(Arc::clone(&replicas)));
    }
}
