//! Records that are kept apart and whose turn in the file has not come: in memory,
//! and what is too much of them in a file that has no name.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use crate::runtime::funnel::Load;
use crate::server::save::reason;
use crate::snapshot::{Compression, PIECE_BYTES, Piece, write_string};

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
    parts: VecDeque<Part>,
    is_whole: bool,
}

enum Part {
    Here(Vec<u8>, Load),
    /// A string that is not compressed yet.
    Text(Vec<u8>, Load),
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
    pub(super) fn on(&mut self, id: RecordId, what: Apart, load: Load) -> Option<Load> {
        let record = self.records.entry(id).or_default();
        match what {
            Apart::Piece(piece) => {
                add(&mut self.held, &load);
                record.database = piece.database;
                record.lane = load.lane();
                record.parts.push_back(Part::Here(piece.bytes, load));
                return None;
            }
            Apart::Text(text) => {
                add(&mut self.held, &load);
                record.parts.push_back(Part::Text(text, load));
                return None;
            }
            Apart::Walked => self.walked.push_back(id),
            Apart::Ended => {
                record.is_whole = true;
                self.whole.push_back(id);
            }
            Apart::Lost => unreachable!("the writer ends with it"),
        }
        Some(load)
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

    /// The next part of it.
    pub(super) fn part_of(&mut self, next: &mut Next) -> Result<Option<Held>, String> {
        let piece = |bytes| piece_of(next.record.database, bytes);
        Ok(match next.record.parts.pop_front() {
            None => None,
            Some(Part::Here(bytes, load)) => {
                self.held[load.lane()] -= load.weight();
                Some(Held::Loaded(piece(bytes), load))
            }
            Some(Part::Text(text, load)) => {
                self.held[load.lane()] -= load.weight();
                Some(Held::Loaded(piece(compressed(&text)), load))
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
        for record in self.records.values_mut() {
            let parts = std::mem::take(&mut record.parts);
            for part in parts {
                let part = match part {
                    Part::Text(text, load) if load.lane() == lane => {
                        Part::Here(compressed(&text), load)
                    }
                    part => part,
                };
                let part = match part {
                    Part::Here(bytes, load) if load.lane() == lane => {
                        let at = self.len;
                        file.write_all_at(&bytes, at)
                            .map_err(|error| format!("{FAILED}: {}", reason(&error)))?;
                        self.len += bytes.len() as u64;
                        self.held[lane] -= load.weight();
                        done(load);
                        Part::There(at, bytes.len())
                    }
                    part => part,
                };
                match (record.parts.back_mut(), part) {
                    (Some(Part::There(from, before)), Part::There(at, len))
                        if *from + *before as u64 == at =>
                    {
                        *before += len;
                    }
                    (_, part) => record.parts.push_back(part),
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

/// A string as it stands in the file.
pub(super) fn compressed(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_string(&mut bytes, text, Compression::On);
    bytes
}

impl Next {
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
