//! Members and scores as replies: flat in RESP2, pairs in RESP3.

use crate::resp::{Reply, Version};

/// What is told of each member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Listed {
    Members,
    /// Member and score; in RESP3 as a pair.
    WithScores,
    /// Member and score as a pair, in either protocol.
    Pairs,
    /// Member and score without a list around them.
    Bare,
}

/// A list of members that is being written.
pub(super) struct Members<'r, 'o> {
    reply: &'r mut Reply<'o>,
    listed: Listed,
}

impl<'r, 'o> Members<'r, 'o> {
    /// Begins a list of `len` members.
    pub(super) fn begin(reply: &'r mut Reply<'o>, len: usize, listed: Listed) -> Self {
        match (listed, reply.version()) {
            (Listed::Bare, _) => {}
            (Listed::WithScores, Version::Two) => reply.array(len * 2),
            (Listed::Members | Listed::WithScores | Listed::Pairs, _) => reply.array(len),
        }
        Self { reply, listed }
    }

    /// Bytes of the reply so far.
    pub(super) fn len_so_far(&self) -> usize {
        self.reply.len_so_far()
    }

    pub(super) fn add(&mut self, score: f64, member: &[u8]) {
        match (self.listed, self.reply.version()) {
            (Listed::Pairs, _) | (Listed::WithScores, Version::Three) => self.reply.array(2),
            (Listed::Members | Listed::Bare, _) | (Listed::WithScores, Version::Two) => {}
        }
        self.reply.bulk(member);
        if self.listed != Listed::Members {
            self.reply.double(score);
        }
    }
}
