//! How far a stream has been applied by all cores together.

use std::collections::VecDeque;

/// See the module.
#[derive(Debug, Default)]
pub struct Progress {
    given: VecDeque<Given>,
}

/// A part of the stream that has been dealt out.
#[derive(Debug)]
struct Given {
    /// The offset of its last byte.
    end: u64,
    /// Cores that have not run what they have of it, one bit each.
    missing: u64,
}

impl Progress {
    /// The next part, up to this offset, was given to these cores, one bit each. If that
    /// is all applied now, up to where.
    pub fn on_given(&mut self, end: u64, cores: u64) -> Option<u64> {
        let missing = cores;
        self.given.push_back(Given { end, missing });
        self.settle()
    }

    /// A core has run what it has up to this offset. If more is applied by all now, up
    /// to where.
    pub fn on_applied(&mut self, core: usize, end: u64) -> Option<u64> {
        for given in self.given.iter_mut().take_while(|given| given.end <= end) {
            given.missing &= !(1 << core);
        }
        self.settle()
    }

    fn settle(&mut self) -> Option<u64> {
        let mut applied = None;
        while let Some(given) = self.given.pop_front_if(|given| given.missing == 0) {
            applied = Some(given.end);
        }
        applied
    }
}
