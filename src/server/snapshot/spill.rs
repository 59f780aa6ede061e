//! Records that are kept apart and whose turn in the file has not come: in memory,
//! and what is too much of them in a file that has no name.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::runtime::funnel::Load;
use crate::server::save::reason;
use crate::snapshot::{PIECE_BYTES, Piece};

use super::raw::Raw;
use super::stream::{Apart, RecordId};

/// See the module.
#[derive(Default)]
pub(super) struct Spill {
    records: BTreeMap<RecordId, Record>,
    /// Those that are whole, and those that are walked, which came first before. Some
    /// may have gone.
    whole: VecDeque<RecordId>,
    walked: VecDeque<RecordId>,
    /// Bytes in memory, by lane.
    held: Vec<usize>,
    file: Option<File>,
    /// Bytes of the file.
    len: u64,
}

#[derive(Default)]
struct Record {
    database: usize,
    lane: usize,
    /// What stands before a string that is to be compressed when it is whole: the parts are that.
    head: Option<VecDeque<Part>>,
    parts: VecDeque<Part>,
    /// What came before its turn, in memory and in the file.
    aside: BTreeMap<u32, (Raw, Load)>,
    aside_there: BTreeMap<u32, (u64, usize)>,
    is_whole: bool,
}

enum Part {
    Here(Vec<u8>, Load),
    /// With a string that is not compressed yet.
    Raw(Raw, Load),
    /// Where in the file, and how many bytes.
    There(u64, usize),
}

/// A record whose turn has come.
pub(super) struct Next {
    id: RecordId,
    record: Record,
}

/// A record that goes on in the file.
#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) id: RecordId,
    pub(super) lane: usize,
    pub(super) database: usize,
}

/// What goes on with a part of it.
pub(super) enum Held {
    Loaded(Piece, Load),
    Read(Piece),
}

impl Spill {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of this lane in memory.
    pub(super) fn held(&self, lane: usize) -> usize {
        self.held.get(lane).copied().unwrap_or_default()
    }

    /// Takes something of a record. It gives back a load that is nothing's.
    pub(super) fn on(
        &mut self,
        id: RecordId,
        what: Apart,
        load: Load,
    ) -> Result<Option<Load>, String> {
        let record = self.records.entry(id).or_default();
        record.lane = load.lane();
        match what {
            Apart::Piece(piece) => {
                add(&mut self.held, &load);
                record.database = piece.database;
                record.parts.push_back(Part::Here(piece.bytes, load));
                return Ok(None);
            }
            Apart::Raw(raw) => {
                add(&mut self.held, &load);
                record.parts.push_back(Part::Raw(raw, load));
                return Ok(None);
            }
            Apart::Aside(number, raw) => {
                add(&mut self.held, &load);
                record.aside.insert(number, (raw, load));
                return Ok(None);
            }
            Apart::Recall(number) => {
                let here = record.aside.remove(&number);
                let here = here.map(|(raw, load)| Part::Raw(raw, load));
                let there = record.aside_there.remove(&number);
                let there = there.map(|(at, len)| Part::There(at, len));
                record.parts.push_back(here.or(there).ok_or(NOT_ASIDE)?);
            }
            Apart::Text => record.head = Some(std::mem::take(&mut record.parts)),
            Apart::Walked(database) => {
                // Its first piece may not have come.
                record.database = database;
                self.walked.push_back(id);
            }
            Apart::Ended => {
                record.is_whole = true;
                self.whole.push_back(id);
            }
            Apart::Lost => unreachable!("the writer ends with it"),
        }
        Ok(Some(load))
    }

    /// The record to be written next: a whole one, or, if it may go on for long, one that
    /// is walked.
    pub(super) fn next(&mut self, may_go_on: bool) -> Option<Next> {
        loop {
            let walked = &mut self.walked;
            let walked = || may_go_on.then(|| walked.pop_front()).flatten();
            let id = self.whole.pop_front().or_else(walked)?;
            if let Some(record) = self.records.remove(&id) {
                return Some(Next { id, record });
            }
        }
    }

    /// What came of the record that goes on in the file since it was last asked for.
    pub(super) fn rest_of(&mut self, open: Open) -> Option<Next> {
        let id = open.id;
        let mut record = self.records.remove(&id)?;
        record.database = open.database;
        Some(Next { id, record })
    }

    /// Keeps what is aside of a record that goes on in the file.
    pub(super) fn put_back(&mut self, next: Next) {
        let record = &next.record;
        if !record.aside.is_empty() || !record.aside_there.is_empty() {
            self.records.insert(next.id, next.record);
        }
    }

    /// The next part of it.
    pub(super) fn part_of(&mut self, next: &mut Next) -> Result<Option<Held>, String> {
        let piece = |bytes| piece_of(next.record.database, bytes);
        Ok(match next.record.parts.pop_front() {
            None => None,
            Some(Part::Here(bytes, load)) => {
                self.held[load.lane()] -= load.weight();
                Some(Held::Loaded(piece(bytes), load))
            }
            Some(Part::Raw(raw, load)) => {
                self.held[load.lane()] -= load.weight();
                Some(Held::Loaded(piece(raw.into_bytes()), load))
            }
            Some(Part::There(at, len)) => {
                let mut bytes = vec![0; len.min(PIECE_BYTES)];
                let file = self.file.as_ref().ok_or(GONE)?;
                file.read_exact_at(&mut bytes, at)
                    .map_err(|error| format!("{FAILED}: {}", reason(&error)))?;
                let (at, left) = (at + bytes.len() as u64, len - bytes.len());
                if left > 0 {
                    next.record.parts.push_front(Part::There(at, left));
                }
                Some(Held::Read(piece(bytes)))
            }
        })
    }

    /// Moves what is of a lane out of memory. Each load is done with then.
    pub(super) fn spill(&mut self, lane: usize, mut done: impl FnMut(Load)) -> Result<(), String> {
        if self.held(lane) == 0 {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(nameless()?);
        }
        let file = self.file.as_ref().ok_or(GONE)?;
        let (held, end) = (&mut self.held[lane], &mut self.len);
        let mut write = |bytes: &[u8], load: Load| {
            let at = *end;
            file.write_all_at(bytes, at)
                .map_err(|error| format!("{FAILED}: {}", reason(&error)))?;
            *end += bytes.len() as u64;
            *held -= load.weight();
            done(load);
            Ok::<_, String>((at, bytes.len()))
        };
        for record in self.records.values_mut().filter(|one| one.lane == lane) {
            for (number, (raw, load)) in std::mem::take(&mut record.aside) {
                let place = write(&raw.into_bytes(), load)?;
                record.aside_there.insert(number, place);
            }
            for parts in record.head.iter_mut().chain([&mut record.parts]) {
                let here = std::mem::take(parts);
                for part in here {
                    let (at, len) = match part {
                        Part::Raw(raw, load) => write(&raw.into_bytes(), load)?,
                        Part::Here(bytes, load) => write(&bytes, load)?,
                        Part::There(at, len) => (at, len),
                    };
                    match parts.back_mut() {
                        Some(Part::There(from, before)) if *from + *before as u64 == at => {
                            *before += len;
                        }
                        _ => parts.push_back(Part::There(at, len)),
                    }
                }
            }
        }
        Ok(())
    }
}

fn add(held: &mut Vec<usize>, load: &Load) {
    let lane = load.lane();
    if held.len() <= lane {
        held.resize(lane + 1, 0);
    }
    held[lane] += load.weight();
}

/// A piece of a record that is kept apart: its end is told by itself.
pub(super) fn piece_of(database: usize, bytes: Vec<u8>) -> Piece {
    Piece {
        database,
        bytes,
        goes_on: false,
        records: 0,
    }
}

impl Next {
    /// Puts what stands before a string in the place of that, which is given back, if all but
    /// that is to be written as it is.
    pub(super) fn without_text(&mut self) -> Option<Next> {
        let head = self.record.head.take()?;
        let text = std::mem::replace(&mut self.record.parts, head);
        Some(Next {
            id: self.id,
            record: Record {
                parts: text,
                database: self.record.database,
                ..Record::default()
            },
        })
    }

    pub(super) fn open(&self) -> Open {
        Open {
            id: self.id,
            lane: self.record.lane,
            database: self.record.database,
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.record.is_whole
    }
}

const NOT_ASIDE: &str = "A part of a large value is missing";
const GONE: &str = "The file of large values has gone";
const FAILED: &str = "Failed to use a file for large values that change";

/// A file in the working directory that goes with its last user.
fn nameless() -> Result<File, String> {
    let path = format!("temp-large-{}.rdb", std::process::id());
    let mut options = File::options();
    let made = options.read(true).write(true).create(true).truncate(true);
    made.open(&path)
        .and_then(|file| fs::remove_file(&path).map(|()| file))
        .map_err(|error| format!("{FAILED}: {}", reason(&error)))
}
