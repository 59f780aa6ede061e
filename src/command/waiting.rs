//! What a handler may leave at its keys: a request that waits for them, or a
//! watch.

use std::ops::Range;
use std::sync::Arc;

use crate::base::Claim;
use crate::keyspace::Key;
use crate::resp::{Args, OwnedArgs, Reply, Version};
use crate::shard::{Awaited, Wait, Watch};

use super::database::Walked;
use super::turn::{Data, Turn, shard_of};

/// Whether a request may wait.
#[derive(Clone, Copy, Debug)]
pub enum Waiting {
    /// It is answered at once: in a transaction.
    Never,
    /// A script asks, which is answered at once and may not ask XREAD to wait.
    NeverInScript,
    /// It may, and this is who asks.
    May(Asker),
    /// It waits already, and one of its keys was touched.
    Again,
}

/// Who asks, as far as an answer must find back.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The core of the client.
    pub core: usize,
    /// The session there, as `SessionId::packed` writes it.
    pub session: u64,
    /// The command's place in the table.
    pub entry: u16,
    pub version: Version,
    pub no_touch: bool,
}

/// What a turn leaves at its keys.
#[derive(Clone, Debug)]
pub enum Side {
    /// The request now waits, and has no reply.
    Waits(Arc<Wait>),
    /// It waited already and still does.
    WaitsOn,
    /// It could be served with the shards of all of its keys, which this turn
    /// has not.
    IsFar,
    /// The client watches keys.
    Watches(Arc<Watch>),
    /// All databases have been emptied.
    Emptied,
    /// It has no reply yet: the walk goes on at another core.
    GoesOn(Box<Walked>),
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(super) struct Awaits {
    /// The words that are keys.
    pub(super) keys: Range<usize>,
    pub(super) what: Awaited,
    /// Unix milliseconds; `None` for ever.
    pub(super) until_ms: Option<u64>,
}

impl Awaits {
    /// For a request that waits already.
    pub(super) fn nothing() -> Awaits {
        Awaits {
            keys: 0..0,
            what: Awaited::Stream,
            until_ms: None,
        }
    }
}

impl Turn<'_> {
    /// Whether the shard of a key is here: always, unless this request waits
    /// already and is looked at where another of its keys lives.
    #[must_use]
    pub fn reaches(&self, key: &Key<'_>) -> bool {
        let core = self.placement.core_of(key.slot);
        match &self.data {
            Data::Home(shard) => shard.core == core,
            Data::Lent(lent) => lent[core].is_some(),
        }
    }

    /// Makes the request wait; `false` if it may not: it is answered as if the
    /// time had run out.
    #[must_use]
    pub(super) fn wait(&mut self, args: Args<'_>, awaits: Awaits) -> bool {
        self.wait_as(OwnedArgs::from(args), awaits)
    }

    /// The same, answered with no array if it may not.
    pub(super) fn wait_or_null_array(
        &mut self,
        args: Args<'_>,
        awaits: Awaits,
        reply: &mut Reply<'_>,
    ) {
        if !self.wait(args, awaits) {
            reply.null_array();
        }
    }

    /// As `wait`, with the words to be run later: `$` is an id by then.
    #[must_use]
    pub(super) fn wait_as(&mut self, words: OwnedArgs, awaits: Awaits) -> bool {
        let asker = match self.waiting {
            Waiting::Never | Waiting::NeverInScript => return false,
            Waiting::Again => {
                self.side = Some(Side::WaitsOn);
                return true;
            }
            Waiting::May(asker) => asker,
        };
        let wait = Arc::new(Wait {
            core: asker.core,
            session: asker.session,
            entry: asker.entry,
            database: self.database,
            version: asker.version,
            no_touch: asker.no_touch,
            words,
            keys: awaits.keys,
            awaited: awaits.what,
            until_ms: awaits.until_ms,
            claim: Claim::default(),
        });
        // Behind everybody who waits at any of the keys.
        let tickets = self.shards().map(|shard| shard.observers.next_ticket());
        let ticket = tickets.max().unwrap_or(0);
        for bytes in wait.keys() {
            let key = self.key_of(bytes);
            let shard = shard_of(&mut self.data, self.placement, &key);
            shard.observers.wait(&key, ticket, &wait);
        }
        self.side = Some(Side::Waits(wait));
        true
    }

    /// Says that this request, which waits, needs a key that is not here.
    pub(super) fn is_far(&mut self) {
        self.side = Some(Side::IsFar);
    }

    /// The first behind ticket `after` who waits at a key for one of `what`.
    pub fn next_waiting(
        &mut self,
        key: &Key<'_>,
        what: &[Awaited],
        after: Option<u64>,
    ) -> Option<(u64, Arc<Wait>)> {
        let shard = shard_of(&mut self.data, self.placement, key);
        shard.observers.waiting(self.database, key, what, after)
    }

    /// Has a key looked at once more for those who wait.
    pub fn look_again(&mut self, key: &Key<'_>) {
        let shard = shard_of(&mut self.data, self.placement, key);
        shard.observers.look_again(self.database, key);
    }

    /// Watches keys of the selected database.
    pub(super) fn watch<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let mut watch = Watch {
            database: self.database,
            keys: Vec::new(),
            ends_ms: None,
        };
        for bytes in keys {
            if watch.keys.iter().any(|known| **known == *bytes) {
                continue;
            }
            watch.keys.push(bytes.into());
            let key = self.key_of(bytes);
            let deadline = self.peek(&key).and_then(|found| found.deadline());
            watch.ends_ms = watch.ends_ms.into_iter().chain(deadline).min();
        }
        let watch = Arc::new(watch);
        for bytes in &watch.keys {
            let key = self.key_of(bytes);
            let shard = shard_of(&mut self.data, self.placement, &key);
            shard.observers.watch(&key, &watch);
        }
        self.side = Some(Side::Watches(watch));
    }
}
