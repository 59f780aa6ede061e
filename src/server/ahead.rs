//! Decode ahead, find rows and keys, prefetch: what happens to requests before
//! the first of them runs.
//!
//! Up to `AHEAD` whole requests are decoded before the first runs, so that the
//! buckets and entries of all of them are on their way from memory meanwhile.

use crate::base::{HashKey, keyed_hash, slot_of};
use crate::command::{Entry, First, KeyPlan};
use crate::keyspace::{Database, Key};
use crate::resp::{Args, Decoded, Limits, ProtocolFault};
use crate::session::SessionId;

use super::core::Work;

/// Requests decoded ahead of the first that runs, at most.
const AHEAD: u8 = 32;

/// Places of words for which room is kept: a request of a hundred thousand gives
/// its two megabytes back when the next one comes.
const SPANS_KEPT: usize = 4096;

/// Words of one request, as stock counts them; `client-query-buffer-limit` is
/// met long before.
const WORDS_MAX: i64 = i32::MAX as i64;

/// A decoded request that has not run.
#[derive(Clone, Copy)]
pub(super) struct Staged {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) first_span: usize,
    pub(super) spans: usize,
    pub(super) entry: Option<&'static Entry>,
    pub(super) first: Option<First>,
}

/// What ended a run of decoding.
pub(super) enum Ahead {
    /// The batch is full, or the rest is not a whole request.
    Staged,
    /// Nothing staged: this many bytes are needed.
    Incomplete(usize),
    /// Nothing staged: an inline request of so many bytes.
    Inline(usize, Vec<Vec<u8>>),
    /// Nothing staged: the bytes break the protocol.
    Fault(ProtocolFault),
}

impl Work {
    /// What the protocol allows this session.
    pub(super) fn limits(&mut self, id: SessionId) -> Option<Limits> {
        let live = &self.local.live;
        let client = &self.local.roster.find(id)?.client;
        let (bulk_bytes_max, query_bytes_max) = if client.is_obeyed() {
            // Its commands are as large as its clients'.
            (u64::from(u32::MAX), u64::from(u32::MAX))
        } else {
            (live.proto_max_bulk_len, live.query_buffer_limit)
        };
        Some(Limits {
            bulk_bytes_max,
            query_bytes_max,
            multibulk_max: WORDS_MAX,
            authenticated: client.is_trusted(live),
        })
    }

    pub(super) fn decode_ahead(&mut self, id: SessionId, bytes: &[u8]) -> Ahead {
        let (Some(limits), Some(session)) = (self.limits(id), self.local.roster.find(id)) else {
            return Ahead::Incomplete(0);
        };
        let ahead = if limits.authenticated {
            session.ahead
        } else {
            1
        };
        session.ahead = AHEAD.min(ahead * 2);
        self.spans.clear();
        self.spans.shrink_to(SPANS_KEPT);
        self.staged.clear();
        let mut at = 0;
        while self.staged.len() < usize::from(ahead) && at < bytes.len() {
            let first_span = self.spans.len();
            match session
                .decoder
                .decode(&bytes[at..], &mut self.spans, &limits)
            {
                Ok(Decoded::Request { consumed }) => {
                    self.staged.push(Staged {
                        start: at,
                        end: at + consumed,
                        first_span,
                        spans: self.spans.len() - first_span,
                        entry: None,
                        first: None,
                    });
                    at += consumed;
                }
                Ok(Decoded::Empty { consumed }) if self.staged.is_empty() => {
                    return Ahead::Inline(at + consumed, Vec::new());
                }
                Ok(Decoded::Inline { consumed, args }) if self.staged.is_empty() => {
                    return Ahead::Inline(at + consumed, args);
                }
                Ok(Decoded::Incomplete { wanted_total }) if self.staged.is_empty() => {
                    return Ahead::Incomplete(wanted_total);
                }
                Err(fault) if self.staged.is_empty() => return Ahead::Fault(fault),
                // What is staged runs first; then this is met again.
                Ok(Decoded::Empty { .. } | Decoded::Inline { .. }) | Err(_) => {
                    session.decoder.reset();
                    break;
                }
                Ok(Decoded::Incomplete { .. }) => {
                    self.spans.truncate(first_span);
                    session.decoder.reset();
                    break;
                }
            }
        }
        if self.staged.is_empty() {
            return Ahead::Incomplete(bytes.len() + 1);
        }
        Ahead::Staged
    }

    /// The session has to wait at the last of so many requests. What is behind that is
    /// decoded again, so next time it is not decoded before.
    pub(super) fn look_less_ahead(&mut self, id: SessionId, ran: usize) {
        if let Some(session) = self.local.roster.find(id) {
            session.ahead = session.ahead.min(ran as u8);
        }
    }

    /// Finds rows and keys of what is staged, and prefetches.
    pub(super) fn look_up(&mut self, bytes: &[u8]) {
        let table = self.local.table;
        for staged in &mut self.staged {
            let spans = &self.spans[staged.first_span..staged.first_span + staged.spans];
            let args = Args::new(&bytes[staged.start..staged.end], spans);
            staged.entry = table.find(args);
            if let Some(entry) = staged.entry
                && let KeyPlan::One(index) = entry.keys
                && usize::from(index) < args.len()
            {
                staged.first = Some(first(&self.hash_key, args, usize::from(index)));
            }
        }
        if self.staged.len() > 1 {
            self.prefetch();
        }
    }

    fn prefetch(&mut self) {
        let placement = self.local.placement;
        let me = self.local.core;
        let Some(keyspace) = self.vault.keyspace() else {
            return;
        };
        let mine = self
            .staged
            .iter()
            .filter_map(|staged| staged.first)
            .filter(|first| placement.core_of(first.slot) == me);
        // The selected database is nearly always 0; a wrong guess costs a few
        // useless loads and nothing else.
        prefetch(keyspace.db(0), mine);
    }
}

/// So many keys of one request are prefetched.
const SOON_KEYS: usize = 4;

/// Keys of this core that one request will use.
pub(super) struct Soon {
    database: usize,
    firsts: [Option<First>; SOON_KEYS],
}

impl Work {
    /// The first of these keys.
    pub(super) fn soon(&self, database: usize, keys: Option<Args<'_>>) -> Soon {
        let mut firsts = [None; SOON_KEYS];
        if let Some(keys) = keys {
            for (index, place) in (0..keys.len()).zip(&mut firsts) {
                let found = first(&self.hash_key, keys, index);
                let is_here = self.local.placement.core_of(found.slot) == self.local.core;
                *place = is_here.then_some(found);
            }
        }
        Soon { database, firsts }
    }

    /// Asks memory for one step of the way to them; the caller has something else to do
    /// before the next.
    pub(super) fn ask_memory(&mut self, soon: &Soon, step: fn(&Database, Key<'static>)) {
        if let Some(keyspace) = self.vault.keyspace() {
            let database = keyspace.db(soon.database);
            let firsts = soon.firsts.iter().flatten();
            firsts.for_each(|first| step(database, first.bare()));
        }
    }
}

/// Word `index` as a key: its place, hashed once for the whole way.
pub(super) fn first(hash_key: &HashKey, args: Args<'_>, index: usize) -> First {
    let key = args.get(index);
    First {
        index,
        slot: slot_of(key),
        hash: keyed_hash(hash_key, key),
    }
}

/// Asks memory for what a batch of keys will touch, stage by stage: while one
/// key's line is on its way, the next is asked for.
pub(super) fn prefetch(database: &Database, firsts: impl Iterator<Item = First> + Clone) {
    for first in firsts.clone() {
        database.prefetch_slot(first.bare());
    }
    for first in firsts.clone() {
        database.prefetch_bucket(first.bare());
    }
    for first in firsts {
        database.prefetch_entry(first.bare());
    }
}
