//! The data into a file, from shards that nobody else can touch.
//!
//! A thread for each shard serialises it into pieces; this one puts the pieces
//! in a row and writes them. A piece in hand and a few ahead for each shard are
//! all that is in memory at a time.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::command::{REDIS_VERSION, with_value};
use crate::config::{Policy, Settings};
use crate::keyspace::{Clock, Found, Keyspace, Overdue, Touch};
use crate::replication::ReplicationId;
use crate::runtime::clock::unix_ms;
use crate::shard::Shard;
use crate::snapshot::{
    Checksum, Compression, Dialect, FileWriter, Header, OfHistory, PIECE_BYTES, Parts, Piece,
    Pieces, Record, Sink, Sizes, Usage, write_record,
};

/// Pieces that a shard's thread may be ahead of the writer.
const PIECES_AHEAD: usize = 4;

/// Keys visited between two looks at whether the file is given up.
const KEYS_PER_STEP: usize = 256;

/// Bytes written before they are synced, where that is done on the way: the disk
/// has little left to do at the end, and other files' syncs do not wait long.
const SYNC_BYTES: u64 = 4 << 20;

/// Values of more bytes are written in pieces, by a walk beside writers.
const LARGE: usize = PIECE_BYTES;

/// Texts of more bytes are not compressed by the core that has them, beside writers.
const LONG: usize = 256 << 10;

/// Longer strings are not compressed at all beside writers: it would hold the writer up
/// for half a second.
pub(super) const COMPRESSED_MAX: usize = 32 << 20;

/// Texts of more bytes go to the writer in pages.
const PAGED: usize = 1 << 20;

/// How a file is written.
pub(super) struct Manner {
    pub(super) name: PathBuf,
    /// See `LARGE` and `LONG`.
    pub(super) large: usize,
    pub(super) long: usize,
    /// See `PAGED` and `COMPRESSED_MAX`.
    pub(super) paged: usize,
    pub(super) compressed_max: usize,
    compression: Compression,
    pub(super) checksum: Checksum,
    /// Sync on the way.
    pub(super) syncs: bool,
    /// What is told of when keys were used.
    told: Told,
    pub(super) now_ms: u64,
    /// For an append-only file to go on from.
    pub(super) is_aof_base: bool,
    /// The history that the data is of, and the database in its stream.
    history: Option<(ReplicationId, usize)>,
    /// `Control::lineage`, for a file that this node begins with.
    lineage: Option<String>,
}

#[derive(Clone, Copy)]
enum Told {
    Nothing,
    Idleness,
    /// By counters that lose one in so many minutes.
    Frequency(u32),
}

impl Manner {
    /// As the settings say.
    pub(super) fn of(settings: &Settings) -> Manner {
        let live = settings.live();
        let told = match live.maxmemory_policy {
            Policy::VolatileLru | Policy::AllkeysLru => Told::Idleness,
            Policy::VolatileLfu | Policy::AllkeysLfu => Told::Frequency(live.lfu_decay_time),
            Policy::VolatileRandom
            | Policy::VolatileTtl
            | Policy::AllkeysRandom
            | Policy::NoEviction => Told::Nothing,
        };
        let is_on = |name| settings.is_on(name);
        Manner {
            name: file_name(settings),
            large: LARGE,
            long: LONG,
            paged: PAGED,
            compressed_max: COMPRESSED_MAX,
            compression: if is_on("rdbcompression") {
                Compression::On
            } else {
                Compression::Off
            },
            checksum: checksum(settings),
            syncs: is_on("rdb-save-incremental-fsync"),
            told,
            now_ms: unix_ms(),
            is_aof_base: false,
            history: None,
            lineage: None,
        }
    }

    /// For data of this history, with this database selected in its stream.
    pub(super) fn of_data(self, history: Option<(ReplicationId, usize)>) -> Manner {
        Manner { history, ..self }
    }

    /// For the file of `dbfilename`.
    pub(super) fn of_lineage(self, lineage: String) -> Manner {
        Manner {
            lineage: Some(lineage),
            ..self
        }
    }

    /// What the file says of that.
    pub(super) fn lineage(&self) -> Option<&str> {
        self.lineage.as_deref()
    }

    /// What the file says of the history.
    pub(super) fn of_history(&self) -> Option<OfHistory<'_>> {
        let (id, database) = self.history.as_ref()?;
        Some(OfHistory {
            id: id.as_str(),
            database: *database,
        })
    }

    /// The base of an append-only file, at this place.
    pub(super) fn of_base(settings: &Settings, name: PathBuf) -> Manner {
        Manner {
            name,
            is_aof_base: true,
            ..Manner::of(settings)
        }
    }

    /// The bytes are read again at once, by who makes something else of them.
    pub(super) fn plain(self) -> Manner {
        Manner {
            compression: Compression::Off,
            checksum: Checksum::Off,
            ..self
        }
    }

    /// Writes a key.
    pub(super) fn write<F: FnMut(Piece)>(&self, pieces: &mut Pieces<F>, found: &Found<'_>) {
        self.write_to(pieces, found);
        pieces.end_record();
    }

    /// Writes a key without more.
    pub(super) fn write_to(&self, out: &mut impl Sink, found: &Found<'_>) {
        self.with_record(found, |record| {
            write_record(out, record, self.compression);
        });
    }

    /// Whether compressing a text takes long.
    pub(super) fn is_long(&self, found: &Found<'_>) -> bool {
        found.text().is_some_and(|text| text.len() > self.long)
    }

    /// Whether a text of so many bytes goes to the writer in pages.
    pub(super) fn is_paged(&self, bytes: usize) -> bool {
        bytes > self.paged
    }

    /// Whether a text of so many bytes, in pages, is compressed.
    pub(super) fn is_compressed(&self, bytes: usize) -> bool {
        self.compression == Compression::On && bytes <= self.compressed_max
    }

    /// Begins to write a key with a large value.
    pub(super) fn begin(&self, out: &mut impl Sink, found: &Found<'_>) -> Parts {
        self.with_record(found, |record| Parts::begin(out, record, self.compression))
    }

    fn with_record<R>(&self, found: &Found<'_>, pass: impl FnOnce(&Record<'_>) -> R) -> R {
        with_value(found, |value| {
            pass(&Record {
                key: found.key(),
                value,
                deadline: found.deadline(),
                usage: self.usage(found),
            })
        })
    }

    fn usage(&self, found: &Found<'_>) -> Usage {
        match self.told {
            Told::Nothing => Usage::Untold,
            Told::Idleness => Usage::IdleSeconds(found.idle_ms(self.now_ms) / 1000),
            Told::Frequency(decay) => Usage::Frequency(found.frequency(self.now_ms, decay)),
        }
    }
}

/// The file of `dbfilename`, in the working directory, which is `dir`.
pub(super) fn file_name(settings: &Settings) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(settings.bytes("dbfilename")))
}

pub(super) fn checksum(settings: &Settings) -> Checksum {
    if settings.is_on("rdbchecksum") {
        Checksum::On
    } else {
        Checksum::Off
    }
}

/// Writes the data of all shards, which stands at that offset of its history, and
/// the texts of the libraries. The file is there whole, or what was there before
/// still is; then the error says why.
pub(super) fn save(
    shards: &mut [Box<Shard>],
    functions: &[Vec<u8>],
    manner: &Manner,
    offset: Option<u64>,
) -> Result<(), String> {
    let sizes = sizes(shards.iter().map(|shard| &shard.keyspace));
    let header = Header {
        dialect: dialect(shards.iter().map(|shard| &shard.keyspace)),
        redis_version: REDIS_VERSION,
        basalt_version: env!("CARGO_PKG_VERSION"),
        created: manner.now_ms / 1000,
        used_memory: crate::memory::used_memory() as u64,
        is_aof_base: manner.is_aof_base,
        history: manner.of_history(),
        lineage: manner.lineage(),
        functions,
    };
    let mut writer = FileWriter::new(manner.checksum, sizes);
    let mut file = Temporary::create("temp", manner.syncs)?;
    let begin = writer.begin(&header);
    let written = file
        .write(&begin)
        .and_then(|()| write_shards(shards, manner, &mut writer, &mut file));
    written
        .and_then(|()| file.write(&writer.end(offset)))
        .and_then(|()| file.sync())
        .map_err(|error| format!("Write error saving DB on disk: {}", reason(&error)))?;
    file.become_file(&manner.name)
}

/// What every field with a deadline needs, if there is one.
pub(super) fn dialect<'a>(mut shards: impl Iterator<Item = &'a Keyspace>) -> Dialect {
    let has = |keyspace: &Keyspace| {
        let mut databases = (0..keyspace.databases()).map(|index| keyspace.db(index));
        databases.any(|database| database.has_field_deadlines())
    };
    if shards.any(has) {
        Dialect::FieldDeadlines
    } else {
        Dialect::Common
    }
}

/// What each database holds on all shards together.
pub(super) fn sizes<'a>(shards: impl Iterator<Item = &'a Keyspace>) -> Vec<Sizes> {
    let mut sizes = Vec::new();
    for keyspace in shards {
        sizes.resize(keyspace.databases(), Sizes::default());
        for (index, sum) in sizes.iter_mut().enumerate() {
            let database = keyspace.db(index);
            sum.keys += database.len() as u64;
            sum.volatile += database.expires_len() as u64;
        }
    }
    sizes
}

fn write_shards(
    shards: &mut [Box<Shard>],
    manner: &Manner,
    writer: &mut FileWriter,
    file: &mut Temporary,
) -> io::Result<()> {
    thread::scope(|scope| {
        let rows = shards.iter_mut().map(|shard| {
            let (send, receive) = sync_channel(PIECES_AHEAD);
            scope.spawn(move || serialise(&mut shard.keyspace, manner, send));
            Row {
                pieces: receive,
                next: None,
            }
        });
        // All threads are started before the first piece is waited for. When
        // writing fails, the rows go, and the threads see that.
        let mut rows: Vec<Row> = rows.collect();
        rows.iter_mut().for_each(Row::step);
        while let Some(database) = rows.iter().filter_map(Row::database).min() {
            for row in &mut rows {
                row.write_one(database, |piece| {
                    let before = writer.before(piece);
                    file.write(&before)?;
                    file.write(&piece.bytes)
                })?;
            }
        }
        Ok(())
    })
}

/// The pieces of one shard.
struct Row {
    pieces: Receiver<Piece>,
    next: Option<Piece>,
}

impl Row {
    /// Waits for the next piece; there is none after the last.
    fn step(&mut self) {
        self.next = self.pieces.recv().ok();
    }

    fn database(&self) -> Option<usize> {
        Some(self.next.as_ref()?.database)
    }

    /// Writes the next piece if it is of this database, and what goes on with
    /// it.
    fn write_one(
        &mut self,
        database: usize,
        mut write: impl FnMut(&Piece) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(piece) = self.next.take_if(|piece| piece.database == database) {
            write(&piece)?;
            self.step();
            if !piece.goes_on {
                break;
            }
        }
        Ok(())
    }
}

/// Hands the keys of a shard on, database by database, until all are or nobody
/// takes them.
fn serialise(keyspace: &mut Keyspace, manner: &Manner, send: SyncSender<Piece>) {
    let is_wanted = std::cell::Cell::new(true);
    let mut pieces = Pieces::new(|piece| {
        if is_wanted.get() {
            is_wanted.set(send.send(piece).is_ok());
        }
    });
    // At the beginning of time no key is over: as with stock, those whose time
    // has come go into the file too, and who loads it counts them.
    let clock = Clock {
        now: 0,
        touch: Touch::Leave,
        overdue: Overdue::Left,
    };
    for index in 0..keyspace.databases() {
        pieces.select(index);
        let database = keyspace.db(index);
        let mut cursor = 0;
        while is_wanted.get() {
            cursor = database.scan(cursor, KEYS_PER_STEP, &clock, |found| {
                manner.write(&mut pieces, found);
            });
            if cursor == 0 {
                break;
            }
        }
    }
    pieces.flush();
}

/// A file that stays or takes another name when it is whole, and else goes.
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    syncs: bool,
    unsynced: u64,
    stays: bool,
}

impl Temporary {
    /// Makes it at this place.
    pub(super) fn at(path: PathBuf, syncs: bool) -> io::Result<Temporary> {
        Ok(Temporary {
            file: File::create(&path)?,
            path,
            syncs,
            unsynced: 0,
            stays: false,
        })
    }

    /// Makes `<name>-<pid>.rdb` in the working directory.
    pub(super) fn create(name: &str, syncs: bool) -> Result<Temporary, String> {
        let path = PathBuf::from(format!("{name}-{}.rdb", std::process::id()));
        Temporary::at(path.clone(), syncs).map_err(|error| {
            let reason = reason(&error);
            format!(
                "Failed opening the temp RDB file {} (in server root dir {}) for saving: {reason}",
                path.display(),
                directory()
            )
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsynced += bytes.len() as u64;
        if self.syncs && self.unsynced >= SYNC_BYTES {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Stays where it is.
    pub(super) fn keep(mut self) {
        self.stays = true;
    }

    /// Takes this name, in the same directory, and makes that last.
    pub(super) fn become_file(mut self, name: &Path) -> Result<(), String> {
        let renamed = std::fs::rename(&self.path, name);
        self.stays = renamed.is_ok();
        renamed
            .and_then(|()| File::open(".")?.sync_all())
            .map_err(|error| {
                format!(
                    "Error moving temp DB file {} on the final destination {} (in server root dir {}): {}",
                    self.path.display(),
                    name.display(),
                    directory(),
                    reason(&error)
                )
            })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays {
            // What cannot be removed is written over the next time.
            let _left = std::fs::remove_file(&self.path).is_err();
        }
    }
}

fn directory() -> String {
    let here = std::env::current_dir().unwrap_or_default();
    here.display().to_string()
}

/// What the system says, as C says it.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}
