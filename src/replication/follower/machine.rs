//! The replica side of a link: greets a primary, takes its data and then its
//! stream, and goes on from there after a cut.
//!
//! Invariant: the history's offset is the end of the last unit that was given
//! out to be applied, whenever a new connection is begun.

use std::collections::VecDeque;

use crate::replication::address::Address;
use crate::replication::greeting::{Introduction, Said, request};
use crate::replication::history::{History, Standing};
use crate::replication::id::ReplicationId;
use crate::replication::transfer::{Framing, Transfer};
use crate::replication::units::{Sorter, Units};

use super::action::{Action, Level, Stage};
use super::plea::Plea;

/// Between two attempts to connect.
const RETRY_MS: u64 = 1000;

/// Between two words to the primary: ACK, or a newline while loading.
pub(super) const WORD_MS: u64 = 1000;

/// Bytes that may be given out and not applied before no more are read.
const AHEAD_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug)]
pub(super) enum State {
    Off,
    Resting {
        until: u64,
    },
    Connecting {
        since: u64,
    },
    Greeting(Step),
    Receiving {
        source: Source,
        transfer: Transfer,
        framing: Option<Framing>,
    },
    Loading {
        source: Source,
        framing: Framing,
        newline_at: u64,
        /// What came behind the file.
        rest: Vec<u8>,
        /// The connection is gone.
        is_cut: bool,
    },
    Streaming {
        units: Units,
        applied: u64,
        ack_at: u64,
        /// Offsets at which the primary asked how far this is.
        asked: VecDeque<u64>,
        /// The primary takes ACKs.
        acks: bool,
    },
    Draining {
        end: u64,
        /// Selected behind it.
        database: usize,
    },
}

/// Which reply is awaited.
#[derive(Debug)]
pub(super) enum Step {
    Ping,
    Burst(VecDeque<Said>),
    Sync,
}

/// What a transfer is of: a primary that knows no PSYNC does not say.
pub(super) type Source = Option<(ReplicationId, u64)>;

/// See the module. Times are milliseconds of one clock.
#[derive(Debug)]
pub struct Follower {
    primary: Option<Address>,
    pub(super) introduction: Introduction,
    /// `repl-timeout`.
    timeout_ms: u64,
    /// Of the data; none if it is nobody's.
    pub(super) history: Option<History>,
    /// Selected at the end of it.
    database: usize,
    pub(super) state: State,
    /// Of an answer.
    pub(super) line: Vec<u8>,
    heard_at: u64,
    pub(super) actions: VecDeque<Action>,
    /// Under which name the history goes on when there is no primary any more.
    next_id: ReplicationId,
    pub(super) plea: Plea,
    /// What of the stream is on disk, where that is kept.
    on_disk: Option<u64>,
    /// The primary has asked when this would be.
    disk_asked: Option<u64>,
}

impl Follower {
    /// One without a primary.
    #[must_use]
    pub fn new(history: Option<History>) -> Follower {
        Follower {
            primary: None,
            introduction: Introduction::default(),
            timeout_ms: 60_000,
            history,
            database: 0,
            state: State::Off,
            line: Vec::new(),
            heard_at: 0,
            actions: VecDeque::new(),
            next_id: ReplicationId::NONE,
            plea: Plea::None,
            on_disk: None,
            disk_asked: None,
        }
    }

    /// What the settings say now.
    pub fn on_settings(&mut self, introduction: Introduction, timeout_ms: u64) {
        self.introduction = introduction;
        self.timeout_ms = timeout_ms;
    }

    /// Follows this primary, and none before.
    pub fn follow(&mut self, now: u64, primary: Address) {
        self.primary = Some(primary);
        self.plea = Plea::None;
        if self.leave() {
            self.state = State::Resting { until: now };
        }
    }

    /// Follows nobody: `Released` when the data has all that came. Its history
    /// then goes on under this name.
    pub fn unfollow(&mut self, next_id: ReplicationId) {
        self.primary = None;
        self.plea = Plea::None;
        self.next_id = next_id;
        if self.leave() {
            self.release();
        }
    }

    /// The data was changed by others than the primary, or let go.
    pub fn on_forsaken(&mut self) {
        self.history = None;
    }

    /// What the data is of, while no primary is followed, and the database in its
    /// stream.
    pub fn on_history(&mut self, history: History, database: usize) {
        self.history = Some(history);
        self.database = database;
    }

    /// Where the data stands, if it stands still: everything that was given out has
    /// been applied.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        let history = self.history.as_ref()?;
        let standing = Standing {
            id: history.id,
            offset: history.offset,
            database: self.database,
        };
        match &self.state {
            State::Draining { .. } => None,
            State::Streaming { units, applied, .. } => self.is_settled().then(|| Standing {
                offset: *applied,
                database: units.database().unwrap_or(self.database),
                ..standing
            }),
            _ => Some(standing),
        }
    }

    /// Whether everything that was given out to be applied has been.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.state {
            State::Streaming { units, applied, .. } => units.end() == *applied,
            _ => false,
        }
    }

    /// The next thing to do.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether there is one.
    #[must_use]
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// When `on_time` has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let silent = self.heard_at + self.timeout_ms + 1;
        match &self.state {
            State::Off | State::Draining { .. } => None,
            State::Resting { until } => Some(*until),
            State::Connecting { since } => Some(since + self.timeout_ms + 1),
            State::Greeting(_) | State::Receiving { .. } => Some(silent),
            State::Loading {
                newline_at, is_cut, ..
            } => (!is_cut).then_some(*newline_at),
            State::Streaming { ack_at, acks, .. } => {
                Some(if *acks { silent.min(*ack_at) } else { silent })
            }
        }
    }

    /// How far it is.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Off => Stage::Off,
            State::Resting { .. } => Stage::Resting,
            State::Connecting { .. } => Stage::Connecting,
            State::Greeting(_) => Stage::Greeting,
            State::Receiving { .. } => Stage::Receiving,
            State::Loading { .. } => Stage::Loading,
            State::Streaming { .. } => Stage::Streaming,
            State::Draining { .. } => Stage::Draining,
        }
    }

    /// The primary, if there is one.
    #[must_use]
    pub fn primary(&self) -> Option<&Address> {
        self.primary.as_ref()
    }

    /// What the data is of.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Offset of the last byte that has come, and of the last one applied.
    #[must_use]
    pub fn offsets(&self) -> (u64, u64) {
        match &self.state {
            State::Streaming { units, applied, .. } => (units.received(), *applied),
            _ => {
                let offset = self.history.as_ref().map_or(0, |history| history.offset);
                (offset, offset)
            }
        }
    }

    /// When the primary was last heard of.
    #[must_use]
    pub fn heard_at(&self) -> u64 {
        self.heard_at
    }

    /// Whether more bytes should be read.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        match &self.state {
            State::Loading { .. } | State::Draining { .. } => false,
            State::Streaming { units, applied, .. } => units.end() - applied < AHEAD_BYTES_MAX,
            _ => true,
        }
    }

    /// The connection stands.
    pub fn on_connected(&mut self, now: u64) {
        self.heard_at = now;
        self.line.clear();
        self.notice("Non blocking connect for SYNC fired the event.");
        self.state = State::Greeting(Step::Ping);
        self.say(&[b"PING"]);
    }

    /// There is no connection: it was refused or lost.
    pub fn on_closed(&mut self, now: u64, why: &str) {
        match &mut self.state {
            State::Off | State::Resting { .. } | State::Draining { .. } => {}
            State::Connecting { .. } => {
                self.warn(format!("Error condition on socket for SYNC: {why}"));
                self.rest(now + RETRY_MS);
            }
            State::Greeting(_) => {
                self.warn(format!(
                    "Master closed the connection while greeting: {why}"
                ));
                self.rest(now + RETRY_MS);
            }
            State::Receiving { .. } => {
                self.warn(format!(
                    "I/O error trying to sync with MASTER: connection lost ({why})"
                ));
                self.actions.push_back(Action::Abandon);
                self.rest(now + RETRY_MS);
            }
            State::Loading { is_cut, .. } => *is_cut = true,
            State::Streaming { .. } => {
                self.warn("Connection with master lost.".to_owned());
                self.drain();
            }
        }
    }

    /// Bytes have come. The sorter hears the commands of the stream before `Apply` says
    /// that they are to run.
    pub fn on_bytes(&mut self, now: u64, bytes: &[u8], sorter: &mut dyn Sorter) {
        self.heard_at = now;
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.take(now, rest, sorter);
            rest = &rest[used..];
        }
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: u64) {
        let is_silent = now > self.heard_at + self.timeout_ms;
        let wants_bytes = self.wants_bytes();
        match &mut self.state {
            State::Off | State::Draining { .. } => {}
            State::Resting { until } => {
                if now >= *until {
                    self.connect(now);
                }
            }
            State::Connecting { since } => {
                if now > *since + self.timeout_ms {
                    self.warn("Timeout connecting to the MASTER...".to_owned());
                    self.fail(now);
                }
            }
            State::Greeting(_) => {
                if is_silent {
                    self.warn("Timeout connecting to the MASTER...".to_owned());
                    self.fail(now);
                }
            }
            State::Receiving { .. } => {
                if is_silent {
                    self.warn(
                        "Timeout receiving bulk data from MASTER... If the problem persists try \
                         to set the 'repl-timeout' parameter in redis.conf to a larger value."
                            .to_owned(),
                    );
                    self.actions.push_back(Action::Abandon);
                    self.fail(now);
                }
            }
            State::Loading {
                newline_at, is_cut, ..
            } => {
                if now >= *newline_at {
                    *newline_at = now + WORD_MS;
                    if !*is_cut {
                        self.actions.push_back(Action::Send(b"\n".to_vec()));
                    }
                }
            }
            State::Streaming { .. } if is_silent && wants_bytes => {
                self.warn("MASTER timeout: no data nor PING received...".to_owned());
                self.actions.push_back(Action::HangUp);
                self.drain();
            }
            State::Streaming { ack_at, acks, .. } => {
                if *acks && now >= *ack_at {
                    *ack_at = now + WORD_MS;
                    self.acknowledge();
                }
            }
        }
    }

    /// The file that was received is the data now, with this database selected
    /// in its stream; or it was not to be loaded.
    pub fn on_loaded(&mut self, now: u64, loaded: Result<usize, ()>, sorter: &mut dyn Sorter) {
        let State::Loading {
            source,
            framing,
            rest,
            is_cut,
            ..
        } = &mut self.state
        else {
            return;
        };
        let (source, framing, is_cut) = (*source, *framing, *is_cut);
        let rest = std::mem::take(rest);
        let Ok(database) = loaded else {
            if is_cut {
                self.rest(now + RETRY_MS);
            } else {
                self.fail(now);
            }
            return;
        };
        let (id, offset) = source.unwrap_or((ReplicationId::NONE, 0));
        self.history = Some(History::at(id, offset));
        self.database = database;
        if is_cut {
            // The stream goes on from here, from another connection.
            return self.rest(now);
        }
        self.notice("MASTER <-> REPLICA sync: Finished with success");
        self.open(now, source.is_some(), sorter);
        if matches!(framing, Framing::Mark(_)) {
            // The primary waits for it before it sends its stream.
            self.acknowledge();
        }
        self.on_bytes(now, &rest, sorter);
    }

    /// Units have run, up to this offset.
    pub fn on_applied(&mut self, now: u64, offset: u64) {
        let State::Streaming {
            units,
            applied,
            asked,
            ..
        } = &mut self.state
        else {
            return;
        };
        assert!(
            *applied <= offset && offset <= units.end(),
            "applied {offset}, was {applied} of {}",
            units.end()
        );
        *applied = offset;
        // What this node was slow with is not the primary's silence.
        self.heard_at = self.heard_at.max(now);
        let mut is_due = false;
        while let Some(at) = asked.pop_front_if(|asked| *asked <= offset) {
            is_due = true;
            self.disk_asked = Some(at);
        }
        if is_due {
            self.acknowledge();
        }
    }

    /// What of the stream is on disk by now; none where none of it goes there. The
    /// primary hears of it at once, if it has asked.
    pub fn on_disk(&mut self, offset: Option<u64>) {
        self.on_disk = offset;
        if self
            .disk_asked
            .take_if(|asked| Some(*asked) <= offset)
            .is_some()
        {
            self.acknowledge();
        }
    }

    /// All units have run.
    pub fn on_drained(&mut self, now: u64) {
        let State::Draining { end, database } = self.state else {
            return;
        };
        self.database = database;
        if let Some(history) = &mut self.history {
            history.offset = end;
        }
        if self.primary.is_some() {
            self.state = State::Resting { until: now };
        } else {
            self.release();
        }
    }

    pub(super) fn open(&mut self, now: u64, acks: bool, sorter: &mut dyn Sorter) {
        let offset = self.history.as_ref().map_or(0, |history| history.offset);
        self.heard_at = now;
        self.state = State::Streaming {
            units: Units::new(offset),
            applied: offset,
            ack_at: now + WORD_MS,
            asked: VecDeque::new(),
            acks,
        };
        let database = self.database;
        sorter.begin(database);
        self.actions.push_back(Action::Open { database });
    }

    pub(super) fn acknowledge(&mut self) {
        let State::Streaming { applied, acks, .. } = &self.state else {
            return;
        };
        if !*acks {
            return;
        }
        let offset = applied.to_string();
        let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", offset.as_bytes()];
        let on_disk = self.on_disk.map(|offset| offset.to_string());
        if let Some(on_disk) = &on_disk {
            words.extend([b"FACK", on_disk.as_bytes()]);
        }
        self.say(&words);
    }

    fn connect(&mut self, now: u64) {
        let primary = self.primary.clone().expect("who rests has a primary");
        self.notice(&format!("Connecting to MASTER {primary}"));
        self.notice("MASTER <-> REPLICA sync started");
        self.state = State::Connecting { since: now };
        self.actions.push_back(Action::Connect(primary));
    }

    /// Ends what is under way with a primary; `false` if units still run.
    fn leave(&mut self) -> bool {
        match self.state {
            State::Off | State::Resting { .. } => true,
            State::Draining { .. } => false,
            State::Connecting { .. } | State::Greeting(_) => {
                self.actions.push_back(Action::HangUp);
                true
            }
            State::Receiving { .. } | State::Loading { .. } => {
                self.actions.push_back(Action::HangUp);
                self.actions.push_back(Action::Abandon);
                true
            }
            State::Streaming { .. } => {
                self.actions.push_back(Action::HangUp);
                self.drain();
                false
            }
        }
    }

    pub(super) fn drain(&mut self) {
        let State::Streaming { units, .. } = &self.state else {
            return;
        };
        self.state = State::Draining {
            end: units.end(),
            database: units.database().unwrap_or(self.database),
        };
        self.actions.push_back(Action::Drain);
    }

    fn release(&mut self) {
        self.state = State::Off;
        if let Some(history) = &mut self.history {
            history.rename(self.next_id);
        }
        self.actions.push_back(Action::Released);
    }

    /// Hangs up, and tries again later.
    pub(super) fn fail(&mut self, now: u64) {
        self.actions.push_back(Action::HangUp);
        self.rest(now + RETRY_MS);
    }

    pub(super) fn rest(&mut self, until: u64) {
        self.state = State::Resting { until };
    }

    pub(super) fn say(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        request(&mut bytes, words);
        self.actions.push_back(Action::Send(bytes));
    }

    pub(super) fn notice(&mut self, text: &str) {
        let text = text.to_owned();
        self.actions.push_back(Action::Log(Level::Notice, text));
    }

    pub(super) fn warn(&mut self, text: String) {
        self.actions.push_back(Action::Log(Level::Warning, text));
    }
}
