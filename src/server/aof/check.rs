//! `basalt-check-aof`: the files of an append-only file are read as at a start,
//! and told of; with `--fix` the last is cut where it is not whole. The lines
//! are those of stock's tool.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::journal::{AofFile, Manifest};
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
    const USAGE: &str = "Usage: basalt-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>";
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
    let Some(manifest) = manifest_of(path)? else {
        say("Start checking Old-Style AOF");
        return check_file(path, What::Single, true, wish);
    };
    say("Start checking Multi Part AOF");
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = |file: &AofFile| folder.join(OsStr::from_bytes(&file.name));
    let last = manifest.increments.len();
    if manifest.base.is_none() && last == 0 {
        return Err("The manifest names no file".to_owned());
    }
    if let Some(base) = &manifest.base {
        check_file(&place(base), What::Base, last == 0, wish)?;
    }
    if last > 0 {
        say("Start to check INCR files.");
    }
    for (index, file) in manifest.increments.iter().enumerate() {
        check_file(&place(file), What::Increment, index + 1 == last, wish)?;
    }
    say("All AOF files and manifest are valid");
    Ok(())
}

/// What a file is of the whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Single,
    Base,
    Increment,
}

impl What {
    /// Before "AOF".
    fn prefix(self) -> &'static str {
        match self {
            What::Single => "",
            What::Base => "BASE ",
            What::Increment => "INCR ",
        }
    }
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
        // A file of requests may begin with the time.
        Ok(manifest) if head[0] == b'#' && manifest == Manifest::default() => Ok(None),
        Err(_) if head[0] == b'#' => Ok(None),
        Ok(manifest) => Ok(Some(manifest)),
        Err(fault) => Err(format!(
            "Invalid AOF manifest at line {}: {}\n>>> '{}'",
            fault.line,
            fault.why,
            fault.text.escape_ascii()
        )),
    }
}

fn check_file(path: &Path, what: What, is_last: bool, wish: Wish) -> Result<(), String> {
    let name = path.display();
    let failed = |error: io::Error| format!("Cannot open file {name}: {}", reason(&error));
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut head = [0; 5];
    let mut begin = 0;
    let is_rdb = file.read_exact(&mut head).is_ok() && &head == b"REDIS";
    if what == What::Base {
        let form = if is_rdb { "RDB" } else { "RESP" };
        say(&format!("Start to check BASE AOF ({form} format)."));
    }
    if is_rdb {
        begin = check_rdb(path)
            .ok_or_else(|| format!("RDB preamble of AOF file {name} is not sane, aborting."))?;
        say("RDB preamble is OK, proceeding with AOF tail...");
    }
    if size == 0 {
        say(&format!("AOF {name} is empty"));
        return Ok(());
    }
    let found = read(path, begin, wish).map_err(failed)?;
    if let (Wish::CutAt(until), true) = (wish, found.is_cut) {
        return cut_at_time(path, (until, found.whole), is_last);
    }
    if let Some(why) = &found.why {
        say(why);
    }
    let difference = size - found.whole;
    say(&format!(
        "AOF analyzed: filename={name}, size={size}, ok_up_to={}, ok_up_to_line={}, diff={difference}",
        found.whole,
        found.lines + 1
    ));
    if difference == 0 {
        say(&format!("{}AOF {name} is valid", what.prefix()));
        return Ok(());
    }
    if wish != Wish::Fix {
        return Err(format!(
            "AOF {name} is not valid. Use the --fix option to try fixing it."
        ));
    }
    if !is_last {
        return Err(format!(
            "Failed to truncate AOF {name} because it is not the last file"
        ));
    }
    if !confirms(path, size, found.whole) {
        return Err("Aborting...".to_owned());
    }
    cut(path, found.whole)?;
    say(&format!("Successfully truncated AOF {name}"));
    Ok(())
}

/// Cuts a file where what is later than a time, in seconds, begins.
fn cut_at_time(path: &Path, (until, at): (u64, u64), is_last: bool) -> Result<(), String> {
    let name = path.display();
    if at == 0 {
        return Err(format!(
            "AOF {name} has nothing before timestamp {until}, aborting..."
        ));
    }
    if !is_last {
        return Err(format!(
            "Failed to truncate AOF {name} to timestamp {until} to offset {at} because it is not the last file.\n\
             If you insist, delete the files behind it and their lines in the manifest, and try again."
        ));
    }
    cut(path, at)?;
    say(&format!(
        "Successfully truncated AOF {name} to timestamp {until}"
    ));
    Ok(())
}

fn cut(path: &Path, at: u64) -> Result<(), String> {
    let file = OpenOptions::new().write(true).open(path);
    file.and_then(|file| file.set_len(at)).map_err(|error| {
        format!(
            "Failed to truncate AOF {}: {}",
            path.display(),
            reason(&error)
        )
    })
}

fn confirms(path: &Path, size: u64, whole: u64) -> bool {
    say(&format!(
        "This will shrink the AOF {} from {size} bytes, with {} bytes, to {whole} bytes\nContinue? [y/N]: ",
        path.display(),
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
    /// What follows is later than the time asked for.
    is_cut: bool,
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
    let mut is_cut = false;
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
                        (whole, is_cut) = (at, true);
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
                        why = Some(format!(
                            "0x{at:16x}: Unexpected MULTI in AOF {}",
                            path.display()
                        ));
                        break 'file;
                    }
                    if is_exec && multi_at.is_none() {
                        why = Some(format!(
                            "0x{at:16x}: Unexpected EXEC in AOF {}",
                            path.display()
                        ));
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
                    let name = path.display();
                    why = Some(format!(
                        "AOF {name} format error\n0x{at:16x}: Expected a request"
                    ));
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
        is_cut,
        why,
    })
}
