//! A file taken apart as its bytes come: keys are found, not understood.

use std::borrow::Cow;

use super::extent::{Extent, Reach};
use super::fault::{FileFault, Why};
use super::opcode::{self, steps_of_foreign, steps_of_kind, steps_of_opcode};
use super::record::{RawRecord, Usage};
use super::writer::{Checksum, Sizes};
use crate::base::crc64;
use crate::snapshot::kind::{Kind, KindFault};
use crate::snapshot::payload::RDB_VERSION_MAX;
use crate::snapshot::string::{Malformed, read_length, read_string, take};

/// Something that stands in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum FilePart<'a> {
    /// The file's version.
    Version(u16),
    /// Something about the file.
    Aux {
        name: Cow<'a, [u8]>,
        value: Cow<'a, [u8]>,
    },
    /// A library of functions.
    Function(Cow<'a, [u8]>),
    /// Data of a module that belongs to no key, by the module's name.
    ModuleAux(String),
    Database(usize),
    Sizes(Sizes),
    Record(RawRecord<'a>),
    /// The file is whole. Its sum, if it has one, was right, or was not to be looked at.
    End {
        sum: u64,
    },
}

/// See the module.
#[derive(Debug)]
pub struct FileReader {
    checksum: Checksum,
    databases: usize,
    /// Bytes of the whole file: nothing in it is longer.
    total: u64,
    window: Vec<u8>,
    /// Bytes of the window that are done with.
    done: usize,
    /// Where the rest of the window begins in the file.
    offset: u64,
    sum: u64,
    version: Option<u16>,
    /// What is under way from `done` on, after its first byte.
    extent: Option<Extent>,
    database: usize,
    deadline: Option<u64>,
    usage: Usage,
    is_over: bool,
}

/// `REDIS` and four digits.
const MAGIC_BYTES: usize = 9;

/// From this version on a sum ends the file.
const VERSION_OF_SUMS: u16 = 5;

/// Bytes done with that the window keeps, so that they need not be moved too often.
const DONE_MAX: usize = 256 << 10;

impl FileReader {
    /// Reads a file of so many bytes into so many databases.
    pub fn new(total: u64, databases: usize, checksum: Checksum) -> Self {
        Self {
            checksum,
            databases,
            total,
            window: Vec::new(),
            done: 0,
            offset: 0,
            sum: 0,
            version: None,
            extent: None,
            database: 0,
            deadline: None,
            usage: Usage::Untold,
            is_over: false,
        }
    }

    /// The file goes on with these bytes.
    pub fn on_bytes(&mut self, bytes: &[u8]) {
        if self.done >= DONE_MAX || self.done == self.window.len() {
            self.window.drain(..self.done);
            self.done = 0;
        }
        self.window.extend_from_slice(bytes);
    }

    /// Bytes of the file that are done with.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the file's end has come. What stands behind it is none of it.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The file has no more bytes; nothing stood at its end if it was over.
    pub fn on_end(&self) -> Result<(), FileFault> {
        if self.is_over {
            return Ok(());
        }
        let key = self.key_under_way();
        Err(self.fault(Why::Truncated, key))
    }

    /// What stands next; `None` until more bytes have come.
    pub fn next_part(&mut self) -> Result<Option<FilePart<'_>>, FileFault> {
        let Some(version) = self.version else {
            return self.read_magic();
        };
        loop {
            let rest = &self.window[self.done..];
            let (false, Some((&first, rest))) = (self.is_over, rest.split_first()) else {
                return Ok(None);
            };
            if first == opcode::END && version < VERSION_OF_SUMS {
                self.step_over(1);
                self.is_over = true;
                return Ok(Some(FilePart::End { sum: 0 }));
            }
            let extent = match &mut self.extent {
                Some(extent) => extent,
                None => self.extent.insert(Extent::new(steps(first))),
            };
            let len = match extent.advance(rest) {
                Ok(Reach::Whole(len)) => len,
                Ok(Reach::AtLeast(len)) if self.offset.saturating_add(len) < self.total => {
                    return Ok(None);
                }
                Ok(Reach::AtLeast(_)) => {
                    let key = self.key_under_way();
                    return Err(self.fault(Why::Truncated, key));
                }
                Err(Malformed) => {
                    let key = self.key_under_way();
                    return Err(self.fault(Why::Garbled, key));
                }
            };
            self.extent = None;
            if self.note_mark(first)? {
                self.step_over(1 + len);
                continue;
            }
            return self.part(first, len).map(Some);
        }
    }

    fn read_magic(&mut self) -> Result<Option<FilePart<'_>>, FileFault> {
        let Some(magic) = self.window[self.done..].first_chunk::<MAGIC_BYTES>() else {
            return Ok(None);
        };
        let digits = |from: usize| {
            magic[from..].iter().try_fold(0_u16, |number, byte| {
                let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
                Some(number * 10 + digit)
            })
        };
        let version = match (magic.starts_with(b"REDIS"), magic.starts_with(b"VALKEY")) {
            (true, _) => match digits(5) {
                Some(version @ 1..=RDB_VERSION_MAX) => version,
                version => return Err(self.fault(Why::Version(version.unwrap_or(0)), None)),
            },
            (_, true) => {
                let version = digits(6).unwrap_or(0);
                return Err(self.fault(Why::Valkey(version), None));
            }
            (false, false) => return Err(self.fault(Why::NotRdb, None)),
        };
        self.version = Some(version);
        self.step_over(MAGIC_BYTES);
        Ok(Some(FilePart::Version(version)))
    }

    /// Takes what belongs to the next key, or says nothing; whether it was that.
    fn note_mark(&mut self, first: u8) -> Result<bool, FileFault> {
        let mut body = &self.window[self.done + 1..];
        let garbled = |Malformed| Why::Garbled;
        let noted = match first {
            opcode::SLOT_INFO => Ok(()),
            opcode::DEADLINE_MS => take(&mut body).map_err(garbled).map(|deadline| {
                // Stock takes it as a number with a sign: one before 1970 has passed.
                let deadline = i64::from_le_bytes(deadline);
                self.deadline = Some(u64::try_from(deadline).unwrap_or(0));
            }),
            opcode::DEADLINE_SECONDS => take(&mut body).map_err(garbled).map(|seconds| {
                let seconds = i64::from(i32::from_le_bytes(seconds));
                self.deadline = Some(u64::try_from(seconds).unwrap_or(0) * 1000);
            }),
            opcode::IDLE => read_length(&mut body)
                .map_err(garbled)
                .map(|seconds| self.usage = Usage::IdleSeconds(seconds)),
            opcode::FREQUENCY => take(&mut body)
                .map_err(garbled)
                .map(|[counter]| self.usage = Usage::Frequency(counter)),
            _ => return Ok(false),
        };
        noted.map_err(|why| self.fault(why, None))?;
        Ok(true)
    }

    /// What begins with `first` and has `len` bytes more.
    fn part(&mut self, first: u8, len: usize) -> Result<FilePart<'_>, FileFault> {
        let at = self.offset;
        let start = self.done + 1;
        if first == opcode::END {
            return self.read_end();
        }
        if steps_of_opcode(first).is_none() {
            return self.record(first, len);
        }
        self.step_over(1 + len);
        let body = &self.window[start..start + len];
        match read_part(first, body, self.databases) {
            Ok(part) => {
                if let FilePart::Database(database) = part {
                    self.database = database;
                }
                Ok(part)
            }
            Err(why) => Err(FileFault {
                why,
                at,
                database: self.database,
                key: None,
            }),
        }
    }

    fn record(&mut self, first: u8, len: usize) -> Result<FilePart<'_>, FileFault> {
        let at = self.offset;
        let start = self.done + 1;
        let kind = Kind::from_byte(first).map_err(|fault| {
            let key = self.key_under_way();
            self.fault(self.foreign(fault, first), key)
        })?;
        self.step_over(1 + len);
        Ok(FilePart::Record(RawRecord {
            database: self.database,
            deadline: self.deadline.take(),
            usage: std::mem::take(&mut self.usage),
            kind,
            body: &self.window[start..start + len],
            at,
        }))
    }

    /// Whose a value is that we cannot read.
    fn foreign(&self, fault: KindFault, first: u8) -> Why {
        let mut body = &self.window[self.done + 1..];
        match (fault, first) {
            (KindFault::Foreign(_), opcode::MODULE_BEFORE_4 | opcode::MODULE) => {
                let id = read_string(&mut body).and_then(|_| read_length(&mut body));
                Why::Module(module_name(id.unwrap_or(0)))
            }
            (KindFault::Foreign(byte), _) => Why::ReleaseCandidate(byte),
            (KindFault::Unknown, byte) => Why::UnknownType(byte),
        }
    }

    fn read_end(&mut self) -> Result<FilePart<'_>, FileFault> {
        let mut body = &self.window[self.done + 1..];
        let stored = take(&mut body).map_err(|Malformed| self.fault(Why::Truncated, None))?;
        let stored = u64::from_le_bytes(stored);
        self.step_over(1);
        let computed = self.sum;
        // A sum of 0 says that none was made.
        if self.checksum == Checksum::On && stored != 0 && stored != computed {
            return Err(self.fault(Why::WrongSum { stored, computed }, None));
        }
        self.step_over(8);
        self.is_over = true;
        Ok(FilePart::End { sum: stored })
    }

    fn step_over(&mut self, len: usize) {
        let end = self.done + len;
        self.sum = crc64(self.sum, &self.window[self.done..end]);
        self.done = end;
        self.offset += len as u64;
    }

    /// The key at which the bytes run out or go wrong, if it can be read.
    fn key_under_way(&self) -> Option<Vec<u8>> {
        let (&first, mut body) = self.window[self.done..].split_first()?;
        if self.version.is_none() || steps_of_opcode(first).is_some() {
            return None;
        }
        read_string(&mut body).ok().map(Cow::into_owned)
    }

    fn fault(&self, why: Why, key: Option<Vec<u8>>) -> FileFault {
        FileFault {
            why,
            at: self.offset,
            database: self.database,
            key,
        }
    }
}

fn steps(first: u8) -> &'static [opcode::Step] {
    match (steps_of_opcode(first), Kind::from_byte(first)) {
        (Some(steps), _) => steps,
        (None, Ok(kind)) => steps_of_kind(kind),
        (None, Err(_)) => steps_of_foreign(first),
    }
}

fn read_part(first: u8, mut body: &[u8], databases: usize) -> Result<FilePart<'_>, Why> {
    let body = &mut body;
    let garbled = |Malformed| Why::Garbled;
    Ok(match first {
        opcode::AUX => FilePart::Aux {
            name: read_string(body).map_err(garbled)?,
            value: read_string(body).map_err(garbled)?,
        },
        opcode::FUNCTION => FilePart::Function(read_string(body).map_err(garbled)?),
        opcode::MODULE_AUX => FilePart::ModuleAux(module_name(read_length(body).map_err(garbled)?)),
        opcode::SIZES => FilePart::Sizes(Sizes {
            keys: read_length(body).map_err(garbled)?,
            volatile: read_length(body).map_err(garbled)?,
        }),
        opcode::DATABASE => {
            let asked = read_length(body).map_err(garbled)?;
            match usize::try_from(asked) {
                Ok(database) if database < databases => FilePart::Database(database),
                _ => return Err(Why::NoDatabase { asked, databases }),
            }
        }
        opcode::FUNCTION_BEFORE_7 => return Err(Why::OldFunctions),
        _ => return Err(Why::UnknownType(first)),
    })
}

/// The nine letters in the upper 54 bits of a module's number.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |place: u32| char::from(LETTERS[(id >> (64 - 6 * place) & 63) as usize]);
    (1..=9).map(letter).collect()
}
