//! This core's shard, and who waits while it is lent.
//!
//! Whoever finds the shard away, or others waiting, gets in line; the line
//! is served in order when it comes home. So a loan is never overtaken for
//! ever, and a batch never overtakes an earlier one of its sender.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::keyspace::Keyspace;
use crate::session::SessionId;
use crate::shard::{Observer, Shard};

use super::letter::{Batch, Decision, Question};

/// Somebody in line.
pub(super) enum Waiter {
    /// Requests of another core.
    Batch { from: usize, batch: Box<Batch> },
    /// A session whose next request needs this shard.
    Session(SessionId),
    /// Another core's loan.
    Borrow { from: usize, loan: u64 },
    /// A loan of this core's own.
    Own { loan: u64 },
    /// A part to be run.
    Ask {
        from: usize,
        ask: u64,
        request: Arc<Question>,
    },
    /// A request that this core decides on.
    Lead {
        home: usize,
        decision: Box<Decision>,
    },
    /// Somebody does not observe keys of this shard any more.
    Forget(Observer),
    /// A request that only replicas get.
    Announce(Vec<Vec<u8>>),
    /// What was loaded for this core.
    Loaded(Box<Keyspace>),
}

/// See the module.
pub(super) struct Vault {
    shard: Option<Box<Shard>>,
    line: VecDeque<Waiter>,
}

impl Vault {
    pub(super) fn new(shard: Box<Shard>) -> Vault {
        Vault {
            shard: Some(shard),
            line: VecDeque::new(),
        }
    }

    /// The shard, for one who need not wait in line.
    pub(super) fn open(&mut self) -> Option<&mut Shard> {
        if self.line.is_empty() {
            self.shard.as_deref_mut()
        } else {
            None
        }
    }

    /// The shard, wherever the line stands: for housekeeping and for the one
    /// whose turn it is.
    pub(super) fn at_home(&mut self) -> Option<&mut Shard> {
        self.shard.as_deref_mut()
    }

    /// Whether the shard is here.
    pub(super) fn is_home(&self) -> bool {
        self.shard.is_some()
    }

    /// Its keyspace, in the same way.
    pub(super) fn keyspace(&mut self) -> Option<&mut Keyspace> {
        self.at_home().map(|shard| &mut shard.keyspace)
    }

    /// Whether a key of this shard is to be looked at for those who wait.
    pub(super) fn has_ready(&self) -> bool {
        let shard = self.shard.as_deref();
        shard.is_some_and(|shard| shard.observers.has_ready())
    }

    /// The keyspace, to be looked at.
    #[cfg(test)]
    pub(super) fn peek(&self) -> Option<&Keyspace> {
        self.shard.as_deref().map(|shard| &shard.keyspace)
    }

    /// Whether the shard is here and nobody waits for it.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.shard.is_some() && self.line.is_empty()
    }

    /// Gets in line.
    pub(super) fn wait(&mut self, waiter: Waiter) {
        self.line.push_back(waiter);
    }

    /// Everybody in line; who goes on waiting gets in line again.
    pub(super) fn take_line(&mut self) -> VecDeque<Waiter> {
        std::mem::take(&mut self.line)
    }

    /// The next in line, if the shard is here for it.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        self.shard.as_ref()?;
        self.line.pop_front()
    }

    /// Gives the shard away.
    pub(super) fn take(&mut self) -> Box<Shard> {
        self.shard.take().expect("only a shard at home is lent")
    }

    /// Takes the shard back.
    pub(super) fn put(&mut self, shard: Box<Shard>) {
        assert!(self.shard.is_none(), "there is one shard per core");
        self.shard = Some(shard);
    }
}
