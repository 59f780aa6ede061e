//! What parts of commands that run at several cores have read and written here,
//! until they have run everywhere.
//!
//! A part runs where its keys are, and another part of the same command may
//! still be on its way. Who sees a key between the two may not say so to
//! anybody before the other has run. So a part leaves its stamp at its keys'
//! slots, and whatever runs there later learns how far all must have come
//! before its reply goes out. Stamps of what has run everywhere stay and mean
//! nothing: nobody has to take them away.

/// Slots of a node.
const SLOTS: usize = 16384;

/// See the module.
#[derive(Debug, Default)]
pub struct Marks {
    /// The latest stamp of a part that ran here; zero before the first.
    newest: u64,
    /// What holds for every key: a command with several keys may have carried
    /// something from one to another.
    spread: u64,
    /// By slot; empty before the first part.
    slots: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    wrote: u64,
    read: u64,
}

impl Marks {
    /// The latest stamp of a part that ran here; zero if there is none.
    #[inline]
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The latest stamp that something at a key of this slot depends on: on who
    /// wrote there, and if it writes also on who read.
    #[must_use]
    pub fn at(&self, slot: u16, writes: bool) -> u64 {
        let mark = self.slots.get(usize::from(slot));
        let mark = mark.copied().unwrap_or_default();
        let read = if writes { mark.read } else { 0 };
        self.spread.max(mark.wrote).max(read)
    }

    /// A part with this stamp runs here, at a key of this slot.
    pub fn leave(&mut self, stamp: u64, slot: u16, writes: bool) {
        debug_assert!(stamp >= self.newest, "parts run in the order of stamps");
        self.newest = stamp;
        if self.slots.is_empty() {
            self.slots = vec![Mark::default(); SLOTS];
        }
        let mark = &mut self.slots[usize::from(slot)];
        if writes {
            mark.wrote = stamp;
        } else {
            mark.read = stamp;
        }
    }

    /// Who wrote at a key of this slot depends on something up to this stamp: whoever
    /// reads it there does so, too.
    pub fn hand_on(&mut self, stamp: u64, slot: u16) {
        if let Some(mark) = self.slots.get_mut(usize::from(slot)) {
            mark.wrote = mark.wrote.max(stamp);
        }
    }

    /// Something that may have read any key may have written any.
    pub fn spread(&mut self) {
        self.spread = self.newest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_depends_on_writers_and_who_writes_on_readers_too() {
        let mut marks = Marks::default();
        assert_eq!((marks.newest(), marks.at(7, true)), (0, 0));
        marks.leave(3, 7, true);
        marks.leave(5, 7, false);
        assert_eq!((marks.at(7, false), marks.at(7, true)), (3, 5));
        assert_eq!((marks.at(8, true), marks.newest()), (0, 5));
    }

    #[test]
    fn who_reads_depends_on_what_a_writer_before_it_depended_on() {
        let mut marks = Marks::default();
        marks.leave(5, 7, false);
        assert_eq!(marks.at(7, false), 0);
        let until = marks.at(7, true);
        marks.hand_on(until, 7);
        assert_eq!((marks.at(7, false), marks.at(8, false)), (5, 0));
        marks.leave(6, 7, true);
        marks.hand_on(5, 7);
        assert_eq!(marks.at(7, false), 6, "it is never less");
    }

    #[test]
    fn what_spreads_holds_for_every_key() {
        let mut marks = Marks::default();
        marks.leave(3, 7, false);
        marks.spread();
        marks.leave(4, 9, true);
        assert_eq!((marks.at(8, false), marks.at(9, false)), (3, 4));
    }
}
