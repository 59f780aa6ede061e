//! WAIT and WAITAOF: until so many replicas have what was written, or disks do.

use crate::command::{Disk, Wait};
use crate::journal::Merge;
use crate::resp::Refusal;
use crate::server::control::Control;
use crate::server::errand::Client;
use crate::server::letter::Letter;
use crate::session::SessionId;

/// A client that waits.
pub(super) struct Waiting {
    client: Client,
    wait: Wait,
    /// The last ticket of what it wrote.
    ticket: u64,
    /// The offset that replicas must have acknowledged, when that ticket is in the
    /// stream.
    offset: Option<u64>,
    pub(super) until: Option<u64>,
    /// Another client has ended its wait, so that it hears of an error.
    is_ended: bool,
}

impl Control {
    /// Whatever the client wrote before has its ticket by now. It waits for ever with a
    /// time of 0, and not at all if it may not.
    pub(in crate::server) fn begin_wait(&mut self, client: Client, wait: Wait, may_wait: bool) {
        let now = self.hub.now();
        self.hub.waits.push(Waiting {
            client,
            wait,
            ticket: self.hub.journal.feed.last(),
            offset: None,
            until: match wait.timeout_ms {
                _ if !may_wait => Some(now),
                0 => None,
                timeout_ms => Some(now.saturating_add(timeout_ms)),
            },
            is_ended: false,
        });
    }

    /// A session of a core wants to know how far the stream is, with everything in it
    /// that is written by now.
    pub(in crate::server) fn catch_up(&mut self, core: usize, session: SessionId) {
        let ticket = self.hub.journal.feed.last();
        self.hub.catching_up.push((ticket, core, session));
    }

    /// Lets those sessions go on: the cores have been told.
    pub(super) fn tell_who_catches_up(&mut self) {
        let next = self.hub.merge.as_ref().map(Merge::ticket);
        let is_there =
            |(ticket, ..): &mut (u64, usize, SessionId)| next.is_none_or(|next| next > *ticket);
        for (_, core, session) in self.hub.catching_up.extract_if(.., is_there) {
            self.post.post(core, Letter::CaughtUp(session));
        }
    }

    /// A client sends no more, or another has ended its wait: it is told how far its
    /// writes are, or of the error.
    pub(in crate::server) fn end_wait_of(&mut self, core: usize, session: SessionId, error: bool) {
        let now = self.hub.now();
        let mut waits = self.hub.waits.iter_mut();
        if let Some(wait) = waits.find(|wait| wait.client.is(core, session)) {
            wait.until = Some(now);
            wait.is_ended = error;
        }
    }

    /// Answers those whose writes are where they wanted them, or whose time is over.
    pub(super) fn look_at_waits(&mut self) {
        if self.hub.waits.is_empty() {
            return;
        }
        let now = self.hub.now();
        let has_file = self.settings.is_on("appendonly");
        let mut asks = false;
        for mut waiting in std::mem::take(&mut self.hub.waits) {
            let client = waiting.client;
            let Wait { replicas, disk, .. } = waiting.wait;
            if waiting.is_ended {
                self.answer(client, Some(Refusal::UNBLOCKED));
                continue;
            }
            if disk == Some(Disk::OwnToo) && !has_file {
                self.answer(client, Some(Refusal::WAITAOF_WITHOUT_FILE));
                continue;
            }
            let is_new = waiting.offset.is_none();
            if is_new {
                let merge = self.hub.merge.as_ref();
                let is_in_stream = merge.is_none_or(|merge| merge.ticket() > waiting.ticket);
                let offset = self.hub.primary.history().offset;
                waiting.offset = is_in_stream.then_some(offset);
            }
            let primary = &self.hub.primary;
            let count = waiting.offset.map_or(0, |offset| match disk {
                None => primary.acknowledged(offset),
                Some(_) => primary.on_disk(offset),
            }) as u64;
            let is_on_disk = |synced| synced >= waiting.ticket;
            let is_here = has_file && self.synced().is_some_and(is_on_disk);
            let is_enough = waiting.offset.is_some()
                && count >= replicas
                && (is_here || disk != Some(Disk::OwnToo));
            let is_over = waiting.until.is_some_and(|until| until <= now);
            if is_enough || is_over {
                let letter = match disk {
                    None => client.number(count),
                    Some(_) => client.numbers([u64::from(is_here), count]),
                };
                self.post.post(client.core, letter);
            } else {
                asks |= is_new && waiting.offset.is_some() && count < replicas;
                self.hub.waits.push(waiting);
            }
        }
        if asks && self.hub.merge.is_some() && !self.is_halting() {
            self.announce(&["REPLCONF", "GETACK", "*"]);
        }
    }

    /// Whether the control core may sleep: else more is on disk already of what it
    /// waits for.
    pub(in crate::server) fn may_sleep_for_disk(&self) -> bool {
        let Some(synced) = self.synced() else {
            return true;
        };
        let waits = self.hub.waits.iter();
        let own = waits.filter(|waiting| waiting.wait.disk == Some(Disk::OwnToo));
        let tickets = own.map(|waiting| waiting.ticket);
        let tickets = tickets.chain(self.upstream.marks.first());
        let next = tickets.filter(|ticket| *ticket > synced).min();
        let control = self.bells.len();
        next.is_none_or(|ticket| self.hub.journal.synced.wait(control, ticket))
    }
}
