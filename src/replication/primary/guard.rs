//! Whom a node that has just started would rob: replicas that have more of its
//! history than it has itself. They are told to wait, until an operator says what
//! shall be, instead of being given less than they have.

use std::collections::{BTreeSet, VecDeque};

use crate::replication::history::Resume;
use crate::replication::id::ReplicationId;

/// For so long after the start a node that knows nothing of the time before takes a
/// replica of another family for one of its own from then: milliseconds, the default
/// of repl-backlog-ttl.
const UNKNOWN_FOR_MS: u64 = 3_600_000;

/// Claims that are kept, the latest.
const CLAIMS_MAX: usize = 256;

/// What this node once had and has not any more, as far as it knows; none if it has
/// lost nothing. It goes into each file that the node writes, so that another start
/// changes nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    claims: VecDeque<Claim>,
    /// Nothing is known of the time before the start, which counts until then.
    unknown_until: Option<u64>,
}

/// What became of a history behind the point at which a node began again with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// The history.
    pub(super) id: ReplicationId,
    /// Bytes of it that were there; none if the file does not say how many.
    pub(super) offset: Option<u64>,
    /// The name under which the node went on.
    until: ReplicationId,
}

impl Claim {
    /// Whether who asks to go on from there has something of it.
    fn covers(&self, asked: &Resume) -> bool {
        if asked.id == self.id {
            return self.offset.is_none_or(|offset| asked.from > offset + 1);
        }
        let is_between = self.id.moment() < asked.id.moment()
            && asked.id.moment() <= self.until.moment()
            && asked.id != self.until;
        is_between && asked.id.is_akin(&self.id)
    }
}

impl Guard {
    /// Of a node that begins with data of which nothing is known, or with none.
    /// Times are milliseconds of the node's own clock.
    #[must_use]
    pub fn unknown(now: u64) -> Guard {
        Guard {
            unknown_until: Some(now + UNKNOWN_FOR_MS),
            ..Guard::default()
        }
    }

    /// The node begins with what a file has, so many bytes of this history, and goes on
    /// under another name.
    pub fn on_start(&mut self, id: ReplicationId, offset: Option<u64>, until: ReplicationId) {
        self.claim(Claim { id, offset, until });
    }

    fn claim(&mut self, claim: Claim) {
        if self.claims.len() == CLAIMS_MAX {
            self.claims.pop_front();
        }
        self.claims.push_back(claim);
    }

    /// What was lost of what this one has who asks to go on from there, if anything was.
    /// `of` is the node's own history. Who is refused once is refused from then on.
    pub(super) fn robs(&mut self, now: u64, asked: &Resume, of: &ReplicationId) -> Option<Claim> {
        let claim = self.claims.iter().find(|claim| claim.covers(asked));
        if let Some(claim) = claim {
            return Some(*claim);
        }
        let is_unknown = self.unknown_until.is_some_and(|until| now < until);
        if !is_unknown || asked.from <= 1 || asked.id.is_akin(of) {
            return None;
        }
        let claim = Claim {
            id: asked.id,
            offset: None,
            until: asked.id,
        };
        self.claim(claim);
        Some(claim)
    }

    /// For a file. `unix_ms` is now by the clock of all.
    #[must_use]
    pub fn text(&self, now: u64, unix_ms: u64) -> String {
        let mut words = Vec::new();
        if let Some(left) = self.unknown_until.and_then(|until| until.checked_sub(now)) {
            words.push(format!("unknown:{}", unix_ms + left));
        }
        for Claim { id, offset, until } in &self.claims {
            let offset = offset.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
            words.push(format!("{id}:{offset}:{until}"));
        }
        words.join(" ")
    }

    /// Out of a file; what is not understood is left out.
    #[must_use]
    pub fn parse(text: &str, now: u64, unix_ms: u64) -> Guard {
        let mut guard = Guard::default();
        for word in text.split_ascii_whitespace() {
            match word.strip_prefix("unknown:") {
                Some(until) => {
                    let left = until
                        .parse()
                        .ok()
                        .and_then(|until: u64| until.checked_sub(unix_ms));
                    let until = left.map(|left| now + left.min(UNKNOWN_FOR_MS));
                    guard.unknown_until = until;
                }
                None => {
                    if let Some(claim) = Claim::parse(word) {
                        guard.claim(claim);
                    }
                }
            }
        }
        guard
    }
}

impl Claim {
    fn parse(word: &str) -> Option<Claim> {
        let mut parts = word.split(':');
        let id = ReplicationId::parse(parts.next()?.as_bytes())?;
        let offset = match parts.next()? {
            "-" => None,
            offset => Some(offset.parse().ok()?),
        };
        let until = ReplicationId::parse(parts.next()?.as_bytes())?;
        parts
            .next()
            .is_none()
            .then_some(Claim { id, offset, until })
    }
}

/// Replicas that are remembered; who is served beyond is not.
const SERVED_MAX: usize = 1024;

/// Replicas that this node has given its data since it started, by where they take
/// clients. One of these that comes with another history has left and been changed
/// by its own operator: it has nothing that this node has lost.
#[derive(Debug, Default)]
pub(super) struct Served(BTreeSet<(String, u16)>);

impl Served {
    pub(super) fn note(&mut self, ip: &str, port: u16) {
        if self.0.len() < SERVED_MAX && port != 0 {
            self.0.insert((ip.to_owned(), port));
        }
    }

    pub(super) fn has(&self, ip: &str, port: u16) -> bool {
        self.0.contains(&(ip.to_owned(), port))
    }
}
