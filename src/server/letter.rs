//! What cores write to each other.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;

use crate::command::{BusyScript, Caller, First, Lent, Publication, SavePoint, Side, Walked};
use crate::config::{Author, Live, Settings};
use crate::keyspace::Keyspace;
use crate::pubsub::News;
use crate::replication::{Arrival, Step};
use crate::resp::{Args, OwnedArgs, Refusal, Span, Version};
use crate::runtime::core::Listener;
use crate::script::LogLevel;
use crate::session::{Gap, Regard, SessionId};
use crate::shard::{Observer, Shard, Wait};
use crate::telemetry::{Lineage, Replica};

use super::busy::Kill;
use super::script::{ScriptCall, Scripted};
use super::snapshot::CutOrder;
use super::transaction::Exec;

/// One letter; a pair's letters arrive in the order they were posted.
pub(super) enum Letter {
    /// A new connection, dealt to this core.
    Connection {
        fd: OwnedFd,
        is_unix: bool,
        number: u64,
    },
    /// Connections come in here now, for the core that accepts them.
    Listen(Vec<Listener>),
    /// Requests for keys of this core.
    Batch(Box<Batch>),
    /// The same box back, with replies.
    Replies(Box<Batch>),
    /// Asks for this core's shard.
    /// It waits for its place in the order if it has a stamp.
    Borrow { loan: u64, stamp: u64 },
    /// The shard asked for.
    Lend { loan: u64, shard: Box<Shard> },
    /// Others have posted or finished what this core waits for.
    Settled,
    /// The shard back home.
    Return { shard: Box<Shard> },
    /// A blocked request of one of this core's sessions was answered.
    Served(Box<Served>),
    /// A blocked request could be answered, by who holds all of its keys.
    TryAgain(Arc<Wait>),
    /// A script with all its keys on this core.
    RunScript(Box<ScriptCall>),
    /// It has run.
    Scripted(Box<Scripted>),
    /// A script's text, which every core keeps.
    Script(Arc<[u8]>),
    /// A script takes long, or has ended.
    Busy(Option<Arc<BusyScript>>),
    /// The script that runs here shall end.
    Kill(Kill),
    /// A line for the log, from a script.
    Log { level: LogLevel, text: String },
    /// Somebody does not observe keys of this shard any more.
    Forget(Observer),
    /// Asks for this core's part of a command.
    Ask { ask: u64, request: Arc<Question> },
    /// A part.
    Answer { ask: u64, bytes: Vec<u8> },
    /// The same for a script, which holds this core's shard.
    AskHolder {
        request: Arc<Question>,
        shard: Box<Shard>,
    },
    /// Its part, and its shard.
    HeldAnswer { bytes: Vec<u8>, shard: Box<Shard> },
    /// Settings have changed, for the `change`th time.
    Settings {
        change: u64,
        settings: Arc<Settings>,
        live: Arc<Live>,
    },
    /// This core acts by the settings of that change.
    TakenOver { change: u64 },
    /// Clients take too much, and this core has the largest.
    RelieveClients,
    /// Every core weighs its clients: this one may act by that now.
    TrustWeights,
    /// It has, as far as it had to.
    Relieved,
    /// Memory is full and the sender has nothing to evict.
    Relieve,
    /// What changed among the sender's subscribers; asks for `Known`.
    News { news: Arc<[News]>, ask: Option<u64> },
    /// That news is known here.
    Known { ask: u64 },
    /// A message for subscribers of this core.
    Publish(Publication),
    /// A line for the MONITOR clients of this core.
    Feed(Bytes),
    /// The sender has no MONITOR client any more.
    Unmonitored,
    /// A request that runs at the control core.
    Decide(Box<Decision>),
    /// A request that the first core decides on, before the others follow.
    Lead(Box<Decision>),
    /// The reply to either.
    Decided(Box<Decided>),
    /// A session wants to know how far the stream for replicas is, with everything in
    /// it that is written by now.
    CatchUp(SessionId),
    /// It is.
    CaughtUp(SessionId),
    /// DEBUG SLEEP: the control core sleeps, too. Nanoseconds.
    Sleep(u64),
    /// Asks for the shards of every core, for an errand of the control core.
    LendAll { errand: u64 },
    /// They, and the texts of the libraries; each goes home by `Return`.
    AllLent {
        errand: u64,
        held: Lent,
        functions: Vec<Vec<u8>>,
    },
    /// The same, behind FLUSHALL: what is on disk or on its way there is to go, too.
    Emptied { held: Lent, functions: Vec<Vec<u8>> },
    /// Make a cut through the data of every core.
    MakeCut(Box<CutOrder>),
    /// It is made; what the cores' `changes` added up to.
    CutMade { changes: u64 },
    /// A save point is due.
    SavePoint(SavePoint),
    /// Whether the last background save failed.
    SaveFailed(bool),
    /// The keyspace loaded for this core, and the texts of the libraries.
    Loaded {
        keyspace: Box<Keyspace>,
        functions: Arc<[Vec<u8>]>,
    },
    /// Libraries that were read from a file; others go if they are to.
    Libraries {
        functions: Arc<[Vec<u8>]>,
        flush: bool,
    },
    /// The keyspace has its place.
    Installed,
    /// Every core's has: what needs data may run.
    LoadingOver,
    /// Other data is being loaded; what is here is served meanwhile, or nothing.
    LoadingBegins { is_served: bool },
    /// What this core has to do of what the primary sends.
    Obey(Box<Order>),
    /// That has run, up to this offset.
    Applied { end: u64 },
    /// All of it has, and the primary's session at this core is gone.
    Drained,
    /// A core waits until this one has run what several cores have the keys of.
    Met { number: u64 },
    /// It has run.
    Parted { number: u64 },
    /// What names the history of the data.
    Lineage(Arc<Lineage>),
    /// A client becomes a replica.
    Recruit(Box<Recruit>),
    /// Its link has ended.
    ReplicaLeft(SessionId),
    /// A client in WAIT waits no longer.
    EndWait { session: SessionId, error: bool },
    /// Which replicas there are.
    Replicas(Arc<[Replica]>),
    /// A request that only replicas get.
    Announce(Vec<Vec<u8>>),
    /// End the loop.
    Stop,
}

/// A client that becomes a replica.
pub(super) struct Recruit {
    pub(super) session: SessionId,
    pub(super) socket: OwnedFd,
    pub(super) arrival: Arrival,
    /// What came behind its request.
    pub(super) rest: Vec<u8>,
    /// It is this node's primary, and asks it to lead.
    pub(super) fails_over: bool,
}

/// What the control core has of the primary.
pub(super) enum Order {
    /// It is a client from now on; its socket is there to be hung up only.
    Open {
        socket: OwnedFd,
        database: usize,
        address: String,
    },
    /// What comes next.
    Apply(Vec<Step>),
    /// No more come.
    Drain,
}

/// A command of which every core runs a part.
pub(super) struct Question {
    pub(super) entry: u16,
    pub(super) packed: OwnedArgs,
    pub(super) caller: Caller,
}

/// A request on its way to the core that decides on it.
pub(super) struct Decision {
    pub(super) session: SessionId,
    pub(super) gap: Gap,
    pub(super) entry: u16,
    pub(super) version: Version,
    pub(super) author: Author,
    /// Whether the client may wait for the reply; not in a transaction.
    pub(super) may_wait: bool,
    /// What others hear while a script takes long, if one does.
    pub(super) busy: Option<Refusal>,
    pub(super) packed: OwnedArgs,
}

/// The reply to a `Decision`.
pub(super) struct Decided {
    pub(super) session: SessionId,
    pub(super) gap: Gap,
    pub(super) reply: Vec<u8>,
    pub(super) entry: u16,
    pub(super) refusal: Option<Refusal>,
    /// The request and the nanoseconds it took, for the slow log.
    pub(super) ran: Option<(OwnedArgs, u64)>,
}

/// The answer to a blocked request.
pub(super) struct Served {
    pub(super) wait: Arc<Wait>,
    pub(super) reply: Vec<u8>,
    /// How long the command ran.
    pub(super) took_ns: u64,
    /// Cores where it stands in line no more, one bit each.
    pub(super) cleared: u64,
    /// Everything up to this stamp must have run before the client may know.
    pub(super) until: u64,
}

/// Requests of one turn for the keys of one core, and then their replies.
#[derive(Default)]
pub(super) struct Batch {
    /// Its place in the order of what concerns several cores, if it has parts
    /// of such; zero if not.
    pub(super) stamp: u64,
    pub(super) has_parts: bool,
    /// The slots of the parts' keys, part after part.
    pub(super) slots: Vec<u16>,
    pub(super) bytes: Vec<u8>,
    pub(super) spans: Vec<Span>,
    pub(super) requests: Vec<Carried>,
    pub(super) replies: Vec<u8>,
    /// Giant last words, by request.
    pub(super) giants: Vec<(usize, Vec<u8>)>,
    /// What requests left at their keys, by request.
    pub(super) sides: Vec<(usize, Side)>,
    /// What walks that have come from other cores have so far, by request.
    pub(super) walks: Vec<(usize, Box<Walked>)>,
    /// Transactions, by request, in their order: what they run is in them.
    pub(super) transactions: VecDeque<(usize, Box<Exec>)>,
    /// Bytes of memory these take.
    pub(super) transactions_bytes: usize,
}

/// One request in a batch. Its words are `spans[first_span..]` up to the next
/// request's, relative to `start`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    pub(super) session: SessionId,
    pub(super) gap: Gap,
    pub(super) entry: u16,
    pub(super) database: u16,
    pub(super) version: Version,
    pub(super) regard: Regard,
    pub(super) is_muted: bool,
    pub(super) first: Option<First>,
    pub(super) start: usize,
    pub(super) first_span: u32,
    /// If it is a part: of the how manieth of those with one stamp.
    pub(super) number: u32,
    /// And how many parts that has.
    pub(super) parts: u8,
    /// Where its reply ends in `replies`, once it has one.
    pub(super) reply_end: usize,
    /// How long it ran.
    pub(super) took_ns: u64,
    /// Everything up to this stamp must have run before the client may know of
    /// its reply; zero if it depends on nothing.
    pub(super) until: u64,
    /// The scatter it is a part of, or `WHOLE`.
    pub(super) scatter: u32,
    /// Where the slots of its keys begin, if it is a part.
    pub(super) first_slot: u32,
}

/// The request is not a part.
pub(super) const WHOLE: u32 = u32::MAX;

impl Carried {
    /// A request that is not a part and has not run, of a session that calls by this
    /// version and is regarded so; its place in a batch is given by that.
    pub(super) fn new(
        (session, gap): (SessionId, Gap),
        (entry, database): (u16, u16),
        version: Version,
        regard: Regard,
    ) -> Carried {
        Carried {
            session,
            gap,
            entry,
            database,
            version,
            regard,
            is_muted: false,
            first: None,
            start: 0,
            first_span: 0,
            number: 0,
            parts: 0,
            reply_end: 0,
            took_ns: 0,
            until: 0,
            scatter: WHOLE,
            first_slot: 0,
        }
    }
}

impl Batch {
    /// Adds a request: its words are copied here.
    pub(super) fn add(&mut self, request: Carried, args: Args<'_>, giant: Option<Vec<u8>>) {
        if let Some(giant) = giant {
            self.giants.push((self.requests.len(), giant));
        }
        self.begin(request);
        for word in args.iter() {
            self.word(word);
        }
    }

    /// Adds a request without words.
    pub(super) fn begin(&mut self, mut request: Carried) {
        request.start = self.bytes.len();
        request.first_span = self.spans.len() as u32;
        request.first_slot = self.slots.len() as u32;
        self.has_parts |= request.scatter != WHOLE;
        self.requests.push(request);
    }

    /// Adds a transaction.
    pub(super) fn add_transaction(&mut self, request: Carried, exec: Box<Exec>) {
        self.transactions_bytes += exec.memory_bytes();
        self.transactions.push_back((self.requests.len(), exec));
        self.begin(request);
    }

    /// Bytes of what it carries.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.transactions_bytes
    }

    /// The transaction that the request at `index` is, if it is one and those before
    /// it were taken.
    pub(super) fn take_transaction(&mut self, index: usize) -> Option<Box<Exec>> {
        let front = self.transactions.pop_front_if(|(of, _)| *of == index);
        front.map(|(_, exec)| exec)
    }

    /// What has not run of it, without parts, as two boxes: what is of this session, and
    /// the rest.
    pub(super) fn divide(mut self: Box<Self>, session: SessionId) -> [Box<Batch>; 2] {
        let mut divided: [Box<Batch>; 2] = Default::default();
        for index in 0..self.requests.len() {
            let request = self.requests[index];
            let to = &mut divided[usize::from(request.session != session)];
            if let Some(exec) = self.take_transaction(index) {
                to.add_transaction(request, exec);
                continue;
            }
            let giant = self.giants.iter_mut().find(|(of, _)| *of == index);
            let giant = giant.map(|(_, giant)| std::mem::take(giant));
            to.add(request, self.args(index), giant);
        }
        divided
    }

    /// Adds a word to the request that was begun last.
    pub(super) fn word(&mut self, word: &[u8]) {
        let start = self.requests.last().map_or(0, |request| request.start);
        self.spans.push(Span {
            start: (self.bytes.len() - start) as u32,
            len: word.len() as u32,
        });
        self.bytes.extend_from_slice(word);
    }

    /// The slots of the keys of the part at `index`.
    pub(super) fn slots(&self, index: usize) -> &[u16] {
        let first = self.requests[index].first_slot as usize;
        let end = match self.requests.get(index + 1) {
            Some(next) => next.first_slot as usize,
            None => self.slots.len(),
        };
        &self.slots[first..end]
    }

    /// The words of the request at `index`.
    pub(super) fn args(&self, index: usize) -> Args<'_> {
        let request = &self.requests[index];
        let first = request.first_span as usize;
        let end = match self.requests.get(index + 1) {
            Some(next) => next.first_span as usize,
            None => self.spans.len(),
        };
        Args::new(&self.bytes[request.start..], &self.spans[first..end])
    }

    /// What the request at `index` left at its keys.
    pub(super) fn take_side(&mut self, index: usize) -> Option<Side> {
        let at = self.sides.iter().position(|(of, _)| *of == index)?;
        Some(self.sides.swap_remove(at).1)
    }

    /// What the walk of the request at `index` has so far.
    pub(super) fn take_walked(&mut self, index: usize) -> Option<Box<Walked>> {
        let at = self.walks.iter().position(|(of, _)| *of == index)?;
        Some(self.walks.swap_remove(at).1)
    }

    /// Empties it for the next use, giving back what one big turn took.
    pub(super) fn clear(&mut self) {
        self.stamp = 0;
        self.has_parts = false;
        self.slots.clear();
        self.bytes.clear();
        self.spans.clear();
        self.requests.clear();
        self.replies.clear();
        self.giants.clear();
        self.sides.clear();
        self.walks.clear();
        self.transactions.clear();
        self.transactions_bytes = 0;
        self.bytes.shrink_to(KEPT_BYTES);
        self.replies.shrink_to(KEPT_BYTES);
    }
}

/// Capacity a spare batch keeps.
const KEPT_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(session: u32) -> Carried {
        let generation = 0;
        let index = session;
        let session = SessionId { index, generation };
        let gap = crate::session::Outbox::default().leave_gap();
        Carried::new((session, gap), (0, 0), Version::Two, Regard::Usual)
    }

    #[test]
    fn a_divided_box_keeps_words_and_giants_with_their_requests() {
        let mut batch = Box::new(Batch::default());
        let sent = [
            (1, "a", None),
            (2, "bc", Some(b"one")),
            (1, "", None),
            (1, "d", Some(b"two")),
        ];
        for (session, word, giant) in sent {
            let words = OwnedArgs::new(["set", word]);
            let giant = giant.map(|giant| giant.to_vec());
            batch.add(request(session), words.args(), giant);
        }
        let told = |batch: &Batch| -> Vec<(u32, String, Option<Vec<u8>>)> {
            let requests = batch.requests.iter().enumerate();
            let one = |(index, request): (usize, &Carried)| {
                let word = String::from_utf8_lossy(batch.args(index).get(1)).into_owned();
                let giant = batch.giants.iter().find(|(of, _)| *of == index);
                (
                    request.session.index,
                    word,
                    giant.map(|(_, giant)| giant.clone()),
                )
            };
            requests.map(one).collect()
        };
        let first = SessionId {
            index: 1,
            generation: 0,
        };
        let [its, others] = batch.divide(first);
        let two = Some(b"two".to_vec());
        assert_eq!(
            told(&its),
            [
                (1, "a".into(), None),
                (1, "".into(), None),
                (1, "d".into(), two)
            ]
        );
        assert_eq!(told(&others), [(2, "bc".into(), Some(b"one".to_vec()))]);
    }
}
