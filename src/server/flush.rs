//! Replies out: one send per session and turn, and whose doors to knock at.

use std::os::fd::{AsRawFd, RawFd};

use crate::runtime::core::{Bell, Kernel};
use crate::session::{SessionId, Stage};

use super::core::{Core, Work};

/// Unsent bytes for which a client is closed that has not said the password:
/// stock's buffer of a client, and the KiB it allows beside it.
const UNTRUSTED_UNSENT_MAX: u64 = 17 * 1024;

/// How to wake each core: shards by their rings, the control core by its bell.
#[derive(Clone, Debug)]
pub(super) struct Doors {
    rings: Vec<RawFd>,
    control: Bell,
}

impl Doors {
    pub(super) fn new(rings: Vec<RawFd>, control: Bell) -> Doors {
        Doors { rings, control }
    }

    /// Wakes a core from this one, whose ring carries the message.
    pub(super) fn knock(&self, core: usize, ring: &mut impl Kernel) {
        match self.rings.get(core) {
            Some(&descriptor) => ring.wake(descriptor),
            None => self.control.ring(),
        }
    }
}

/// Ready replies in front of a gap that hops will soon fill wait for it up to
/// this size: one send instead of two. Stock, too, answers a pipeline when all
/// that it read of it has run.
const HELD_BACK_BYTES: usize = 64 * 1024;

impl<K: Kernel> Core<K> {
    /// Stages one send for every session that has something to say.
    pub(super) fn flush(&mut self) {
        let mut dirty = std::mem::take(&mut self.work.dirty);
        for id in dirty.drain(..) {
            self.send(id);
            self.work.weigh(id);
        }
        // Who was marked meanwhile is looked at in the next turn.
        dirty.append(&mut self.work.dirty);
        self.work.dirty = dirty;
        self.work.relieve_clients();
        let mut unstopped = std::mem::take(&mut self.work.unstopped);
        for id in unstopped.drain(..) {
            self.rearm(id);
        }
        self.work.unstopped = unstopped;
    }

    fn send(&mut self, id: SessionId) {
        let Some(connection) = self.work.connection(id) else {
            return;
        };
        connection.is_dirty = false;
        let is_busy = connection.is_sending || connection.is_hung_up;
        let descriptor = connection.fd.as_raw_fd();
        // Before anything is sent, as stock does: one reply may be too much.
        if self.work.close_if_overfed(id) || is_busy {
            return;
        }
        let Some(session) = self.work.local.roster.find(id) else {
            return;
        };
        if session.outbox.has_gaps()
            && session.stage == Stage::Open
            && session.outbox.ready_len() < HELD_BACK_BYTES
            && self.work.local.busy.is_none()
        {
            // Filling the gap makes the session dirty again.
            return;
        }
        if !session.outbox.has_ready() {
            self.work.end_if_done(id);
            return;
        }
        let ready = session.outbox.take_ready();
        let count = self.work.local.count();
        count.writes.add(1);
        count.net_output_bytes.add(ready.len() as u64);
        self.send_or_hold(id, descriptor, ready);
        if let Some(connection) = self.work.connection(id) {
            connection.is_sending = true;
        }
    }

    pub(super) fn on_sent(&mut self, id: SessionId, buffer: Vec<u8>, whole: bool) {
        let Some(connection) = self.work.connection(id) else {
            return;
        };
        connection.is_sending = false;
        let has_ended = connection.has_ended;
        if connection.is_hung_up {
            self.work.forget_if_quiet(id);
            return;
        }
        if !whole {
            self.work.condemned.push(id);
            return;
        }
        let Some(session) = self.work.local.roster.find(id) else {
            return;
        };
        session.outbox.recycle(buffer);
        self.work.weigh(id);
        let Some(session) = self.work.local.roster.find(id) else {
            return;
        };
        let more = session.outbox.has_ready();
        let closes = session.stage == Stage::Closing && !session.outbox.has_gaps();
        let goes_on = session.stage == Stage::Open && !session.inbox.is_empty();
        if more || closes || has_ended {
            self.work.mark_dirty(id);
        }
        if goes_on {
            self.work.resumed.push(id);
        }
    }
}

impl Work {
    /// Notes that a session has something to send, or to end with.
    pub(super) fn mark_dirty(&mut self, id: SessionId) {
        if let Some(connection) = self.connection(id)
            && !connection.is_dirty
        {
            connection.is_dirty = true;
            self.dirty.push(id);
        }
    }

    /// Ends a session that has nothing to send, if it is to end: it is
    /// closing, or its peer is and no whole request is left.
    fn end_if_done(&mut self, id: SessionId) {
        let has_ended = self.connection(id).is_some_and(|found| found.has_ended);
        let is_resumed = self.resumed.contains(&id);
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if session.outbox.has_gaps() {
            return;
        }
        match session.stage {
            Stage::Closing => self.condemned.push(id),
            Stage::Open if has_ended && !is_resumed => self.condemned.push(id),
            Stage::Open if has_ended => self.mark_dirty(id),
            Stage::Open | Stage::Waiting => {}
        }
    }

    /// Hangs up a session whose unsent replies passed its class's limit; `true`
    /// if they did.
    pub(super) fn close_if_overfed(&mut self, id: SessionId) -> bool {
        let now = self.clock.now;
        let Some(session) = self.local.roster.find(id) else {
            return true;
        };
        let pending = session.outbox.pending() as u64;
        let client = &session.client;
        let class = match (client.is_monitor, client.subscribed.to_any()) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        let is_trusted = client.is_trusted(&self.local.live);
        let limit = self.local.live.output_limits[class];
        let is_over_hard = limit.hard > 0 && pending > limit.hard;
        let is_over_soft = limit.soft > 0 && pending > limit.soft;
        let since = &mut session.client.over_soft_since_ms;
        let mut is_over = is_over_hard || !is_trusted && pending > UNTRUSTED_UNSENT_MAX;
        if is_over_soft {
            let began = *since.get_or_insert(now);
            is_over |= now.saturating_sub(began) > limit.soft_seconds.saturating_mul(1000);
        } else {
            *since = None;
        }
        if is_over && !session.is_gone {
            self.local.count().output_limit_disconnections.add(1);
            self.hang_up(id);
        }
        is_over
    }
}
