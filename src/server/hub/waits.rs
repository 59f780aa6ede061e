//! WAIT: until so many replicas have what was written.

use crate::server::control::Control;
use crate::server::errand::Client;
use crate::session::SessionId;

/// A client that waits.
pub(super) struct Waiting {
    client: Client,
    replicas: usize,
    /// The last ticket of what it wrote, until that is in the stream.
    ticket: u64,
    /// The offset that replicas must have acknowledged.
    offset: Option<u64>,
    pub(super) until: Option<u64>,
}

impl Control {
    /// WAIT: whatever the client wrote before has its ticket by now. It waits for
    /// ever with a time of 0, and not at all without one.
    pub(in crate::server) fn begin_wait(
        &mut self,
        client: Client,
        replicas: u64,
        timeout_ms: Option<u64>,
    ) {
        let now = self.hub.now();
        self.hub.waits.push(Waiting {
            client,
            replicas: usize::try_from(replicas).unwrap_or(usize::MAX),
            ticket: self.hub.journal.feed.last(),
            offset: None,
            until: match timeout_ms {
                None => Some(now),
                Some(0) => None,
                Some(timeout_ms) => Some(now.saturating_add(timeout_ms)),
            },
        });
    }

    /// A client sends no more, and is told how far its writes are.
    pub(in crate::server) fn end_wait_of(&mut self, core: usize, session: SessionId) {
        let now = self.hub.now();
        let mut waits = self.hub.waits.iter_mut();
        if let Some(wait) = waits.find(|wait| wait.client.is(core, session)) {
            wait.until = Some(now);
        }
    }

    /// Answers those whose writes are where they wanted them, or whose time is over.
    pub(super) fn look_at_waits(&mut self) {
        if self.hub.waits.is_empty() {
            return;
        }
        let now = self.hub.now();
        let mut asks = false;
        for mut wait in std::mem::take(&mut self.hub.waits) {
            let is_new = wait.offset.is_none();
            if is_new {
                let merge = self.hub.merge.as_ref();
                let is_in_stream = merge.is_none_or(|merge| merge.ticket() > wait.ticket);
                let offset = self.hub.primary.history().offset;
                wait.offset = is_in_stream.then_some(offset);
            }
            let offset = wait.offset;
            let count = offset.map_or(0, |offset| self.hub.primary.acknowledged(offset));
            let is_enough = offset.is_some() && count >= wait.replicas;
            let is_over = wait.until.is_some_and(|until| until <= now);
            if is_enough || is_over {
                let letter = wait.client.number(count as u64);
                self.post.post(wait.client.core, letter);
            } else {
                asks |= is_new && offset.is_some();
                self.hub.waits.push(wait);
            }
        }
        if asks && self.hub.merge.is_some() {
            self.announce(&["REPLCONF", "GETACK", "*"]);
        }
    }
}
