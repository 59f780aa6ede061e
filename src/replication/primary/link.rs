//! One replica, as its primary knows it.

use crate::base::parse_i64;
use crate::replication::history::Resume;
use crate::resp::{Args, Decoded, Decoder, Limits, Span};

use super::action::Method;
use super::catching::Catching;
use super::machine::{LinkInfo, Sync};

/// What a replica may say at once; ACK is some forty bytes.
const LIMITS: Limits = Limits {
    bulk_bytes_max: 16 << 10,
    query_bytes_max: 64 << 10,
    multibulk_max: 64,
    authenticated: true,
};

/// What a replica asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SYNC: everything, and no word of how far it is.
    Sync,
    /// PSYNC, from there on or everything.
    Psync(Option<Resume>),
}

/// A connection that becomes a replica's, and what it said before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub asked: Asked,
    /// `ip:port` of its own clients, as INFO shows it.
    pub ip: String,
    pub port: u16,
    /// It understands a file that ends with a mark.
    pub eof: bool,
    /// It understands that a history goes on under another name.
    pub psync2: bool,
    /// It wants the file and nothing behind it.
    pub rdb_only: bool,
}

impl Arrival {
    /// As the log names it.
    #[must_use]
    pub fn who(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }
}

/// How far a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a snapshot to begin.
    Waiting,
    /// The snapshot has its moment, and is written or sent.
    Receiving,
    /// It has been sent; the replica has to say that it loaded it.
    Loading,
    /// Gets the stream.
    Online,
}

/// See the module. Times are milliseconds of one clock.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) arrival: Arrival,
    pub(super) state: State,
    /// The synchronisation it receives or has received, and how that comes.
    pub(super) sync: Option<(u64, Method)>,
    /// Its file is on the way: nothing else may be sent.
    pub(super) is_given: bool,
    /// The number of the next byte of the stream that it is sent.
    pub(super) next: u64,
    /// Bytes that it was given and the system has not taken.
    pub(super) unsent: u64,
    /// The offset up to which it has applied the stream, none before it has said so,
    /// and how much of that is on its disk.
    pub(super) acknowledged: Option<u64>,
    pub(super) on_disk: Option<u64>,
    pub(super) heard_at: u64,
    pub(super) came_at: u64,
    /// When it is told again that it is not forgotten.
    pub(super) word_at: u64,
    /// Since when it is behind by more than the soft limit.
    pub(super) over_soft_since: Option<u64>,
    /// Until it has caught up with what was written during its synchronisation.
    pub(super) catching: Option<Catching>,
    decoder: Decoder,
    input: Vec<u8>,
}

/// Bytes that are no requests.
#[derive(Debug)]
pub(super) struct Babble;

/// What a replica says.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) acknowledged: Vec<Acknowledged>,
    /// A request that is none of a replica's.
    pub(super) asked: Option<Vec<Vec<u8>>>,
}

/// How far a replica says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledged {
    pub(super) offset: u64,
    pub(super) on_disk: Option<u64>,
}

impl Link {
    pub(super) fn new(arrival: Arrival, now: u64) -> Link {
        Link {
            arrival,
            state: State::Waiting,
            sync: None,
            is_given: false,
            next: 0,
            unsent: 0,
            acknowledged: None,
            on_disk: None,
            heard_at: now,
            came_at: now,
            word_at: now,
            over_soft_since: None,
            catching: None,
            decoder: Decoder::new(),
            input: Vec::new(),
        }
    }

    /// As INFO tells of it.
    pub(super) fn info(&self) -> LinkInfo<'_> {
        LinkInfo {
            ip: &self.arrival.ip,
            port: self.arrival.port,
            state: self.state,
            has_file: self.is_given && self.sync.is_some_and(|(_, how)| how == Method::Filed),
            acknowledged: self.acknowledged.unwrap_or(0),
            heard_at: self.heard_at,
        }
    }

    /// The number of the first byte that the system has not taken.
    pub(super) fn place(&self) -> u64 {
        self.next.saturating_sub(self.unsent)
    }

    /// How many bytes that is behind this end of the stream.
    pub(super) fn behind(&self, end: u64) -> u64 {
        (end + 1).saturating_sub(self.next) + self.unsent
    }

    /// It gets the stream from now on, behind its file.
    pub(super) fn begin_to_catch_up(&mut self, now: u64, end: u64) -> &mut Catching {
        self.state = State::Online;
        let catching = Catching::new(now, self.place(), self.behind(end));
        self.catching.insert(catching)
    }

    /// Whether it is of the same replica as an earlier one, whose end nobody has heard of.
    /// Others may show the same address, but they go on saying how far they are.
    pub(super) fn replaces(&self, earlier: &Link) -> bool {
        let (new, old) = (&self.arrival, &earlier.arrival);
        let is_alike = new.port != 0 && (&new.ip, new.port) == (&old.ip, old.port);
        is_alike && earlier.heard_at <= self.came_at
    }

    /// Whether it says how far it is.
    pub(super) fn acknowledges(&self) -> bool {
        self.arrival.asked != Asked::Sync
    }

    /// Whether it receives this synchronisation, and has not got all of it.
    pub(super) fn receives(&self, sync: &Sync) -> bool {
        let is_of_it = self.sync.is_some_and(|(number, _)| number == sync.number);
        self.state == State::Receiving && is_of_it
    }

    /// Takes bytes in; what the replica says in them, or that they are no requests.
    pub(super) fn on_bytes(&mut self, bytes: &[u8]) -> Result<Said, Babble> {
        self.input.extend_from_slice(bytes);
        let mut said = Said::default();
        let mut spans: Vec<Span> = Vec::new();
        let mut used = 0;
        loop {
            let rest = &self.input[used..];
            // A replica that loads sends line ends.
            let blank = rest.iter().take_while(|byte| b"\r\n".contains(byte));
            let blank = blank.count();
            if blank > 0 && !self.decoder.is_mid_request() {
                used += blank;
                continue;
            }
            if rest.is_empty() {
                break;
            }
            spans.clear();
            match self.decoder.decode(rest, &mut spans, &LIMITS) {
                Ok(Decoded::Request { consumed }) => {
                    let args = Args::new(rest, &spans);
                    said.acknowledged.extend(acknowledged(args));
                    if !args.name().eq_ignore_ascii_case(b"replconf") {
                        said.asked = Some(args.iter().map(<[u8]>::to_vec).collect());
                    }
                    used += consumed;
                }
                Ok(Decoded::Inline { args, consumed }) => {
                    said.asked = Some(args);
                    used += consumed;
                }
                Ok(Decoded::Empty { consumed }) => used += consumed,
                Ok(Decoded::Incomplete { .. }) => break,
                Err(_) => return Err(Babble),
            }
        }
        self.input.drain(..used);
        Ok(said)
    }
}

/// What a request acknowledges, if it is `REPLCONF ACK offset [FACK offset]`.
fn acknowledged(args: Args<'_>) -> Option<Acknowledged> {
    let number = |index| u64::try_from(parse_i64(args.get(index))?).ok();
    if !args.name().eq_ignore_ascii_case(b"replconf") || args.len() < 3 || !args.is(1, b"ack") {
        return None;
    }
    let says_disk = args.len() >= 5 && args.is(3, b"fack");
    Some(Acknowledged {
        offset: number(2)?,
        on_disk: says_disk.then(|| number(4)).flatten(),
    })
}
