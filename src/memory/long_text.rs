//! A long text, and a cut of it: what it was at a moment, kept some pages at a time while it
//! changes in places, grows, or goes somewhere else.
//!
//! Whoever changes bytes hands the pages they are in on *aside*, under their numbers, unless they
//! are kept; the walk has the pages in their order, and says where those belong.

use std::collections::BTreeSet;
use std::ops::{Deref, Range};

use super::cut::{Taking, Walked};

/// Bytes of a page.
const PAGE: usize = if cfg!(test) { 1 << 10 } else { 64 << 10 };

/// Takes the pages of one text as they were at a cut.
pub trait KeepPages: Send {
    /// Takes the next page.
    fn keep(&mut self, page: &[u8]);
    /// Takes a page before its turn.
    fn aside(&mut self, number: u32, page: &[u8]);
    /// It is the turn of the page that was taken under this number.
    fn recall(&mut self, number: u32);
    /// The walk begins: most comes now.
    fn begin_walk(&mut self);
    /// Whether the walk goes on. Who changes the text does not ask.
    fn taking(&self) -> Taking;
    /// Those were all.
    fn end(self: Box<Self>);
}

/// See the module. A copy has no cut.
#[derive(Default)]
pub struct LongText {
    bytes: Vec<u8>,
    cut: Option<Box<TextCut>>,
}

struct TextCut {
    /// The pages that there were, and the one whose turn it is.
    pages: u32,
    next: u32,
    /// Bytes that there were.
    len: usize,
    aside: BTreeSet<u32>,
    is_walked: bool,
    to: Box<dyn KeepPages>,
}

impl TextCut {
    fn page<'t>(&self, bytes: &'t [u8], number: u32) -> &'t [u8] {
        let start = number as usize * PAGE;
        &bytes[start..self.len.min(start + PAGE)]
    }

    /// Keeps what is not kept of some bytes.
    #[cold]
    #[inline(never)]
    fn keep(&mut self, bytes: &[u8], changes: Range<usize>) {
        let end = changes.end.min(self.len).div_ceil(PAGE) as u32;
        let start = (changes.start / PAGE).min(end as usize) as u32;
        for number in self.next.max(start)..end {
            if self.aside.insert(number) {
                self.to.aside(number, self.page(bytes, number));
            }
        }
    }

    /// Keeps the next page; `false` if there is none.
    fn step(&mut self, bytes: &[u8]) -> bool {
        if self.next == self.pages {
            return false;
        }
        if !self.is_walked {
            self.is_walked = true;
            self.to.begin_walk();
        }
        if self.aside.remove(&self.next) {
            self.to.recall(self.next);
        } else {
            self.to.keep(self.page(bytes, self.next));
        }
        self.next += 1;
        true
    }
}

impl From<Vec<u8>> for LongText {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, cut: None }
    }
}

impl Deref for LongText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Clone for LongText {
    fn clone(&self) -> Self {
        self.bytes.clone().into()
    }
}

impl std::fmt::Debug for LongText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("LongText").field(&self.len()).finish()
    }
}

impl LongText {
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The text, to be changed in these places, and behind its end.
    #[inline]
    pub fn changing(&mut self, changes: Range<usize>) -> &mut Vec<u8> {
        if let Some(cut) = &mut self.cut {
            cut.keep(&self.bytes, changes);
        }
        &mut self.bytes
    }

    /// Makes a cut now. One before is given up.
    pub fn begin_cut(&mut self, to: Box<dyn KeepPages>) {
        let len = self.bytes.len();
        self.cut = Some(Box::new(TextCut {
            pages: len.div_ceil(PAGE) as u32,
            next: 0,
            len,
            aside: BTreeSet::new(),
            is_walked: false,
            to,
        }));
    }

    /// Whether there is a cut that is not kept whole.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether more is wanted of the cut; `None` without one.
    pub fn taking(&self) -> Option<Taking> {
        Some(self.cut.as_ref()?.to.taking())
    }

    /// Keeps the next few pages, if more is taken now.
    pub fn walk_cut(&mut self, pages: usize) -> Walked {
        let may_go_on = Walked::by(self.taking());
        if may_go_on == Walked::Over {
            self.cut = None;
        }
        if may_go_on != Walked::GoesOn {
            return may_go_on;
        }
        for _ in 0..pages {
            if !self.walk_one() {
                return Walked::Over;
            }
        }
        Walked::GoesOn
    }

    /// Keeps the next page; `false` when that was the last, and the cut has ended.
    fn walk_one(&mut self) -> bool {
        let Some(cut) = &mut self.cut else {
            return false;
        };
        if cut.step(&self.bytes) {
            return true;
        }
        if let Some(cut) = self.cut.take() {
            cut.to.end();
        }
        false
    }

    /// The last resort: whoever throws away a text that has a cut lets it be walked before.
    #[cold]
    fn keep_rest(&mut self) {
        if self.taking() == Some(Taking::NoMore) {
            self.cut = None;
        }
        while self.walk_one() {}
    }
}

impl Drop for LongText {
    #[inline]
    fn drop(&mut self) {
        if self.is_cut() {
            self.keep_rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::base::Random;

    #[derive(Default)]
    struct Kept {
        bytes: Vec<u8>,
        aside: BTreeMap<u32, Vec<u8>>,
        has_ended: bool,
    }

    struct Keeper(Arc<Mutex<Kept>>);

    impl KeepPages for Keeper {
        fn keep(&mut self, page: &[u8]) {
            self.0
                .lock()
                .expect("no test panics with it")
                .bytes
                .extend(page);
        }

        fn aside(&mut self, number: u32, page: &[u8]) {
            let twice = self
                .0
                .lock()
                .expect("no test panics with it")
                .aside
                .insert(number, page.to_vec());
            assert!(twice.is_none(), "a page is kept once");
        }

        fn recall(&mut self, number: u32) {
            let kept = &mut *self.0.lock().expect("no test panics with it");
            kept.bytes
                .extend(kept.aside.remove(&number).expect("it came aside"));
        }

        fn begin_walk(&mut self) {}

        fn taking(&self) -> Taking {
            Taking::Now
        }

        fn end(self: Box<Self>) {
            self.0.lock().expect("no test panics with it").has_ended = true;
        }
    }

    #[test]
    fn what_is_kept_is_what_there_was_whatever_changes() {
        let mut dice = Random::new(3);
        for round in 0..if cfg!(miri) { 5 } else { 500 } {
            let len = dice.below(40 * PAGE as u64);
            let bytes: Vec<u8> = (0..len).map(|_| dice.next() as u8).collect();
            let mut text = LongText::from(bytes.clone());
            let kept = Arc::new(Mutex::new(Kept::default()));
            text.begin_cut(Box::new(Keeper(Arc::clone(&kept))));
            let pace = dice.below(20);
            while text.is_cut() {
                for _ in 0..pace {
                    let at = dice.below(text.len() as u64 + 1) as usize;
                    let most = [10, 3_000, 100_000][dice.below(3) as usize];
                    let end = text.len().min(at + dice.below(most) as usize);
                    text.changing(at..end)[at..end].fill(dice.next() as u8);
                    match dice.below(50) {
                        0 => text.changing(0..usize::MAX).clear(),
                        1 => *text.changing(0..usize::MAX) = vec![1; 5_000],
                        _ => text.changing(0..0).push(7),
                    }
                }
                match dice.below(100) {
                    0 => text = LongText::default(),
                    1 => drop(text.clone()),
                    _ => drop(text.walk_cut(1)),
                }
            }
            let kept = kept.lock().expect("no test panics with it");
            assert!(kept.has_ended && kept.aside.is_empty(), "{round}");
            assert!(kept.bytes == bytes, "{round}");
        }
    }
}
