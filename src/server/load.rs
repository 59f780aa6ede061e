//! A file into keyspaces that nobody serves from yet.
//!
//! This thread reads the file and finds its keys; a thread for each shard
//! decodes and inserts those that belong there. A keyspace is given to its core
//! when the whole file was right, so there are no half-loaded ones.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::base::slot_of;
use crate::command::{LibraryHost, Placement, REDIS_VERSION, idle_for, rules, used_often};
use crate::config::{Encodings, Settings};
use crate::keyspace::{Clock, Key, Keyspace, Lifetime, Overdue, Touch};
use crate::replication::{ReplicationId, Standing};
use crate::runtime::clock::unix_ms;
use crate::script::{Existing, Libraries};
use crate::snapshot::{
    Checksum, FileFault, FilePart, FileReader, Kind, RawRecord, Restored, Usage, Why,
};
use crate::telemetry::Persistence;

use super::log::Log;
use super::save::{checksum, file_name, reason};
use super::snapshot::Brake;
use super::tick::touch_of;

/// Bytes read from the file at once.
const READ_BYTES: usize = 256 << 10;

/// Bytes of records that are sent to a shard's thread at once, and how many
/// such portions it may be behind.
const PORTION_BYTES: usize = 256 << 10;
const PORTIONS_AHEAD: usize = 4;

/// Empty keys that the log names.
const EMPTY_NAMED_MAX: u64 = 10;

/// How a file is loaded.
pub(super) struct Manner {
    checksum: Checksum,
    encodings: Encodings,
    touch: Touch,
    is_lfu: bool,
    /// What to do with a key that is there.
    pub(super) existing: Existing,
    /// Keys whose time has come stay: that they went comes later.
    keeps_expired: bool,
    /// The same, if the file says of which history it is.
    pub(super) goes_on: bool,
    /// Something else may stand behind the file's end, which is not read.
    stops_at_end: bool,
    /// Texts of the libraries that are there.
    pub(super) libraries: Vec<Vec<u8>>,
    pub(super) log: Log,
    pub(super) persistence: Arc<Persistence>,
}

impl Manner {
    pub(super) fn of(settings: &Settings, log: Log, persistence: Arc<Persistence>) -> Manner {
        let live = settings.live();
        Manner {
            checksum: checksum(settings),
            encodings: live.encodings,
            touch: touch_of(&live),
            is_lfu: live.maxmemory_policy.is_lfu(),
            existing: Existing::Refused,
            keeps_expired: false,
            goes_on: false,
            stops_at_end: false,
            libraries: Vec::new(),
            log,
            persistence,
        }
    }

    /// For the base of an append-only file: that keys went was recorded, and
    /// what was recorded may stand in the same file.
    pub(super) fn keeps_what_is_recorded(&mut self) {
        self.keeps_expired = true;
        self.stops_at_end = true;
    }

    /// The libraries that are there, in which those of the file are tried.
    fn present(&self) -> Libraries {
        let mut libraries = Libraries::new(REDIS_VERSION);
        for text in &self.libraries {
            let mut host = LibraryHost::unhurried(super::boot::SYSTEM);
            let loaded = libraries.load(text, Existing::Refused, &mut host);
            loaded.expect("every core has loaded it");
        }
        libraries
    }
}

/// Why a file was not loaded.
pub(super) enum Failure {
    /// It is not right, or cannot be read.
    File(String),
    /// A library in it is none, or cannot be beside those that are there.
    Library(String),
}

impl From<FileFault> for Failure {
    fn from(fault: FileFault) -> Self {
        match fault.why {
            Why::Library(_) => Self::Library(fault.to_string()),
            _ => Self::File(fault.to_string()),
        }
    }
}

impl Failure {
    pub(super) fn text(&self) -> &str {
        let (Self::File(text) | Self::Library(text)) = self;
        text
    }
}

/// Where a file's bytes come from.
pub(super) struct Source {
    pub(super) bytes: Box<dyn Read + Send>,
    /// How many; the largest number if nobody knows.
    pub(super) total: u64,
    /// For the log.
    pub(super) name: String,
}

impl Source {
    /// A file that is there.
    pub(super) fn of_file((file, path): (File, PathBuf)) -> Result<Source, String> {
        let metadata = file.metadata().map_err(|error| reason(&error))?;
        Ok(Source {
            total: metadata.len(),
            bytes: Box::new(file),
            name: path.display().to_string(),
        })
    }
}

/// What a file had, besides its keys.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    /// The texts of the libraries.
    pub(super) functions: Vec<Vec<u8>>,
    /// The database that was selected in the stream where the file was made.
    pub(super) stream_database: usize,
    /// What history the data is of, and where it stands in it.
    id: Option<ReplicationId>,
    offset: Option<u64>,
    /// Of whom the data is, in the words of `Control::lineage`.
    pub(super) lineage: Option<String>,
    /// Bytes of the file.
    pub(super) end: u64,
    count: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    loaded: u64,
    expired: u64,
    empty: u64,
}

/// The file of the settings; `None` if there is none.
pub(super) fn open(settings: &Settings) -> Result<Option<(File, PathBuf)>, String> {
    let path = file_name(settings);
    match File::open(&path) {
        Ok(file) => Ok(Some((file, path))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!(
            "Fatal error loading the DB: {}: {}. Exiting.",
            path.display(),
            reason(&error)
        )),
    }
}

/// Loads a file into one keyspace for each shard, in the shards' order. After an
/// error they hold a part of it, and are to be thrown away.
pub(super) fn load(
    source: &mut Source,
    keyspaces: &mut [&mut Keyspace],
    manner: &Manner,
) -> Result<Loaded, Failure> {
    let total = source.total;
    let now_ms = unix_ms();
    let databases = keyspaces.first().map_or(0, |keyspace| keyspace.databases());
    let placement = Placement::new(keyspaces.len());
    let (splitting, counts) = thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut rows = Vec::new();
        for keyspace in keyspaces {
            let (send, receive) = sync_channel(PORTIONS_AHEAD);
            rows.push(Row {
                send,
                portion: Portion {
                    keeps_expired: manner.keeps_expired,
                    ..Portion::default()
                },
            });
            threads.push(scope.spawn(move || insert_all(keyspace, &receive, now_ms, manner)));
        }
        let mut splitter = Splitter {
            reader: FileReader::new(total, databases, manner.checksum),
            rows,
            placement,
            libraries: manner.present(),
            loaded: Loaded::default(),
            manner,
            now_ms,
            brake: Brake::default(),
        };
        let splitting = splitter.split(&mut *source.bytes);
        // Also what comes before a fault: it may be the earlier one.
        splitter.rows.iter_mut().for_each(|row| {
            row.send();
        });
        let mut loaded = splitter.loaded;
        loaded.end = splitter.reader.offset();
        // The threads end when nothing more can come.
        drop(splitter.rows);
        let counts: Vec<_> = threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(count) => count,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect();
        (splitting.map(|()| loaded), counts)
    });
    // What a shard's thread found comes earlier in the file than what made the
    // splitter stop.
    let faults = counts.iter().filter_map(|count| count.as_ref().err());
    if let Some(fault) = faults.min_by_key(|fault| fault.at) {
        return Err(fault.clone().into());
    }
    let mut loaded = splitting?;
    for count in counts.into_iter().flatten() {
        loaded.count.loaded += count.loaded;
        loaded.count.expired += count.expired;
        loaded.count.empty += count.empty;
    }
    manner.persistence.keys_loaded.set(loaded.count.loaded);
    manner.persistence.keys_expired.set(loaded.count.expired);
    Ok(loaded)
}

impl Loaded {
    /// Of something else than an RDB file.
    pub(super) fn of_functions(functions: Vec<Vec<u8>>) -> Loaded {
        Loaded {
            functions,
            ..Loaded::default()
        }
    }

    /// Where the data stands, if the file says so.
    pub(super) fn standing(&self) -> Option<Standing> {
        Some(Standing {
            id: self.id?,
            offset: self.offset?,
            database: self.stream_database,
        })
    }

    /// The line that says how many keys came.
    pub(super) fn line(&self) -> String {
        let Count {
            loaded,
            expired,
            empty,
        } = self.count;
        let line = format!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}");
        match empty {
            0 => format!("{line}."),
            _ => format!("{line}, empty keys skipped: {empty}."),
        }
    }
}

/// Records on their way to a shard's thread.
#[derive(Default)]
struct Portion {
    /// Keys whose time has come stay.
    keeps_expired: bool,
    bytes: Vec<u8>,
    records: Vec<Placed>,
}

/// A record whose bytes end in a portion there.
struct Placed {
    database: usize,
    deadline: Option<u64>,
    usage: Usage,
    kind: Kind,
    at: u64,
    end: usize,
}

struct Row {
    send: SyncSender<Portion>,
    portion: Portion,
}

impl Row {
    /// Sends what there is; `false` if the thread has given up.
    fn send(&mut self) -> bool {
        let next = Portion {
            keeps_expired: self.portion.keeps_expired,
            ..Portion::default()
        };
        let portion = std::mem::replace(&mut self.portion, next);
        portion.records.is_empty() || self.send.send(portion).is_ok()
    }
}

/// The thread that reads the file.
struct Splitter<'a> {
    reader: FileReader,
    rows: Vec<Row>,
    placement: Placement,
    /// Every library is tried before the cores get it.
    libraries: Libraries,
    loaded: Loaded,
    manner: &'a Manner,
    now_ms: u64,
    brake: Brake,
}

impl Splitter<'_> {
    fn split(&mut self, file: &mut dyn Read) -> Result<(), Failure> {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let len = match file.read(&mut bytes) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = reason(&error);
                    return Err(Failure::File(format!("Error reading the file: {reason}")));
                }
            };
            if len == 0 {
                break;
            }
            self.reader.on_bytes(&bytes[..len]);
            let goes_on = self.take_parts()?;
            let offset = self.reader.offset();
            self.manner.persistence.loading_loaded_bytes.set(offset);
            let is_over = self.manner.stops_at_end && self.reader.is_over();
            if !goes_on || is_over {
                return Ok(());
            }
        }
        Ok(self.reader.on_end()?)
    }

    /// Takes what has come; `false` if a shard's thread has given up.
    fn take_parts(&mut self) -> Result<bool, FileFault> {
        while let Some(part) = self.reader.next_part()? {
            match part {
                FilePart::Record(record) => {
                    let delay = &self.manner.persistence.load_delay;
                    self.brake.pass(delay, || false);
                    let core = self.placement.core_of(slot_of(&record.key()?));
                    if !self.rows[core].add(&record) {
                        return Ok(false);
                    }
                }
                FilePart::Aux { name, value } => {
                    let (name, value) = (name.into_owned(), value.into_owned());
                    self.note_aux(&name, &value);
                }
                FilePart::Function(text) => {
                    let text = text.into_owned();
                    self.take_library(text)?;
                }
                FilePart::ModuleAux(module) => self.manner.log.warning(&format!(
                    "The RDB file contains AUX module data I can't load: no matching module \
                     '{module}'. It is skipped."
                )),
                FilePart::End { sum: 0 } if self.manner.checksum == Checksum::On => {
                    self.manner
                        .log
                        .notice("RDB file was saved with checksum disabled: no check performed.");
                }
                FilePart::Version(_)
                | FilePart::Database(_)
                | FilePart::Sizes(_)
                | FilePart::End { .. } => {}
            }
        }
        Ok(true)
    }

    /// What stock says of these into its log.
    fn note_aux(&mut self, name: &[u8], value: &[u8]) {
        let log = &self.manner.log;
        let value = String::from_utf8_lossy(value);
        match name {
            b"redis-ver" | b"valkey-ver" => {
                log.notice(&format!("Loading RDB produced by version {value}"));
            }
            b"ctime" => {
                let created: u64 = value.parse().unwrap_or(0);
                let age = (self.now_ms / 1000).saturating_sub(created);
                log.notice(&format!("RDB age {age} seconds"));
            }
            b"used-mem" => {
                let bytes: u64 = value.parse().unwrap_or(0);
                let megabytes = bytes as f64 / f64::from(1 << 20);
                let line = format!("RDB memory usage when created {megabytes:.2} Mb");
                log.notice(&line);
                self.manner.persistence.loading_used_memory.set(bytes);
            }
            b"repl-stream-db" => {
                self.loaded.stream_database = value.parse().unwrap_or(0);
            }
            b"repl-id" => {
                self.loaded.id = ReplicationId::parse(value.as_bytes());
                for row in &mut self.rows {
                    row.portion.keeps_expired = self.manner.goes_on;
                }
            }
            b"basalt-lineage" => self.loaded.lineage = Some(value.into_owned()),
            b"repl-offset" => self.loaded.offset = value.parse().ok(),
            _ if name.starts_with(b"%") => {
                let name = String::from_utf8_lossy(name);
                log.notice(&format!("RDB '{name}': {value}"));
            }
            _ => {}
        }
    }

    fn take_library(&mut self, text: Vec<u8>) -> Result<(), FileFault> {
        let mut host = LibraryHost::unhurried(super::boot::SYSTEM);
        match self.libraries.load(&text, self.manner.existing, &mut host) {
            Ok(_) => self.loaded.functions.push(text),
            Err(refusal) => {
                return Err(FileFault {
                    why: Why::Library(refusal.to_string()),
                    at: self.reader.offset(),
                    database: 0,
                    key: None,
                });
            }
        }
        Ok(())
    }
}

impl Row {
    fn add(&mut self, record: &RawRecord<'_>) -> bool {
        self.portion.bytes.extend_from_slice(record.body);
        self.portion.records.push(Placed {
            database: record.database,
            deadline: record.deadline,
            usage: record.usage,
            kind: record.kind,
            at: record.at,
            end: self.portion.bytes.len(),
        });
        self.portion.bytes.len() < PORTION_BYTES || self.send()
    }
}

/// A shard's thread: everything that comes is decoded and inserted.
fn insert_all(
    keyspace: &mut Keyspace,
    portions: &Receiver<Portion>,
    now_ms: u64,
    manner: &Manner,
) -> Result<Count, FileFault> {
    let rules = rules(&manner.encodings, keyspace.hash_key());
    let mut count = Count::default();
    while let Ok(portion) = portions.recv() {
        let clock = Clock {
            now: now_ms,
            touch: manner.touch,
            overdue: match portion.keeps_expired {
                true => Overdue::Found,
                false => Overdue::Removed,
            },
        };
        let mut start = 0;
        for placed in &portion.records {
            let record = RawRecord {
                database: placed.database,
                deadline: placed.deadline,
                usage: placed.usage,
                kind: placed.kind,
                body: &portion.bytes[start..placed.end],
                at: placed.at,
            };
            start = placed.end;
            let (name, value) = record.decode(&rules)?;
            if value.is_empty() {
                if count.empty < EMPTY_NAMED_MAX {
                    let name = name.escape_ascii();
                    let line = format!("rdbLoadObject skipping empty key: {name}");
                    manner.log.notice(&line);
                }
                count.empty += 1;
                continue;
            }
            let is_over = record.deadline.is_some_and(|deadline| deadline < now_ms);
            if is_over && !manner.keeps_expired {
                count.expired += 1;
            } else {
                count.loaded += 1;
            }
            if !is_over || portion.keeps_expired {
                let key = keyspace.key(&name);
                insert(keyspace, key, value, &record, &clock, manner)?;
            }
        }
    }
    Ok(count)
}

fn insert(
    keyspace: &mut Keyspace,
    key: Key<'_>,
    value: Restored<'_>,
    record: &RawRecord<'_>,
    clock: &Clock,
    manner: &Manner,
) -> Result<(), FileFault> {
    let database = keyspace.db_mut(record.database);
    if database.has(key, clock) {
        if manner.existing == Existing::Refused {
            return Err(record.fault(Why::Twice, Some(key.bytes)));
        }
        database.remove(key, clock);
    }
    let lifetime = record.deadline.map_or(Lifetime::Forever, Lifetime::Until);
    match value {
        Restored::Text(text) => match text {
            std::borrow::Cow::Borrowed(text) => database.set(key, text, lifetime, clock),
            std::borrow::Cow::Owned(text) => database.set_owned(key, text, lifetime, clock),
        },
        Restored::Compound(value) => database.set_compound(key, value, lifetime, clock),
    }
    let access = match record.usage {
        Usage::IdleSeconds(seconds) if !manner.is_lfu => idle_for(seconds, clock.now),
        Usage::Frequency(counter) if manner.is_lfu => used_often(counter, clock.now),
        Usage::Untold | Usage::IdleSeconds(_) | Usage::Frequency(_) => return Ok(()),
    };
    database.set_access(key, access, clock);
    Ok(())
}
