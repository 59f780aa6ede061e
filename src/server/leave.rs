//! A client that becomes a replica: its socket goes to the control core, which
//! writes the stream to it.
//!
//! Nothing of it may be under way in this core's ring then. Its session stays, so
//! that CLIENT LIST shows it and CLIENT KILL ends it; the connection's end at
//! either place ends it at the other.

use crate::replication::{Arrival, Asked, ReplicationId, Resume};
use crate::runtime::core::Kernel;
use crate::session::{SessionId, Stage, Subscribed};

use super::core::{Core, Work};
use super::intake::token_of;
use super::letter::{Letter, Recruit};

/// A session whose client is to be a replica when its socket is quiet.
pub(super) struct Leaving {
    session: SessionId,
    asked: Asked,
    fails_over: bool,
}

impl Work {
    /// A client asks for the stream, from there on or from the beginning; one that
    /// fails over is this node's primary.
    pub(super) fn begin_leaving(
        &mut self,
        id: SessionId,
        resume: Option<(Box<[u8]>, i64)>,
        fails_over: bool,
    ) {
        let asked = match resume {
            None => Asked::Sync,
            Some((name, from)) => {
                let from = u64::try_from(from).ok();
                let resume = ReplicationId::parse(&name).zip(from);
                Asked::Psync(resume.map(|(id, from)| Resume { id, from }))
            }
        };
        // Nothing is pushed between the bytes of the stream.
        self.unsubscribe(id);
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.client.subscribed = Subscribed::default();
        session.stage = Stage::Waiting;
        let was_monitor = std::mem::take(&mut session.client.is_monitor);
        session.client.is_replica = true;
        session.client.no_evict = true;
        if was_monitor {
            self.monitor_left();
        }
        if let Some(connection) = self.connection(id) {
            connection.has_left = true;
            self.leaving.push(Leaving {
                session: id,
                asked,
                fails_over,
            });
        }
    }

    /// Its link has ended.
    pub(super) fn on_replica_left(&mut self, id: SessionId) {
        if self.local.roster.find(id).is_some() {
            self.hang_up(id);
        }
    }

    fn recruit(&mut self, leaving: &Leaving) {
        let id = leaving.session;
        let socket = self.connection(id).map(|found| found.fd.try_clone());
        let Some(Ok(socket)) = socket else {
            // Out of descriptors: it may try again.
            return self.hang_up(id);
        };
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let rest = std::mem::take(&mut session.inbox).into_bytes();
        let client = &session.client;
        let said = &client.replica;
        let address = client.origin.address.rsplit_once(':');
        let from = address.map_or("", |(ip, _)| ip.trim_matches(['[', ']']));
        let arrival = Arrival {
            asked: leaving.asked,
            ip: if said.ip.is_empty() { from } else { &said.ip }.to_owned(),
            port: said.port,
            eof: said.eof,
            psync2: said.psync2,
            rdb_only: said.rdb_only,
        };
        let recruit = Recruit {
            session: id,
            socket,
            arrival,
            rest,
            fails_over: leaving.fails_over,
        };
        let control = self.local.placement.cores();
        self.post.post(control, Letter::Recruit(Box::new(recruit)));
    }
}

impl<K: Kernel> Core<K> {
    /// Sees those off whose sockets are quiet.
    pub(super) fn see_off(&mut self) {
        if self.work.leaving.is_empty() {
            return;
        }
        for leaving in std::mem::take(&mut self.work.leaving) {
            let id = leaving.session;
            let Some(connection) = self.work.connection(id) else {
                continue;
            };
            if connection.is_hung_up {
                continue;
            }
            let stops = connection.is_receiving && !connection.is_stopping;
            connection.is_stopping |= stops;
            let is_quiet = !connection.is_receiving && !connection.is_sending;
            if stops {
                self.ring.stop_receiving(token_of(id));
            }
            let session = self.work.local.roster.find(id);
            let is_silent = session.is_none_or(|session| !session.outbox.has_ready());
            if is_quiet && is_silent {
                self.work.recruit(&leaving);
            } else {
                self.work.leaving.push(leaving);
            }
        }
    }
}
