//! Full synchronisations: one snapshot for all links that wait for it.

use bytes::Bytes;

use super::action::{Action, Method};
use super::link::{Asked, Link, State};
use super::machine::{Primary, Sync};
use super::stream::Overflow;

impl<O: Overflow> Primary<O> {
    /// The moment of the snapshot has come, at this offset: those who wait for it
    /// get it, and what is written from then on behind it. The mark is for one
    /// that is streamed.
    pub fn on_cut(&mut self, offset: u64, mark: [u8; 40]) {
        let Some(sync) = &mut self.sync else { return };
        sync.cut_at = Some(offset);
        let (number, method) = (sync.number, sync.method);
        let of_sync = Some((number, method));
        let mut fed = Vec::new();
        let mut told: Vec<(u64, Bytes)> = Vec::new();
        for (number, link) in &mut self.links {
            let fits = method == Method::Filed || link.arrival.eof;
            if link.state != State::Waiting || !fits {
                continue;
            }
            link.state = State::Receiving;
            link.sync = of_sync;
            link.is_given = method == Method::Streamed;
            link.next = offset + 1;
            link.word_at = 0;
            let mut before = Vec::new();
            if link.arrival.asked != Asked::Sync {
                let id = self.history.id;
                before.extend_from_slice(format!("+FULLRESYNC {id} {offset}\r\n").as_bytes());
            }
            // Of a file that is written first, the length is said when it is known.
            if method == Method::Streamed {
                before.extend_from_slice(b"$EOF:");
                before.extend_from_slice(&mark);
                before.extend_from_slice(b"\r\n");
                fed.push(*number);
            }
            told.push((*number, before.into()));
        }
        for (number, before) in told {
            self.send(number, before);
        }
        if method == Method::Streamed {
            self.actions.push_back(Action::Feed { links: fed, mark });
        }
    }

    /// One that comes while a file is written for others gets that, too: the stream
    /// behind its cut is kept for them.
    pub(super) fn join_sync(&mut self, number: u64) {
        let Some(sync) = self.sync.filter(|sync| sync.method == Method::Filed) else {
            return;
        };
        let Some(offset) = sync.cut_at.filter(|_| !sync.is_given_up) else {
            return;
        };
        if !self.links.values().any(|link| link.receives(&sync)) {
            return;
        }
        let id = self.history.id;
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        link.state = State::Receiving;
        link.sync = Some((sync.number, sync.method));
        link.next = offset + 1;
        link.word_at = 0;
        if link.arrival.asked != Asked::Sync {
            let answer = format!("+FULLRESYNC {id} {offset}\r\n");
            self.send(number, answer.into_bytes().into());
        }
        self.notice("A replica gets the file that is being written for others.".to_owned());
    }

    /// A link got all of its file.
    pub fn on_fed(&mut self, now: u64, number: u64) {
        let end = self.stream.end();
        let Some(link) = self.links.get_mut(&number) else {
            return;
        };
        if link.state != State::Receiving {
            return;
        }
        link.heard_at = now;
        self.served.note(&link.arrival.ip, link.arrival.port);
        if link.arrival.rdb_only {
            return self.close(number, "it wanted the file only");
        }
        // Behind a mark nothing may be sent before the replica has said that it
        // found it: it looks for the mark at the end of what it read.
        let has_mark = matches!(link.sync, Some((_, Method::Streamed)));
        if has_mark && link.acknowledges() {
            link.state = State::Loading;
        } else {
            link.begin_to_catch_up(now, end);
            self.feed(number);
        }
    }

    /// The snapshot that was given up had not begun.
    pub fn on_not_begun(&mut self, now: u64) {
        self.sync = None;
        self.look_at_sync(now);
    }

    /// The snapshot was written, or why it was not.
    pub fn on_snapshot_over(&mut self, now: u64, outcome: Result<(), String>) {
        let Some(sync) = self.sync.take() else { return };
        let mut receiving = Vec::new();
        for (number, link) in &mut self.links {
            if link.receives(&sync) {
                link.is_given = true;
                receiving.push(*number);
            }
        }
        match outcome {
            Err(why) => {
                self.warn(format!("The full synchronization failed: {why}"));
                for number in receiving {
                    self.close(number, "it has no whole file");
                }
            }
            Ok(()) if sync.method == Method::Filed => {
                let links = receiving;
                self.actions.push_back(Action::SendFile { links });
            }
            Ok(()) => {
                let gets = |link: &&Link| link.sync.is_some_and(|(of, _)| of == sync.number);
                let up = self.links.values().filter(gets).count();
                // Stock's words, for who looks for them.
                self.notice(format!(
                    "Diskless rdb transfer, done reading from pipe, {up} replicas still up."
                ));
            }
        }
        self.look_at_sync(now);
    }

    /// A link has taken nothing of its file for too long.
    pub fn on_late(&mut self, now: u64, number: u64) {
        if let Some(link) = self.links.get_mut(&number) {
            link.heard_at = now;
            self.close_late(number, "full sync");
        }
    }

    /// Begins a full synchronisation, if somebody waits for one and none is under
    /// way.
    pub(super) fn look_at_sync(&mut self, now: u64) {
        if self.sync.is_some() {
            return;
        }
        let waiting = self.links.values();
        let waiting = waiting.filter(|link| link.state == State::Waiting);
        let (mut count, mut oldest, mut all_eof) = (0, u64::MAX, true);
        for link in waiting {
            count += 1;
            oldest = oldest.min(link.came_at);
            all_eof &= link.arrival.eof;
        }
        if count == 0 {
            return;
        }
        let method = match self.policy.streams && all_eof {
            true => Method::Streamed,
            false => Method::Filed,
        };
        let enough = self.policy.links_at_once;
        let is_due = now >= oldest + self.policy.delay_ms || enough > 0 && count >= enough;
        if method == Method::Streamed && !is_due {
            return;
        }
        self.syncs += 1;
        self.sync = Some(Sync {
            number: self.syncs,
            method,
            cut_at: None,
            is_given_up: false,
        });
        self.actions.push_back(Action::Snapshot(method));
    }
}
