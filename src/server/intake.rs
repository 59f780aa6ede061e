//! Connections and their bytes: accept, deal out, receive, hang up.

use std::os::fd::{AsRawFd, OwnedFd};

use crate::resp::Refusal;
use crate::runtime::core::{
    BufferId, End, Event, Kernel, Token, adopt, keep_alive, no_delay, shut_down, write_and_close,
};
use crate::session::{Client, Inbox, Origin, SessionId, Stage};

use super::core::{Core, Work};
use super::giant::GIANT_BYTES;
use super::letter::Letter;

/// Bytes a waiting session may pile up before its reading stops. More than
/// this is left to the kernel, which slows the sender down.
const INBOX_WAITING_MAX: usize = 1 << 20;

/// An inbox this small is kept when it is empty.
const INBOX_KEPT: usize = 4 * 1024;

/// The socket of a session, by the session's place.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) fd: OwnedFd,
    pub(super) id: SessionId,
    /// A receive is armed.
    pub(super) is_receiving: bool,
    /// Its cancellation is under way.
    pub(super) is_stopping: bool,
    pub(super) is_sending: bool,
    /// It stands in `Work::dirty`.
    pub(super) is_dirty: bool,
    /// Bytes the inbox must hold before decoding can get on.
    pub(super) wanted: usize,
    /// Its peer sends no more; it goes when what it asked is answered.
    pub(super) has_ended: bool,
    /// Its bytes are the control core's affair.
    pub(super) has_left: bool,
    /// Nothing is sent or received any more.
    pub(super) is_hung_up: bool,
}

pub(super) fn token_of(id: SessionId) -> Token {
    Token::new(id.index, id.generation)
}

fn id_of(token: Token) -> SessionId {
    SessionId {
        index: token.index() as u32,
        generation: token.generation(),
    }
}

impl<K: Kernel> Core<K> {
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Received { token, buffer, len } => self.on_received(id_of(token), buffer, len),
            Event::Sent {
                token,
                buffer,
                whole,
            } => self.on_sent(id_of(token), buffer, whole),
            Event::ReceiveEnded { token, end } => self.on_receive_ended(id_of(token), end),
            Event::Accepted { listener, fd } => self.on_accepted(listener.index() as u32, fd),
            Event::AcceptEnded { listener } => {
                // Out of descriptors: the next tick tries again.
                self.work.listeners.on_ended(listener.index() as u32);
            }
            Event::Rung => self.ring.hush(),
        }
    }

    fn on_accepted(&mut self, listener: u32, fd: OwnedFd) {
        let is_unix = self.work.listeners.is_unix(listener);
        if self.work.clients_connected() >= self.work.local.live.maxclients {
            write_and_close(fd, format!("-{}\r\n", Refusal::TOO_MANY_CLIENTS).as_bytes());
            self.work.local.count().connections_rejected.add(1);
            return;
        }
        let core = self.work.least_connected();
        self.work.dealt += 1;
        if core == self.work.local.core {
            self.welcome(fd, is_unix, self.work.dealt);
        } else {
            self.work.dealt_to[core] += 1;
            let letter = Letter::Connection {
                fd,
                is_unix,
                number: self.work.dealt,
            };
            self.work.post.post(core, letter);
        }
    }

    /// Takes a connection in; `number` is its client's id, given by the core
    /// that deals connections out, so ids rise over all cores.
    pub(super) fn welcome(&mut self, fd: OwnedFd, is_unix: bool, number: u64) {
        let live = &self.work.local.live;
        let path = String::from_utf8_lossy(self.work.local.settings.bytes("unixsocket"));
        let peer = adopt(&fd, &path);
        if live.is_protected() && !peer.is_loopback {
            write_and_close(fd, format!("-{}\r\n", Refusal::PROTECTED_MODE).as_bytes());
            self.work.local.count().connections_rejected.add(1);
            return;
        }
        if !is_unix {
            no_delay(&fd);
            keep_alive(&fd, u64::from(live.tcp_keepalive_s));
        }
        let authenticated = live.requirepass.is_none();
        let origin = Origin {
            address: peer.address.into(),
            local: peer.local.into(),
            is_loopback: peer.is_loopback,
            is_unix,
            fd: fd.as_raw_fd(),
        };
        let client = Client::new(number, origin, authenticated, self.work.clock.now);
        let descriptor = fd.as_raw_fd();
        let id = self.work.seat(client, fd);
        self.ring.receive(descriptor, token_of(id));
        self.work.local.count().connections_received.add(1);
    }

    fn on_received(&mut self, id: SessionId, buffer: BufferId, len: usize) {
        let bytes = self.ring.bytes(buffer, len);
        self.work.take_in(id, bytes);
        self.ring.recycle(buffer);
        self.work.settle_client(id);
        if self.work.must_stop_reading(id) {
            self.ring.stop_receiving(token_of(id));
        }
    }

    fn on_receive_ended(&mut self, id: SessionId, end: End) {
        let Some(connection) = self.work.connection(id) else {
            return;
        };
        connection.is_receiving = false;
        let was_stopped = std::mem::take(&mut connection.is_stopping);
        if connection.is_hung_up {
            self.work.forget_if_quiet(id);
            return;
        }
        match end {
            End::Broken => self.work.condemned.push(id),
            // Flushing sends what is ready, and ends a session that has
            // nothing under way.
            End::Closed => {
                connection.has_ended = true;
                self.work.mark_dirty(id);
                let session = self.work.local.roster.find(id);
                if session.is_some_and(|session| session.blocked.is_some()) {
                    // Nobody waits any more.
                    self.work.condemned.push(id);
                }
                self.work.give_up_wait(id, false);
            }
            // A reading that was stopped goes on when the inbox has room.
            End::Rearm if was_stopped && !self.work.has_room(id) => {}
            End::Rearm => self.rearm(id),
        }
    }

    /// Reads from a session again.
    pub(super) fn rearm(&mut self, id: SessionId) {
        if let Some(connection) = self.work.connection(id)
            && !connection.is_receiving
            && !connection.has_ended
            && !connection.has_left
            && !connection.is_hung_up
        {
            connection.is_receiving = true;
            let descriptor = connection.fd.as_raw_fd();
            self.ring.receive(descriptor, token_of(id));
        }
    }

    /// Ends the sessions that were condemned in this turn.
    pub(super) fn hang_up_condemned(&mut self) {
        let mut condemned = std::mem::take(&mut self.work.condemned);
        for id in condemned.drain(..) {
            self.work.hang_up(id);
        }
        self.work.condemned = condemned;
    }
}

impl Work {
    pub(super) fn connection(&mut self, id: SessionId) -> Option<&mut Connection> {
        let connection = self.connections.get_mut(id.index as usize)?.as_mut()?;
        (connection.id == id).then_some(connection)
    }

    /// Serves received bytes in place; what is left goes into the inbox.
    fn take_in(&mut self, id: SessionId, bytes: &[u8]) {
        let count = self.local.count();
        count.reads.add(1);
        count.net_input_bytes.add(bytes.len() as u64);
        let now = self.clock.now;
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.client.active_ms = now;
        if session.stage == Stage::Closing {
            return;
        }
        if session.inbox.is_empty() && session.stage == Stage::Open {
            session.in_hand = bytes.len();
            let used = self.serve(id, bytes);
            self.keep(id, &bytes[used..]);
            return;
        }
        session.inbox.push(bytes);
        self.serve_inbox(id);
    }

    /// Serves a session from its inbox, once that holds what is wanted.
    pub(super) fn serve_inbox(&mut self, id: SessionId) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if session.stage != Stage::Open {
            return;
        }
        self.serve_kept(id);
        if self.has_room(id)
            && let Some(connection) = self.connection(id)
            && !connection.is_receiving
        {
            self.unstopped.push(id);
        }
    }

    fn serve_kept(&mut self, id: SessionId) {
        let Some(connection) = self.connections[id.index as usize].as_mut() else {
            return;
        };
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        if session.inbox.is_empty() || session.inbox.len() < connection.wanted {
            return;
        }
        // It was wanted for the first request, which now runs.
        let wanted = std::mem::take(&mut connection.wanted);
        let mut inbox = std::mem::take(&mut session.inbox);
        session.in_hand = inbox.len();
        if wanted >= GIANT_BYTES && inbox.len() == wanted {
            match self.serve_giant(id, inbox.into_bytes()) {
                None => {
                    self.let_go(id);
                    return;
                }
                Some(other) => inbox = other.into(),
            }
        }
        let used = self.serve(id, inbox.bytes());
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        inbox.advance(used);
        if inbox.is_empty() && inbox.capacity() > INBOX_KEPT {
            inbox = Inbox::default();
        }
        session.inbox = inbox;
        session.in_hand = 0;
        self.reserve_wanted(id);
    }

    /// Says that no bytes are being served any more.
    fn let_go(&mut self, id: SessionId) {
        if let Some(session) = self.local.roster.find(id) {
            session.in_hand = 0;
        }
    }

    /// Whether more may be read for a session: one that takes requests may
    /// need all of a big one; one that has whole requests to run needs none.
    fn has_room(&mut self, id: SessionId) -> bool {
        let wanted = self.connection(id).map_or(0, |found| found.wanted);
        self.local.roster.find(id).is_some_and(|session| {
            let is_held = session.stage != Stage::Open || session.outbox.is_full();
            let needs_more = !is_held && session.inbox.len() < wanted;
            needs_more || session.inbox.len() <= INBOX_WAITING_MAX
        })
    }

    /// Keeps bytes that are not a whole request.
    fn keep(&mut self, id: SessionId, rest: &[u8]) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.in_hand = 0;
        if !rest.is_empty() && session.stage != Stage::Closing {
            session.inbox.push(rest);
            self.reserve_wanted(id);
        }
    }

    /// Notes how long the first request of the inbox is known to be.
    pub(super) fn want(&mut self, id: SessionId, wanted: usize) {
        if let Some(connection) = self.connection(id) {
            connection.wanted = wanted;
        }
    }

    /// Makes room for a big request at once, instead of by doubling.
    fn reserve_wanted(&mut self, id: SessionId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let wanted = connection.wanted;
        if let Some(session) = self.local.roster.find(id)
            && wanted > session.inbox.len()
        {
            let more = wanted - session.inbox.len();
            session.inbox.reserve(more);
        }
    }

    /// Whether a session has piled up enough for now.
    fn must_stop_reading(&mut self, id: SessionId) -> bool {
        let query_max = self.local.live.query_buffer_limit as usize;
        let Some(session) = self.local.roster.find(id) else {
            return false;
        };
        if session.inbox.len() > query_max {
            self.condemn_counted(id, |count| &count.query_limit_disconnections);
            return false;
        }
        let has_room = self.has_room(id);
        let Some(connection) = self.connection(id) else {
            return false;
        };
        let stops = !has_room && connection.is_receiving && !connection.is_stopping;
        connection.is_stopping |= stops;
        stops
    }

    /// Ends a session: nothing more is read, and what was to be sent is lost.
    pub(super) fn hang_up(&mut self, id: SessionId) {
        if self.is_obeyed(id) {
            return self.hang_up_obeyed(id);
        }
        let Some(connection) = self.connection(id) else {
            return;
        };
        if connection.is_hung_up {
            return;
        }
        connection.is_hung_up = true;
        shut_down(&connection.fd);
        self.give_up_wait(id, false);
        self.withdraw(id);
        if let Some(session) = self.local.roster.find(id) {
            session.stage = Stage::Closing;
            session.inbox = Inbox::default();
            session.outbox.abandon();
            session.is_gone = true;
        }
        self.weigh(id);
        self.unsubscribe(id);
        self.forget_if_quiet(id);
    }

    /// Frees a session's place once the kernel is done with its socket.
    pub(super) fn forget_if_quiet(&mut self, id: SessionId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        if connection.is_receiving || connection.is_sending || !connection.is_hung_up {
            return;
        }
        self.connections[id.index as usize] = None;
        let Some(session) = self.local.roster.dismiss(id) else {
            return;
        };
        self.forget_weight(session.weight);
        self.count_connected();
        if session.client.is_monitor {
            self.monitor_left();
        }
    }

    /// Gives a client its session and its connection, of which bytes are taken
    /// to be on their way.
    pub(super) fn seat(&mut self, client: Client, fd: OwnedFd) -> SessionId {
        let id = self.local.roster.admit(client);
        let index = id.index as usize;
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        self.connections[index] = Some(Connection {
            fd,
            id,
            is_receiving: true,
            is_stopping: false,
            is_sending: false,
            is_dirty: false,
            wanted: 0,
            has_ended: false,
            has_left: false,
            is_hung_up: false,
        });
        self.count_connected();
        id
    }

    pub(super) fn count_connected(&self) {
        let connected = self.local.roster.len() as u64 - self.doubles();
        self.local.count().clients_connected.set(connected);
    }

    /// Clients of all cores and those on their way to one.
    fn clients_connected(&self) -> u64 {
        let cores = 0..self.local.placement.cores();
        cores.map(|core| self.clients_of(core)).sum()
    }

    /// Clients of a core and those on their way there: of many that come at once none
    /// has arrived when the next is dealt.
    fn clients_of(&self, core: usize) -> u64 {
        let count = &self.local.counters[core];
        let on_way = self.dealt_to[core].saturating_sub(count.connections_taken.read());
        count.clients_connected.read() + on_way
    }

    /// The core with the fewest clients.
    fn least_connected(&self) -> usize {
        let cores = self.local.placement.cores();
        (0..cores)
            .map(|offset| (offset + self.dealt as usize) % cores)
            .min_by_key(|&core| self.clients_of(core))
            .unwrap_or(0)
    }
}
