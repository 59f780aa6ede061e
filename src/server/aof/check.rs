//! `basalt-check-aof`: the files of an append-only file are read as at a start,
//! and told of; with `--fix` the last is cut where it is not whole. The lines
//! are those of stock's tool.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::journal::Manifest;
use crate::server::boot::{complain, say};
use crate::server::check::check_rdb;
use crate::server::save::reason;

use super::load::{Fault, Part, Requests};

/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 20;

/// The words behind the tool's name, if the program was asked to check a file.
pub(in crate::server) fn asked<'a>(program: &[u8], words: &'a [Vec<u8>]) -> Option<&'a [Vec<u8>]> {
    let name = program.rsplit(|byte| *byte == b'/').next();
    if matches!(name, Some(b"basalt-check-aof" | b"redis-check-aof")) {
        return Some(words);
    }
    let (first, rest) = words.split_first()?;
    (first == b"--check-aof").then_some(rest)
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Check,
    Fix,
    /// Cut behind the last line that tells a time up to this one, in seconds.
    CutAt(u64),
}

/// Checks the file that the words name: a manifest, or a single file.
pub(in crate::server) fn run(words: &[Vec<u8>]) -> ExitCode {
    const USAGE: &str =
        "Usage: basalt-check-aof [--fix|--truncate-to-timestamp $timestamp] <AOF file or manifest>";
    let (wish, name) = match words {
        [name] => (Wish::Check, name),
        [option, name] if option == b"--fix" => (Wish::Fix, name),
        [option, time, name] if option == b"--truncate-to-timestamp" => {
            let time = std::str::from_utf8(time).ok();
            match time.and_then(|time| time.parse().ok()) {
                Some(time) => (Wish::CutAt(time), name),
                None => return complain("Invalid timestamp, aborting..."),
            }
        }
        _ => return complain(USAGE),
    };
    let path = PathBuf::from(OsStr::from_bytes(name));
    match check(&path, wish) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

fn check(path: &Path, wish: Wish) -> Result<(), String> {
    let files = match manifest_of(path)? {
        Some(manifest) => {
            say("Start checking Multi Part AOF");
            let folder = path.parent().unwrap_or(Path::new(""));
            let files = manifest.base.iter().chain(&manifest.increments);
            files
                .map(|file| folder.join(OsStr::from_bytes(&file.name)))
                .collect()
        }
        None => {
            say("Start checking Old-Style AOF");
            vec![path.to_owned()]
        }
    };
    if files.is_empty() {
        return Err("The manifest names no file".to_owned());
    }
    for (index, file) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        check_file(file, is_last, wish)?;
    }
    say("All AOF files and manifest are valid");
    Ok(())
}

/// The manifest in a file, if it is one: its first line begins with `file `.
fn manifest_of(path: &Path) -> Result<Option<Manifest>, String> {
    let failed =
        |error: io::Error| format!("Cannot open file {}: {}", path.display(), reason(&error));
    let mut head = [0; 5];
    let mut file = File::open(path).map_err(failed)?;
    if file.read_exact(&mut head).is_err() || &head != b"file " && head[0] != b'#' {
        return Ok(None);
    }
    let text = std::fs::read(path).map_err(failed)?;
    match Manifest::parse(&text) {
        Ok(manifest) => Ok(Some(manifest)),
        // A file of requests may begin with the time.
        Err(_) if head[0] == b'#' => Ok(None),
        Err(fault) => Err(format!(
            "Invalid AOF manifest at line {}: {}\n>>> '{}'",
            fault.line,
            fault.why,
            fault.text.escape_ascii()
        )),
    }
}

fn check_file(path: &Path, is_last: bool, wish: Wish) -> Result<(), String> {
    let name = path.display();
    let failed = |error: io::Error| format!("Cannot open file {name}: {}", reason(&error));
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut head = [0; 5];
    let mut begin = 0;
    if file.read_exact(&mut head).is_ok() && &head == b"REDIS" {
        say(&format!("Start to check BASE AOF (RDB format): {name}"));
        begin = check_rdb(path)
            .ok_or_else(|| format!("RDB preamble of AOF file {name} is not sane, aborting."))?;
        say("RDB preamble is OK, proceeding with AOF tail...");
    } else {
        say(&format!("Start to check AOF: {name}"));
    }
    let found = read(path, begin, wish).map_err(failed)?;
    if let Some(why) = &found.why {
        say(why);
    }
    let difference = size - found.whole;
    say(&format!(
        "AOF analyzed: filename={name}, size={size}, ok_up_to={}, ok_up_to_line={}, diff={difference}",
        found.whole, found.lines
    ));
    if difference == 0 {
        return Ok(());
    }
    if wish == Wish::Check {
        return Err(format!(
            "AOF {name} is not valid. Use the --fix option to try fixing it."
        ));
    }
    if !is_last {
        return Err(format!(
            "Failed to truncate AOF {name} because it is not the last file"
        ));
    }
    if wish == Wish::Fix && !confirms(size, found.whole) {
        return Err("Aborting...".to_owned());
    }
    let cut = OpenOptions::new().write(true).open(path);
    cut.and_then(|file| file.set_len(found.whole))
        .map_err(|error| format!("Failed to truncate AOF {name}: {}", reason(&error)))?;
    say(&format!("Successfully truncated AOF {name}"));
    Ok(())
}

fn confirms(size: u64, whole: u64) -> bool {
    say(&format!(
        "This will shrink the AOF from {size} bytes, with {} bytes, to {whole} bytes\nContinue? [y/N]: ",
        size - whole
    ));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim_start().starts_with(['y', 'Y'])
}

/// How far a file is whole.
struct Found {
    whole: u64,
    /// Lines up to there.
    lines: u64,
    why: Option<String>,
}

/// Reads the requests of a file, which begin here in it.
fn read(path: &Path, begin: u64, wish: Wish) -> io::Result<Found> {
    let bytes_of_lines = |whole: u64| -> io::Result<u64> {
        let mut lines = 0;
        let mut source = File::open(path)?.take(whole);
        let mut chunk = vec![0; READ_BYTES];
        loop {
            let len = source.read(&mut chunk)?;
            if len == 0 {
                return Ok(lines);
            }
            lines += chunk[..len].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    };
    let mut source = File::open(path)?;
    source.seek(SeekFrom::Start(begin))?;
    let mut requests = Requests::behind(begin);
    let mut chunk = vec![0; READ_BYTES];
    let (mut whole, mut multi_at, mut why) = (begin, None, None);
    'file: loop {
        let len = source.read(&mut chunk)?;
        if len == 0 {
            if let Some(at) = multi_at {
                why = Some(format!(
                    "0x{at:16x}: Reached EOF before reading EXEC for MULTI"
                ));
            } else if !requests.is_at_end() {
                why = Some(format!(
                    "0x{:16x}: Unexpected end of file",
                    requests.offset()
                ));
            } else {
                whole = requests.offset();
            }
            break;
        }
        requests.on_bytes(&chunk[..len]);
        loop {
            match requests.next_part() {
                Ok(Part::Nothing) => break,
                Ok(Part::Time { at, seconds }) => {
                    if let Wish::CutAt(until) = wish
                        && seconds > until
                        && multi_at.is_none()
                    {
                        whole = at;
                        break 'file;
                    }
                }
                Ok(Part::Request {
                    at,
                    end,
                    is_multi,
                    is_exec,
                }) => {
                    if is_multi && multi_at.is_some() {
                        why = Some(format!("0x{at:16x}: Unexpected MULTI"));
                        break 'file;
                    }
                    if is_exec && multi_at.is_none() {
                        why = Some(format!("0x{at:16x}: Unexpected EXEC"));
                        break 'file;
                    }
                    if is_multi {
                        multi_at = Some(at);
                    } else if is_exec {
                        multi_at = None;
                    }
                    if multi_at.is_none() {
                        whole = end;
                    }
                }
                Err(Fault::Format(at)) => {
                    why = Some(format!("0x{at:16x}: Expected a request"));
                    break 'file;
                }
                Err(Fault::Read(_) | Fault::Request(..)) => {
                    unreachable!("nothing is read or done here")
                }
            }
        }
    }
    Ok(Found {
        whole,
        lines: bytes_of_lines(whole)?,
        why,
    })
}
