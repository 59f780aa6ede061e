//! What INFO and the cores are told of replicas.

use std::sync::Arc;

use crate::replication::State;
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
        told.backlog_first.set(first);
        told.backlog_bytes.set(bytes);
        let lag_ms = self.settings.number::<u64>("min-replicas-max-lag") * 1000;
        let healthy = match lag_ms {
            0 => hub.primary.healthy(now, u64::MAX),
            lag_ms => hub.primary.healthy(now, lag_ms),
        };
        told.healthy.set(healthy as u64);
        let lineage_is_old = history.id.as_str() != hub.lineage.id
            || history.earlier.map_or(-1, |(_, end)| end as i64) != hub.lineage.second_offset;
        if lineage_is_old {
            let earlier = history.earlier;
            hub.lineage = Lineage {
                id: history.id.to_string(),
                earlier: earlier.map_or_else(|| "0".repeat(40), |(id, _)| id.to_string()),
                second_offset: earlier.map_or(-1, |(_, end)| end as i64),
            };
            let lineage = Arc::new(hub.lineage.clone());
            for core in 0..self.bells.len() {
                self.post.post(core, Letter::Lineage(Arc::clone(&lineage)));
            }
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
                State::Waiting => "wait_bgsave",
                State::Receiving | State::Loading => "send_bulk",
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
        for core in 0..self.bells.len() {
            let letter = Letter::Replicas(Arc::clone(&replicas));
            self.post.post(core, letter);
        }
    }
}
