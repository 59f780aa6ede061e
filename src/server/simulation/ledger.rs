//! What all clients together have done and seen.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::resp::Value;

use super::history::Transaction;

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    /// How many things have happened: the clock of the history.
    pub(super) moment: u128,
    /// Numbers for values that must be unlike.
    unique: u64,
    /// Transactions that appended to lists and read them.
    pub(super) history: Vec<Transaction>,
    /// Those of which nobody knows whether they ran.
    pub(super) unknown: Vec<Transaction>,
    /// Tokens that may have gone with a client.
    pub(super) tokens_lost: usize,
    /// Watched transfers that got through, and that did not.
    pub(super) watched: (u64, u64),
    /// Where keys were seen that are stepped forward: by client and number.
    pub(super) steps: BTreeMap<(u64, usize), i64>,
    /// All replies of all clients.
    heard: DefaultHasher,
    pub(super) replies: u64,
    /// Replies to what the first client asked.
    pub(super) answers: Vec<Value>,
    /// Rounds for each request of the longest exchange that did not wait, while
    /// all were fair.
    pub(super) longest: u64,
}

impl Ledger {
    pub(super) fn unique(&mut self) -> u64 {
        self.unique += 1;
        self.unique
    }

    /// A client was told something.
    pub(super) fn hear(&mut self, client: u64, reply: &Value) {
        self.replies += 1;
        client.hash(&mut self.heard);
        match reply {
            // INFO and its kin tell of the process, which has other threads.
            Value::Bulk(text) if text.len() > 100 => {}
            other => format!("{other:?}").hash(&mut self.heard),
        }
    }

    /// A number for all that was heard.
    pub(super) fn digest(&self) -> u64 {
        self.heard.finish()
    }
}
