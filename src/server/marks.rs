//! How much of the primary's stream is on this node's disk: for its WAITAOF.

use std::collections::VecDeque;

use super::control::Control;

/// Tickets of the journal and offsets of the stream that was applied by then, as far as
/// they are not on disk.
#[derive(Default)]
pub(super) struct Marks(VecDeque<(u64, u64)>);

impl Marks {
    /// The first ticket that was not on disk.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.front().map(|mark| mark.0)
    }

    /// Everything before this ticket is of the stream up to this offset.
    fn push(&mut self, ticket: u64, offset: u64) {
        match self.0.back_mut() {
            Some(last) if last.0 == ticket => last.1 = offset,
            Some(_) | None => self.0.push_back((ticket, offset)),
        }
    }

    /// The last offset that is on disk when this ticket is.
    fn reach(&mut self, ticket: u64) -> Option<u64> {
        let mut reached = None;
        while let Some((_, offset)) = self.0.pop_front_if(|mark| mark.0 <= ticket) {
            reached = Some(offset);
        }
        reached
    }
}

impl Control {
    /// The stream was applied up to this offset.
    pub(super) fn mark_applied(&mut self, offset: u64) {
        if self.settings.is_on("appendonly") {
            let ticket = self.file.journal.feed.last();
            self.upstream.marks.push(ticket, offset);
        } else {
            self.forget_marks();
        }
    }

    /// The data is another, or nothing of it goes to disk.
    pub(super) fn forget_marks(&mut self) {
        self.upstream.marks = Marks::default();
        self.upstream.follower.on_disk(None);
    }

    /// Tells the primary how much is on disk.
    pub(super) fn look_at_marks(&mut self) {
        let synced = self.synced();
        let offset = synced.and_then(|synced| self.upstream.marks.reach(synced));
        if offset.is_some() {
            self.upstream.follower.on_disk(offset);
        }
    }

    /// The last ticket that is on disk; none while that needs a first base, whose coming
    /// rings.
    pub(super) fn synced(&self) -> Option<u64> {
        let is_new = self.persistence.aof_is_new.read() == 1;
        (!is_new).then(|| self.file.journal.synced.number())
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;

    #[test]
    fn offsets_are_reached_with_the_tickets_before_which_they_were_applied() {
        let mut marks = Marks::default();
        assert_eq!(marks.reach(100), None);
        marks.push(3, 10);
        // Nothing was recorded in between.
        marks.push(3, 12);
        marks.push(7, 40);
        assert_eq!(marks.first(), Some(3));
        assert_eq!(marks.reach(2), None);
        assert_eq!(marks.reach(6), Some(12));
        assert_eq!(marks.reach(6), None);
        marks.push(9, 50);
        assert_eq!(marks.reach(9), Some(50));
        assert_eq!(marks.first(), None);
    }
}
