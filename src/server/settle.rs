//! What may not be told yet, and what may not run yet, because something at
//! several cores has run at some of them only.
//!
//! Whatever runs at a key that a part has read or written learns from the marks
//! there (`shard::Marks`) up to which stamp all must have run everywhere. It
//! runs at once; its reply waits. Loans wait with their shards in hand instead:
//! what they do may carry anything anywhere.

use crate::session::{Gap, SessionId};
use crate::shard::Shard;

use super::core::Work;
use super::letter::{Letter, Served};
use super::serve::is_muted;

/// See the module.
pub(super) struct Settling {
    /// Everything with a stamp below this has run everywhere: what was known
    /// when this core looked last.
    finished: u64,
    replies: Vec<(u64, SessionId, Gap, Vec<u8>)>,
    answers: Vec<Served>,
    /// Loans of this core that have their shards.
    pub(super) loans: Vec<u64>,
    /// This core is told when others have posted or finished something.
    is_watching: bool,
    /// It has said that it waits, and must look once more before it sleeps.
    pub(super) looks_again: bool,
}

impl Default for Settling {
    fn default() -> Settling {
        Settling {
            // Zero is the stamp of what has none.
            finished: 1,
            replies: Vec::new(),
            answers: Vec::new(),
            loans: Vec::new(),
            is_watching: false,
            looks_again: false,
        }
    }
}

impl Settling {
    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.replies.is_empty() && self.answers.is_empty() && self.loans.is_empty()
    }

    /// An answer to a blocked request that waits for its moment.
    pub(super) fn keep_answer(&mut self, served: Served) {
        self.answers.push(served);
    }

    /// Others have posted or finished something.
    pub(super) fn is_told(&mut self) {
        self.is_watching = false;
    }
}

impl Work {
    /// Whether everything up to this stamp has run everywhere.
    #[inline]
    pub(super) fn has_finished(&mut self, stamp: u64) -> bool {
        stamp < self.settling.finished || {
            self.settling.finished = self.post.finished_below();
            stamp < self.settling.finished
        }
    }

    /// What something depends on that runs now at a key of this slot, or at
    /// any keys: a stamp, or zero.
    #[inline]
    pub(super) fn depends_on(&mut self, slot: Option<u16>, writes: bool) -> u64 {
        let shard = self.vault.at_home();
        let newest = shard.map_or(0, |shard| shard.marks.newest());
        if newest < self.settling.finished {
            0
        } else {
            self.depends_on_marks(slot, writes)
        }
    }

    #[cold]
    fn depends_on_marks(&mut self, slot: Option<u16>, writes: bool) -> u64 {
        let Some(shard) = self.vault.at_home() else {
            return 0;
        };
        let until = match slot {
            Some(slot) => shard.marks.at(slot, writes),
            None => shard.marks.newest(),
        };
        if self.has_finished(until) {
            return 0;
        }
        let shard = self.vault.at_home().filter(|_| writes);
        if let Some(shard) = shard {
            match slot {
                Some(slot) => shard.marks.hand_on(until, slot),
                None => shard.marks.spread(),
            }
        }
        until
    }

    /// Something that only reads keys of several slots has left effects all the same, of
    /// keys whose time had come: what it depends on, whoever writes there does.
    #[cold]
    pub(super) fn spread_marks(&mut self) {
        if let Some(shard) = self.vault.at_home() {
            shard.marks.spread();
        }
    }

    /// The same for what may see and change anything of the shards in hand.
    pub(super) fn depends_wholly(&mut self, lent: Option<&[Option<Box<Shard>>]>) -> u64 {
        let Some(lent) = lent else {
            return self.depends_on(None, true);
        };
        // A loan runs when nothing is unfinished.
        let newest = lent.iter().flatten().map(|shard| shard.marks.newest());
        debug_assert!(newest.max().is_none_or(|newest| self.has_finished(newest)));
        0
    }

    /// The same for a part with this stamp, which leaves its marks.
    pub(super) fn mark_part(&mut self, stamp: u64, slots: &[u16], writes: bool) -> u64 {
        let Some(shard) = self.vault.at_home() else {
            return 0;
        };
        let mut until = 0;
        for slot in slots {
            until = until.max(shard.marks.at(*slot, writes));
        }
        for slot in slots {
            shard.marks.leave(stamp, *slot, writes);
        }
        // The same stamp is of a part before this one in its box: another
        // command of the same core, which has the last word on both.
        if until == 0 || self.has_finished(until) {
            0
        } else {
            until
        }
    }

    /// The same for a transaction's part with this stamp, whose commands have keys of
    /// these slots, each with whether it writes there.
    pub(super) fn mark_exec_part(&mut self, stamp: u64, keys: &[(u16, bool)]) -> u64 {
        let Some(shard) = self.vault.at_home() else {
            return 0;
        };
        let marks = &mut shard.marks;
        let before = keys.iter().map(|(slot, writes)| marks.at(*slot, *writes));
        let until = before.max().unwrap_or(0);
        for (slot, writes) in keys {
            marks.leave(stamp, *slot, *writes);
        }
        if until == 0 || self.has_finished(until) {
            0
        } else {
            until
        }
    }

    /// Fills a gap as soon as everything up to a stamp has run.
    pub(super) fn fill_settled(&mut self, until: u64, id: SessionId, gap: Gap, reply: &[u8]) {
        if until == 0 || self.has_finished(until) {
            self.fill_gap(id, gap, reply);
        } else {
            let kept = (until, id, gap, reply.to_vec());
            self.settling.replies.push(kept);
        }
    }

    /// Fills a gap; the session may take more requests by that.
    fn fill_gap(&mut self, id: SessionId, gap: Gap, reply: &[u8]) {
        use crate::session::Stage;
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        session.outbox.fill(gap, reply);
        if session.outbox.is_clearing() && session.stage == Stage::Open && !session.inbox.is_empty()
        {
            self.resumed.push(id);
        }
        self.mark_dirty(id);
    }

    /// Puts a finished reply in line that may not be told yet.
    #[cold]
    pub(super) fn give_settled(
        &mut self,
        until: u64,
        id: SessionId,
        mut out: Vec<u8>,
        before: usize,
    ) {
        let Some(session) = self.local.roster.find(id) else {
            return;
        };
        let reply = out.split_off(before);
        session.outbox.restore(out);
        // Also for a reply that is not told: what stands behind it must not be, before.
        let gap = session.outbox.leave_gap();
        let is_muted = is_muted(&mut session.client.reply_mode);
        self.fill_settled(until, id, gap, if is_muted { &[] } else { &reply });
    }

    /// What may be told is told, and what may run runs.
    pub(super) fn settle(&mut self) {
        if self.settling.is_idle() {
            return;
        }
        for (until, id, gap, reply) in std::mem::take(&mut self.settling.replies) {
            self.fill_settled(until, id, gap, &reply);
        }
        for served in std::mem::take(&mut self.settling.answers) {
            self.on_served(served);
        }
        self.run_settled_loans();
    }

    /// Has this core told of what it waits for, if it does.
    pub(super) fn watch_if_waiting(&mut self) {
        let waits = !self.sequence.is_empty() || !self.settling.is_idle();
        let says_so = waits && !self.settling.is_watching;
        let has_unread = !self.sequence.is_empty() && self.sequence.has_unread;
        self.settling.looks_again = says_so || has_unread;
        if says_so {
            self.post.watch();
            self.settling.is_watching = true;
        }
    }

    /// Tells those who wait that something was posted or has finished.
    pub(super) fn tell_watchers(&mut self) {
        let watchers = self.post.take_watchers();
        let me = self.local.core;
        for core in (0..self.local.placement.cores()).filter(|core| watchers >> core & 1 == 1) {
            if core == me {
                self.settling.is_told();
                self.settling.looks_again = true;
            } else {
                self.post.post(core, Letter::Settled);
            }
        }
    }
}
