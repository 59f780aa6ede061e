//! Letters with a stamp, run in the order of their stamps, the same at every
//! core.
//!
//! A letter runs when everything with a lower stamp is known to be here: each
//! other core has one with a higher stamp in line, or has said from which of
//! its stamps on letters may be on their way (`Postbox::posted_below`), before
//! its mailbox was read to its end. Letters of one sender keep their order, so
//! those without a stamp wait behind those with one.

use std::collections::VecDeque;

use super::letter::Letter;

/// See the module.
pub(super) struct Sequence {
    me: usize,
    /// By sender; the control core's is the last.
    lines: Vec<VecDeque<(u64, Letter)>>,
    /// By sender: all of its letters with a stamp below this are here.
    in_hand: Vec<u64>,
    waiting: usize,
    /// A sender's mail was not read to its end: more may be known by that.
    pub(super) has_unread: bool,
}

impl Sequence {
    /// For core `me` of so many.
    pub(super) fn new(me: usize, cores: usize) -> Sequence {
        Sequence {
            me,
            lines: (0..=cores).map(|_| VecDeque::new()).collect(),
            in_hand: vec![0; cores],
            waiting: 0,
            has_unread: false,
        }
    }

    /// Whether nobody waits for its place.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Whether a letter of this core to itself can run now.
    pub(super) fn has_own_next(&self) -> bool {
        self.waiting > 0
            && self.lines[self.me]
                .front()
                .is_some_and(|(stamp, _)| *stamp == 0)
    }

    /// Puts a letter in line if it has to wait for its place; gives it back if
    /// it may run.
    pub(super) fn keep_back(&mut self, from: usize, letter: Letter) -> Option<Letter> {
        let stamp = match &letter {
            Letter::Batch(batch) => batch.stamp,
            Letter::Borrow { stamp, .. } => *stamp,
            Letter::Ask { .. } | Letter::RunScript(_) | Letter::Lead(_) => 0,
            // These are answers, or concern no data.
            _ => return Some(letter),
        };
        if stamp == 0 && self.lines[from].is_empty() {
            return Some(letter);
        }
        self.stand(from, stamp, letter);
        None
    }

    /// Puts a letter in line.
    pub(super) fn stand(&mut self, from: usize, stamp: u64, letter: Letter) {
        let line = &mut self.lines[from];
        debug_assert!(
            stamp == 0 || line.iter().all(|(before, _)| *before <= stamp),
            "a core posts its stamps in their order"
        );
        line.push_back((stamp, letter));
        self.waiting += 1;
    }

    /// Whether more must be known of a sender: its mailbox is to be read.
    pub(super) fn asks_for(&self, from: usize) -> bool {
        from != self.me && self.lines[from].is_empty()
    }

    /// All letters of a sender with a stamp below this are here.
    pub(super) fn learn(&mut self, from: usize, below: u64) {
        self.in_hand[from] = self.in_hand[from].max(below);
    }

    /// The next letter whose turn it is.
    pub(super) fn next(&mut self) -> Option<(usize, Letter)> {
        if self.is_empty() {
            return None;
        }
        let firsts = self.lines.iter().enumerate();
        let firsts = firsts.filter_map(|(from, line)| Some((line.front()?.0, from)));
        let (stamp, from) = firsts.min()?;
        let cores = self.in_hand.iter().enumerate();
        let is_next = stamp == 0
            || cores.into_iter().all(|(other, below)| {
                other == self.me || !self.lines[other].is_empty() || *below > stamp
            });
        if !is_next {
            return None;
        }
        let (_, letter) = self.lines[from].pop_front()?;
        self.waiting -= 1;
        Some((from, letter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn borrow(loan: u64, stamp: u64) -> Letter {
        Letter::Borrow { loan, stamp }
    }

    fn next(sequence: &mut Sequence) -> Option<(usize, u64)> {
        let (from, letter) = sequence.next()?;
        match letter {
            Letter::Borrow { loan, .. } => Some((from, loan)),
            _ => None,
        }
    }

    #[test]
    fn letters_run_in_the_order_of_stamps_when_all_lower_ones_are_here() {
        let mut sequence = Sequence::new(0, 3);
        assert!(sequence.keep_back(1, borrow(10, 5)).is_none());
        assert_eq!(next(&mut sequence), None, "core 2 may have a lower one");
        assert!(sequence.keep_back(2, borrow(20, 4)).is_none());
        assert_eq!(next(&mut sequence), Some((2, 20)));
        assert_eq!(next(&mut sequence), None);
        sequence.learn(2, 5);
        assert_eq!(
            next(&mut sequence),
            None,
            "5 may be on its way, for all we know"
        );
        sequence.learn(2, 6);
        assert_eq!(next(&mut sequence), Some((1, 10)));
        assert!(sequence.is_empty());
    }

    #[test]
    fn who_has_no_stamp_waits_behind_its_sender_only() {
        let mut sequence = Sequence::new(0, 2);
        assert!(sequence.keep_back(1, borrow(10, 0)).is_some());
        assert!(sequence.keep_back(1, borrow(11, 7)).is_none());
        assert!(sequence.keep_back(1, borrow(12, 0)).is_none());
        sequence.stand(0, 0, borrow(1, 0));
        assert_eq!(next(&mut sequence), Some((0, 1)));
        // Nobody else is there to have a lower stamp.
        assert_eq!(next(&mut sequence), Some((1, 11)));
        assert_eq!(next(&mut sequence), Some((1, 12)));
    }
}
