//! The files of the manifest into shards that nobody serves from yet: the base,
//! then what changed since, one request after the other.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use crate::command::{Lent, Table};
use crate::config::{Live, Settings};
use crate::journal::{AofFile, Manifest};
use crate::keyspace::Keyspace;
use crate::resp::{Args, Decoded, Decoder, Limits, Span};
use crate::server::load::{Failure, Manner, Source, load as load_rdb};
use crate::server::replay::{Replay, Unknown};
use crate::server::save::reason;
use crate::server::snapshot::Brake;

use super::folder::Folder;

/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 20;

/// What is to be loaded.
pub(in crate::server) struct Opened {
    pub(in crate::server) folder: Folder,
    pub(in crate::server) manifest: Manifest,
    /// A file that ends in the midst of a request is cut and loaded.
    cuts_truncated: bool,
    table: &'static Table,
    live: Arc<Live>,
}

impl Opened {
    /// Bytes of all that is to be loaded.
    pub(in crate::server) fn size(&self) -> u64 {
        let size = |file: &AofFile| {
            let found = std::fs::metadata(self.folder.file(&file.name));
            found.map_or(0, |found| found.len())
        };
        files(&self.manifest).map(size).sum()
    }
}

/// What is loaded, in this order.
fn files(manifest: &Manifest) -> impl Iterator<Item = &AofFile> {
    manifest.base.iter().chain(&manifest.increments)
}

/// The files of the settings; `None` if there are none.
pub(in crate::server) fn open(
    settings: &Settings,
    table: &'static Table,
) -> Result<Option<Opened>, String> {
    let folder = Folder::of(settings);
    let manifest = match folder.read()? {
        Some(manifest) => {
            folder.end_upgrade(&manifest)?;
            manifest
        }
        None => match folder.take_old_file()? {
            Some(manifest) => manifest,
            None => return Ok(None),
        },
    };
    Ok(Some(Opened {
        folder,
        manifest,
        cuts_truncated: settings.is_on("aof-load-truncated"),
        table,
        live: Arc::new(settings.live()),
    }))
}

/// Loads everything into shards, in the order of their cores; gives the texts
/// of the libraries. After an error they hold a part, and are to be thrown away.
pub(in crate::server) fn load(
    opened: &mut Opened,
    mut shards: Lent,
    manner: &Manner,
) -> Result<(Lent, Vec<Vec<u8>>), String> {
    let Opened {
        folder,
        manifest,
        table,
        live,
        ..
    } = opened;
    let files: Vec<AofFile> = files(manifest).cloned().collect();
    let mut functions = Vec::new();
    // Where the first file's requests begin: a server before 7.0 appended them to
    // its base.
    let mut begin = 0;
    if let Some(base) = files.first()
        && manifest.base.is_some()
        && is_rdb(folder, base)?
    {
        let path = folder.file(&base.name);
        let file = File::open(&path).map_err(|error| failed(base, &reason(&error)))?;
        let mut file = Source::of_file((file, path))?;
        let mut keyspaces: Vec<&mut Keyspace> = shards
            .iter_mut()
            .flatten()
            .map(|shard| &mut shard.keyspace)
            .collect();
        let loaded = load_rdb(&mut file, &mut keyspaces, manner)
            .map_err(|why: Failure| failed(base, why.text()))?;
        functions = loaded.functions;
        begin = loaded.end;
    }
    let mut replay = Replay::new(table, live, shards);
    replay.load_libraries(&functions).map_err(|why| {
        let name = files
            .first()
            .map_or_else(String::new, |file| shown(&file.name));
        format!("{name}: {why}")
    })?;
    for (index, file) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        load_file(opened, file, begin, is_last, &mut replay, manner)?;
        begin = 0;
    }
    Ok(replay.end())
}

fn is_rdb(folder: &Folder, file: &AofFile) -> Result<bool, String> {
    let mut head = [0; 5];
    let mut opened =
        File::open(folder.file(&file.name)).map_err(|error| failed(file, &reason(&error)))?;
    Ok(opened.read_exact(&mut head).is_ok() && head == *b"REDIS")
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn failed(file: &AofFile, why: &str) -> String {
    let name = shown(&file.name);
    format!("Fatal error: can't open the append log file {name} for reading: {why}")
}

/// Where a file's requests end.
enum End {
    /// At its end.
    Whole,
    /// In the midst of one, or of a transaction, that began here.
    Cut(u64),
}

/// Does the requests of one file again, which begin here in it.
fn load_file(
    opened: &Opened,
    file: &AofFile,
    begin: u64,
    is_last: bool,
    replay: &mut Replay,
    manner: &Manner,
) -> Result<(), String> {
    let path = opened.folder.file(&file.name);
    let name = shown(&file.name);
    let mut source = File::open(&path).map_err(|error| failed(file, &reason(&error)))?;
    source
        .seek(SeekFrom::Start(begin))
        .map_err(|error| failed(file, &reason(&error)))?;
    let loaded = &manner.persistence.loading_loaded_bytes;
    let before = loaded.read() - begin;
    let tell = |offset| loaded.set(before + offset);
    let requests = Requests::behind(begin);
    let mut brake = Brake::default();
    let end = each_request(&mut source, requests, |args, offset| {
        tell(offset);
        brake.pass(&manner.persistence.load_delay, || false);
        replay.run(args).map_err(|Unknown(why)| why)
    })
    .map_err(|fault| match fault {
        Fault::Read(why) => failed(file, &why),
        Fault::Format(at) => format!(
            "Bad file format reading the append only file {name} at offset {at}: make a backup of your AOF file, then use ./basalt-check-aof --fix <filename.manifest>"
        ),
        Fault::Request(at, why) => format!("{why} in {name} at offset {at}"),
    })?;
    let End::Cut(at) = end else { return Ok(()) };
    manner.log.warning(&format!(
        "!!! Warning: short read while loading the AOF file {name}!!!"
    ));
    if replay.give_up_transaction() {
        manner.log.warning(&format!(
            "Revert incomplete MULTI/EXEC transaction from AOF file {name}"
        ));
    }
    if !is_last {
        return Err(format!(
            "Fatal error: the truncated file {name} is not the last file"
        ));
    }
    if !opened.cuts_truncated {
        return Err(format!(
            "Unexpected end of file reading the append only file {name} at offset {at}. You can: 1) Make a backup of your AOF file, then use ./basalt-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to yes and restart the server."
        ));
    }
    let cut = OpenOptions::new().write(true).open(&path);
    let cut = cut.and_then(|file| file.set_len(at));
    cut.map_err(|error| format!("Error truncating the AOF file {name}: {}", reason(&error)))?;
    manner
        .log
        .warning(&format!("Truncating the AOF {name} at offset {at}"));
    manner.log.warning(&format!(
        "AOF {name} loaded anyway because aof-load-truncated is enabled"
    ));
    Ok(())
}

/// Why a file is not whole.
pub(super) enum Fault {
    Read(String),
    /// At this offset begins what is no request.
    Format(u64),
    /// The one at this offset cannot be done.
    Request(u64, String),
}

/// Gives every request of a file, with the offset behind it.
fn each_request(
    source: &mut File,
    mut requests: Requests,
    mut run: impl FnMut(Args<'_>, u64) -> Result<(), String>,
) -> Result<End, Fault> {
    let mut chunk = vec![0; READ_BYTES];
    // Where what has been done ends: requests between MULTI and EXEC have not.
    let mut whole = requests.offset();
    let mut is_within = false;
    loop {
        let len = match source.read(&mut chunk) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::Read(reason(&error))),
        };
        if len == 0 {
            let is_whole = requests.is_at_end() && !is_within;
            return Ok(if is_whole {
                End::Whole
            } else {
                End::Cut(whole)
            });
        }
        requests.on_bytes(&chunk[..len]);
        while let Some((begin, args)) = requests.next()? {
            if args.is(0, b"multi") {
                is_within = true;
            } else if args.is(0, b"exec") {
                is_within = false;
            }
            let end = begin.1;
            run(args, end).map_err(|why| Fault::Request(begin.0, why))?;
            if !is_within {
                whole = end;
            }
        }
        if !is_within {
            whole = whole.max(requests.offset());
        }
    }
}

/// A request, where it begins and where it ends.
type Placed<'a> = ((u64, u64), Args<'a>);

/// What a file is made of.
pub(super) enum Part {
    /// What is left is not whole.
    Nothing,
    Time {
        at: u64,
        seconds: u64,
    },
    Request {
        at: u64,
        end: u64,
        is_multi: bool,
        is_exec: bool,
    },
}

/// Cuts a file into requests.
#[derive(Default)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    start: usize,
    /// Of the file, at `start`.
    offset: u64,
    decoder: Decoder,
    spans: Vec<Span>,
}

impl Requests {
    /// Of a file in which something else takes these bytes.
    pub(super) fn behind(offset: u64) -> Requests {
        Requests {
            offset,
            ..Requests::default()
        }
    }

    pub(super) fn on_bytes(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing is left that is no whole request.
    pub(super) fn is_at_end(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Behind everything that was given.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next request or the next time, without the words.
    pub(super) fn next_part(&mut self) -> Result<Part, Fault> {
        let at = self.offset;
        if let Some(b'#') = self.bytes.get(self.start) {
            let Some(line) = self.take_line() else {
                return Ok(Part::Nothing);
            };
            let seconds = line.strip_prefix(b"#TS:").and_then(|text| {
                let text = std::str::from_utf8(text.trim_ascii_end()).ok()?;
                text.parse().ok()
            });
            let seconds = seconds.unwrap_or(0);
            return Ok(Part::Time { at, seconds });
        }
        let next = self.next()?;
        Ok(
            next.map_or(Part::Nothing, |((at, end), args)| Part::Request {
                at,
                end,
                is_multi: args.is(0, b"multi"),
                is_exec: args.is(0, b"exec"),
            }),
        )
    }

    /// A line that is no request.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.start..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest[..end].to_vec();
        self.start += end + 1;
        self.offset += end as u64 + 1;
        Some(line)
    }

    /// The next request, where it begins and where it ends; lines that tell the
    /// time are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Placed<'_>>, Fault> {
        let limits = Limits {
            bulk_bytes_max: i64::MAX as u64,
            query_bytes_max: u64::MAX,
            multibulk_max: i64::MAX,
            authenticated: true,
        };
        loop {
            match self.bytes.get(self.start) {
                None => return Ok(None),
                Some(b'#') => {
                    if self.take_line().is_none() {
                        return Ok(None);
                    }
                }
                Some(b'*') => break,
                Some(_) => return Err(Fault::Format(self.offset)),
            }
        }
        self.spans.clear();
        let rest = &self.bytes[self.start..];
        match self.decoder.decode(rest, &mut self.spans, &limits) {
            Ok(Decoded::Request { consumed }) => {
                // Clients' requests are not looked at so closely.
                let is_ended = |span: &Span| {
                    let end = span.start as usize + span.len as usize;
                    rest[end..].starts_with(b"\r\n")
                };
                if !self.spans.iter().all(is_ended) {
                    return Err(Fault::Format(self.offset));
                }
                let (at, begin) = (self.start, self.offset);
                self.start += consumed;
                self.offset += consumed as u64;
                let args = Args::new(&self.bytes[at..], &self.spans);
                Ok(Some(((begin, self.offset), args)))
            }
            Ok(Decoded::Incomplete { .. }) => Ok(None),
            Ok(_) | Err(_) => Err(Fault::Format(self.offset)),
        }
    }
}
