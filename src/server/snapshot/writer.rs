//! The writer: makes one sequence of bytes of what the cores hand on, in an order
//! in which nothing is torn, and gives it to a target.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::Bytes;

use crate::command::REDIS_VERSION;
use crate::runtime::core::Bell;
use crate::runtime::funnel::{Funnel, Load};
use crate::server::save::Manner;
use crate::snapshot::{FileWriter, Header, Piece};
use crate::telemetry::Persistence;

use super::brake::Brake;
use super::stream::{AtCut, Message};

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
    /// Keys and streams that have not come.
    keys_left: u64,
    streams_left: usize,
    written: Written,
    brake: Brake,
}

const LACKS: &str = "The snapshot lacks keys that there were";

impl Message {
    fn stream(&self) -> Option<usize> {
        match self {
            Message::Cut(_) => None,
            Message::Piece { stream, .. }
            | Message::Ended { stream, .. }
            | Message::Lost { stream } => Some(*stream),
        }
    }
}

impl Writer {
    pub(in crate::server) fn new(parts: Parts) -> Writer {
        Writer {
            parts,
            waiting: VecDeque::new(),
            open: None,
            file: None,
            keys_left: 0,
            streams_left: 0,
            written: Written::default(),
            brake: Brake::default(),
        }
    }

    /// Writes until all is there, or something fails.
    pub(in crate::server) fn run(mut self) -> Result<Written, Failure> {
        while let Some((message, load)) = self.parts.funnel.take() {
            if self.on(message, load)? {
                return Ok(self.finish()?);
            }
        }
        Err(Failure::GivenUp)
    }

    /// Takes what has come, without waiting; `true` when that was all.
    #[cfg(test)]
    pub(in crate::server) fn catch_up(&mut self) -> Result<bool, String> {
        while let Some((message, load)) = self.parts.funnel.try_take() {
            if self.on(message, load)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes what came out of the funnel; `true` when it was the last.
    pub(in crate::server) fn on(&mut self, message: Message, load: Load) -> Result<bool, String> {
        self.waiting.push_back((message, load));
        while let Some((message, load)) = self.next() {
            self.write(message)?;
            if let Some(lane) = self.parts.funnel.done(load) {
                self.parts.bells[lane].ring();
            }
        }
        Ok(self.file.is_some() && self.streams_left == 0)
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
            Message::Ended { keys, .. } => {
                self.streams_left -= 1;
                self.keys_left = self
                    .keys_left
                    .checked_sub(keys)
                    .ok_or("The snapshot has more keys than there were")?;
                Ok(())
            }
            Message::Lost { .. } => Err(LACKS.to_owned()),
        }
    }

    fn begin(&mut self, cut: AtCut) -> Result<(), String> {
        self.keys_left = cut.sizes.iter().map(|sizes| sizes.keys).sum();
        self.streams_left = cut.streams;
        let persistence = &self.parts.persistence;
        persistence.keys_to_save.set(self.keys_left);
        persistence.keys_saved.set(0);
        let manner = &self.parts.manner;
        let mut file = FileWriter::new(manner.checksum, cut.sizes);
        let begin = file.begin(&Header {
            dialect: cut.dialect,
            redis_version: REDIS_VERSION,
            history: manner.of_history(),
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
        let file = self.file.as_mut().ok_or("A piece came before the cut")?;
        let before = file.before(&piece);
        self.put(before)?;
        let Parts {
            persistence,
            funnel,
            ..
        } = &self.parts;
        for _ in 0..piece.records {
            let is_given_up = || funnel.is_closed();
            self.brake.pass(&persistence.save_delay, is_given_up);
            self.written.keys += 1;
            persistence.keys_saved.set(self.written.keys);
        }
        self.put(piece.bytes)
    }

    fn put(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.written.bytes += bytes.len() as u64;
        let Parts { funnel, target, .. } = &mut self.parts;
        target.write(bytes.into(), &|| funnel.is_overfull())
    }

    /// All streams have ended: the file ends, if nothing is missing.
    pub(in crate::server) fn finish(mut self) -> Result<Written, String> {
        let is_whole = self.keys_left == 0 && self.open.is_none() && self.waiting.is_empty();
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
