//! The writer: makes one sequence of bytes of what the cores hand on, in an order
//! in which nothing is torn, and gives it to a target.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;

use crate::command::REDIS_VERSION;
use crate::runtime::core::Bell;
use crate::runtime::funnel::{Funnel, Load, Taken};
use crate::server::save::Manner;
use crate::snapshot::{FileWriter, Header, Piece};
use crate::telemetry::Persistence;

use super::brake::Brake;
use super::raw::Raw;
use super::spill::{Held, Next, Open, Spill, piece_of};
use super::stream::{Apart, AtCut, Message, RecordId};

/// Where the bytes of a snapshot go. It is used by the writer's thread, which may
/// wait: that slows the walk, and no client. What was written is undone when it is
/// dropped before `finish`.
pub(in crate::server) trait Target: Send {
    /// The next bytes; who writes data waits for them if `is_pressed`. An error, in
    /// words for the log, ends the snapshot.
    fn write(&mut self, bytes: Bytes, is_pressed: &dyn Fn() -> bool) -> Result<(), String>;
    /// Those were all. What was written is there if this succeeds.
    fn finish(self: Box<Self>) -> Result<(), String>;
}

/// What was written in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Written {
    pub(in crate::server) keys: u64,
    pub(in crate::server) bytes: u64,
}

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Failure {
    /// Nobody wanted it any more.
    GivenUp,
    /// Something failed, in words for the log.
    Fault(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure::Fault(why)
    }
}

/// Everything that makes a writer.
pub(in crate::server) struct Parts {
    pub(in crate::server) funnel: Funnel<Message>,
    pub(in crate::server) target: Box<dyn Target>,
    pub(in crate::server) manner: Arc<Manner>,
    /// The bells of the cores, by lane.
    pub(in crate::server) bells: Vec<Bell>,
    pub(in crate::server) persistence: Arc<Persistence>,
    /// Tells where in its history the data stood at the cut; the end of the file waits
    /// for it, or for its being dropped.
    pub(in crate::server) offset: Option<Receiver<u64>>,
}

/// See the module.
pub(in crate::server) struct Writer {
    parts: Parts,
    /// What waits for its turn, the first come first.
    waiting: VecDeque<(Message, Load)>,
    /// The stream whose record goes on.
    open: Option<usize>,
    file: Option<FileWriter>,
    /// Records whose turn has not come, and the one that goes on.
    spill: Spill,
    open_apart: Option<Open>,
    /// Keys and streams that have not come.
    keys_left: u64,
    streams_left: usize,
    /// The streams that have, by lane, and how many each has.
    ended: Vec<usize>,
    databases: usize,
    /// Records that are kept apart and are not written, of those streams that ended,
    /// less those of the others that are.
    apart_left: i64,
    written: Written,
    brake: Brake,
}

const LACKS: &str = "The snapshot lacks keys that there were";
const MORE: &str = "The snapshot has more keys than there were";

/// How long nothing comes before lanes that pause are given room.
const PATIENCE: Duration = Duration::from_millis(20);

impl Message {
    fn stream(&self) -> Option<usize> {
        match self {
            Message::Cut(_) | Message::Apart { .. } => None,
            Message::Piece { stream, .. }
            | Message::Ended { stream, .. }
            | Message::Lost { stream } => Some(*stream),
        }
    }
}

impl Parts {
    /// Something is done with: wakes its core if that has room again.
    fn done(&self, load: Load) {
        if let Some(lane) = self.funnel.done(load) {
            self.bells[lane].ring();
        }
    }
}

impl Writer {
    pub(in crate::server) fn new(parts: Parts) -> Writer {
        Writer {
            parts,
            waiting: VecDeque::new(),
            open: None,
            spill: Spill::default(),
            open_apart: None,
            file: None,
            keys_left: 0,
            streams_left: 0,
            ended: Vec::new(),
            databases: 0,
            apart_left: 0,
            written: Written::default(),
            brake: Brake::default(),
        }
    }

    /// Writes until all is there, or something fails.
    pub(in crate::server) fn run(mut self) -> Result<Written, Failure> {
        loop {
            match self.parts.funnel.take_within(PATIENCE) {
                Taken::One(message, load) => {
                    if self.on(message, load)? {
                        return Ok(self.finish()?);
                    }
                }
                Taken::Nothing => self.relieve()?,
                Taken::Over => return Err(Failure::GivenUp),
            }
        }
    }

    /// Takes what has come, without waiting; `true` when that was all.
    #[cfg(test)]
    pub(in crate::server) fn catch_up(&mut self) -> Result<bool, String> {
        while let Some((message, load)) = self.parts.funnel.try_take() {
            if self.on(message, load)? {
                return Ok(true);
            }
        }
        self.relieve()?;
        Ok(false)
    }

    /// Takes what came out of the funnel; `true` when it was the last.
    pub(in crate::server) fn on(&mut self, message: Message, load: Load) -> Result<bool, String> {
        if let Message::Apart { record, what } = message {
            self.on_apart(record, what, load)?;
            return self.go_on_apart();
        }
        self.waiting.push_back((message, load));
        while let Some((message, load)) = self.next() {
            if let Message::Ended { .. } = message {
                let lanes = self.ended.len().max(load.lane() + 1);
                self.ended.resize(lanes, 0);
                self.ended[load.lane()] += 1;
            }
            self.write(message)?;
            self.parts.done(load);
        }
        self.go_on_apart()
    }

    /// The first that may be written now: while a record goes on, what goes on with
    /// it.
    fn next(&mut self) -> Option<(Message, Load)> {
        let Some(open) = self.open else {
            return self.waiting.pop_front();
        };
        let mut waiting = self.waiting.iter();
        let at = waiting.position(|(message, _)| message.stream() == Some(open))?;
        self.waiting.remove(at)
    }

    fn write(&mut self, message: Message) -> Result<(), String> {
        match message {
            Message::Cut(cut) => self.begin(*cut),
            Message::Piece { stream, piece } => self.write_piece(stream, piece),
            Message::Ended { keys, apart, .. } => {
                self.streams_left -= 1;
                self.apart_left += i64::try_from(apart).unwrap_or(i64::MAX);
                self.keys_left = self.keys_left.checked_sub(keys).ok_or(MORE)?;
                Ok(())
            }
            Message::Lost { .. } => Err(LACKS.to_owned()),
            Message::Apart { .. } => unreachable!("it does not wait here"),
        }
    }

    fn begin(&mut self, cut: AtCut) -> Result<(), String> {
        self.keys_left = cut.sizes.iter().map(|sizes| sizes.keys).sum();
        self.streams_left = cut.streams;
        self.databases = cut.sizes.len();
        let persistence = &self.parts.persistence;
        persistence.keys_to_save.set(self.keys_left);
        persistence.keys_saved.set(0);
        let manner = &self.parts.manner;
        let mut file = FileWriter::new(manner.checksum, cut.sizes);
        let begin = file.begin(&Header {
            dialect: cut.dialect,
            redis_version: REDIS_VERSION,
            history: manner.of_history(),
            lineage: manner.lineage(),
            basalt_version: env!("CARGO_PKG_VERSION"),
            created: manner.now_ms / 1000,
            used_memory: cut.used_memory,
            is_aof_base: manner.is_aof_base,
            functions: &cut.functions,
        });
        self.file = Some(file);
        self.put(begin)
    }

    fn write_piece(&mut self, stream: usize, piece: Piece) -> Result<(), String> {
        self.open = piece.goes_on.then_some(stream);
        let records = piece.records;
        self.put_piece(piece, |writer| {
            (0..records).for_each(|_| writer.count_record());
        })
    }

    /// Writes a piece behind what belongs before it, and does something between.
    fn put_piece(&mut self, piece: Piece, act: impl FnOnce(&mut Writer)) -> Result<(), String> {
        let file = self.file.as_mut().ok_or("A piece came before the cut")?;
        let before = file.before(&piece);
        self.put(before)?;
        act(self);
        self.put(piece.bytes)
    }

    /// A record is whole.
    fn count_record(&mut self) {
        let Parts {
            persistence,
            funnel,
            ..
        } = &self.parts;
        let is_given_up = || funnel.is_closed();
        self.brake.pass(&persistence.save_delay, is_given_up);
        self.written.keys += 1;
        persistence.keys_saved.set(self.written.keys);
    }

    fn on_apart(&mut self, record: RecordId, what: Apart, load: Load) -> Result<(), String> {
        let is_open = self.open_apart.is_some_and(|open| open.id == record);
        match what {
            Apart::Lost => return Err(LACKS.to_owned()),
            Apart::Piece(piece) if is_open => {
                self.put_piece(piece, |_| ())?;
                self.parts.done(load);
            }
            Apart::Raw(raw) if is_open => {
                let database = self.open_apart.map_or(0, |open| open.database);
                let piece = piece_of(database, raw.into_bytes());
                self.put_piece(piece, |_| ())?;
                self.parts.done(load);
            }
            Apart::Recall(_) if is_open => {
                if let Some(load) = self.spill.on(record, what, load)? {
                    self.parts.done(load);
                }
                let rest = self.open_apart.and_then(|open| self.spill.rest_of(open));
                if let Some(next) = rest {
                    self.write_apart(next)?;
                }
            }
            Apart::Ended if is_open => {
                self.end_apart()?;
                self.parts.done(load);
            }
            what => {
                let lane = load.lane();
                if let Some(load) = self.spill.on(record, what, load)? {
                    self.parts.done(load);
                }
                if self.spill.held(lane) > self.may_be_held(lane) {
                    self.spill_of(lane)?;
                }
            }
        }
        Ok(())
    }

    /// Bytes that may wait in memory: half a lane's room, so that the walk has the
    /// other half; or more while it is to pause anyway, because it is others' turn.
    fn may_be_held(&self, lane: usize) -> usize {
        let is_others_turn = match self.open_apart {
            Some(open) => open.lane != lane,
            None => self.streams_left > 0 && self.ended.get(lane) == Some(&self.databases),
        };
        let room = self.parts.funnel.room();
        if is_others_turn { 2 * room } else { room / 2 }
    }

    fn spill_of(&mut self, lane: usize) -> Result<(), String> {
        let parts = &self.parts;
        self.spill.spill(lane, |load| parts.done(load))
    }

    /// Gives lanes room that pause while nothing comes.
    fn relieve(&mut self) -> Result<(), String> {
        let paused: Vec<usize> = self.parts.funnel.paused().collect();
        paused.into_iter().try_for_each(|lane| self.spill_of(lane))
    }

    /// Writes those records that are kept apart whose turn it is: those that are whole
    /// between two others, and when all streams have ended, so that nobody has to wait
    /// behind it, one that goes on. `true` when everything is written.
    fn go_on_apart(&mut self) -> Result<bool, String> {
        if self.file.is_none() || self.open.is_some() {
            return Ok(false);
        }
        let have_ended = self.streams_left == 0;
        while self.open_apart.is_none() {
            let Some(next) = self.spill.next(have_ended) else {
                break;
            };
            self.open_apart = Some(next.open());
            let is_whole = next.is_whole();
            self.write_apart(next)?;
            if is_whole {
                self.end_apart()?;
            }
        }
        Ok(have_ended && self.apart_left == 0)
    }

    /// Writes what there is of a record; what is aside stays.
    fn write_apart(&mut self, mut next: Next) -> Result<(), String> {
        if let Some(text) = next.without_text() {
            self.write_apart(next)?;
            return self.write_text(text);
        }
        while let Some(held) = self.spill.part_of(&mut next)? {
            match held {
                Held::Read(piece) => self.put_piece(piece, |_| ())?,
                Held::Loaded(piece, load) => {
                    self.put_piece(piece, |_| ())?;
                    self.parts.done(load);
                }
            }
        }
        self.spill.put_back(next);
        Ok(())
    }

    /// Compresses the string that the parts are.
    fn write_text(&mut self, mut next: Next) -> Result<(), String> {
        let database = next.open().database;
        let mut text = Vec::new();
        while let Some(held) = self.spill.part_of(&mut next)? {
            match held {
                Held::Read(piece) => text.extend(piece.bytes),
                Held::Loaded(piece, load) => {
                    text.extend(piece.bytes);
                    self.parts.done(load);
                }
            }
        }
        let piece = piece_of(database, Raw::of(text).into_bytes());
        self.put_piece(piece, |_| ())
    }

    fn end_apart(&mut self) -> Result<(), String> {
        self.count_record();
        self.open_apart = None;
        self.apart_left -= 1;
        self.keys_left = self.keys_left.checked_sub(1).ok_or(MORE)?;
        Ok(())
    }

    fn put(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.written.bytes += bytes.len() as u64;
        let Parts { funnel, target, .. } = &mut self.parts;
        target.write(bytes.into(), &|| funnel.is_overfull())
    }

    /// All streams have ended: the file ends, if nothing is missing.
    pub(in crate::server) fn finish(mut self) -> Result<Written, String> {
        let is_whole = self.keys_left == 0
            && self.open.is_none()
            && self.open_apart.is_none()
            && self.waiting.is_empty()
            && self.spill.is_empty();
        let file = self.file.take().filter(|_| is_whole);
        let Some(file) = file else {
            return Err(LACKS.to_owned());
        };
        let offset = self.parts.offset.take();
        let offset = offset.and_then(|told| told.recv().ok());
        self.put(file.end(offset))?;
        self.parts.target.finish()?;
        Ok(self.written)
    }
}
