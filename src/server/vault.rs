//! This core's keyspace, and who waits while it is lent.
//!
//! Whoever finds the keyspace away, or others waiting, gets in line; the line
//! is served in order when it comes home. So a loan is never overtaken for
//! ever, and a batch never overtakes an earlier one of its sender.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::keyspace::Keyspace;
use crate::session::SessionId;

use super::letter::{Batch, Question};

/// Somebody in line.
pub(super) enum Waiter {
    /// Requests of another core.
    Batch { from: usize, batch: Box<Batch> },
    /// A session whose next request needs this keyspace.
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
}

/// See the module.
pub(super) struct Vault {
    keyspace: Option<Box<Keyspace>>,
    line: VecDeque<Waiter>,
}

impl Vault {
    pub(super) fn new(keyspace: Box<Keyspace>) -> Vault {
        Vault {
            keyspace: Some(keyspace),
            line: VecDeque::new(),
        }
    }

    /// The keyspace, for one who need not wait in line.
    pub(super) fn open(&mut self) -> Option<&mut Keyspace> {
        if self.line.is_empty() {
            self.keyspace.as_deref_mut()
        } else {
            None
        }
    }

    /// The keyspace, wherever the line stands: for housekeeping and for the
    /// one whose turn it is.
    pub(super) fn at_home(&mut self) -> Option<&mut Keyspace> {
        self.keyspace.as_deref_mut()
    }

    /// Gets in line.
    pub(super) fn wait(&mut self, waiter: Waiter) {
        self.line.push_back(waiter);
    }

    /// The next in line, if the keyspace is here for it.
    pub(super) fn next(&mut self) -> Option<Waiter> {
        self.keyspace.as_ref()?;
        self.line.pop_front()
    }

    /// Gives the keyspace away.
    pub(super) fn take(&mut self) -> Box<Keyspace> {
        self.keyspace
            .take()
            .expect("only a keyspace at home is lent")
    }

    /// Takes the keyspace back.
    pub(super) fn put(&mut self, keyspace: Box<Keyspace>) {
        assert!(self.keyspace.is_none(), "there is one keyspace per core");
        self.keyspace = Some(keyspace);
    }
}
