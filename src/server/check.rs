//! `basalt-check-rdb`: a file is read as at a start, and told of instead of
//! loaded. The lines are those of stock's tool; the checks go deeper, since every
//! value is decoded.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitCode;

use crate::base::HashKey;
use crate::command::rules;
use crate::config::Settings;
use crate::runtime::clock::unix_ms;
use crate::snapshot::{Checksum, FileFault, FilePart, FileReader, Kind, Why};
use crate::value::Rules;

use super::boot::{complain, say};
use super::save::reason;

/// Bytes read from the file at once.
const READ_BYTES: usize = 256 << 10;

/// Databases a file may have: whatever a node would be set to.
const DATABASES_MAX: usize = i32::MAX as usize;

/// The words behind the file's name, if the program was asked to check one.
pub(super) fn asked<'a>(program: &[u8], words: &'a [Vec<u8>]) -> Option<&'a [Vec<u8>]> {
    let name = program.rsplit(|byte| *byte == b'/').next();
    if matches!(name, Some(b"basalt-check-rdb" | b"redis-check-rdb")) {
        return Some(words);
    }
    let (first, rest) = words.split_first()?;
    (first == b"--check-rdb").then_some(rest)
}

/// Checks the file that the words name.
pub(super) fn run(words: &[Vec<u8>]) -> ExitCode {
    use std::os::unix::ffi::OsStrExt;
    let [word] = words else {
        return complain("Usage: basalt-check-rdb <rdb-file-name>");
    };
    let path = Path::new(std::ffi::OsStr::from_bytes(word));
    if check_rdb(path).is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Checks a file and says what is in it; how many bytes it has, if it is right.
/// What stands behind its end is not looked at.
pub(super) fn check_rdb(path: &Path) -> Option<u64> {
    say(&format!("[offset 0] Checking RDB file {}", path.display()));
    let settings = Settings::default();
    let mut check = Check {
        rules: rules(&settings.live().encodings, HashKey::random()),
        now_ms: unix_ms(),
        keys: 0,
        volatile: 0,
        expired: 0,
    };
    let outcome = match check.read(path) {
        Ok(outcome) => outcome,
        Err(error) => {
            let reason = reason(&error);
            complain(&format!("Can't read {}: {reason}", path.display()));
            return None;
        }
    };
    if let Err(fault) = &outcome {
        say(&told(fault));
    }
    say(&format!(
        "[info] {} keys read\n[info] {} expires\n[info] {} already expired",
        check.keys, check.volatile, check.expired
    ));
    outcome.ok()
}

struct Check {
    rules: Rules,
    now_ms: u64,
    keys: u64,
    volatile: u64,
    expired: u64,
}

impl Check {
    fn read(&mut self, path: &Path) -> io::Result<Result<u64, FileFault>> {
        let mut file = File::open(path)?;
        let total = file.metadata()?.len();
        let mut reader = FileReader::new(total, DATABASES_MAX, Checksum::On);
        let mut bytes = vec![0; READ_BYTES];
        loop {
            let len = file.read(&mut bytes)?;
            if len == 0 {
                break;
            }
            reader.on_bytes(&bytes[..len]);
            if let Err(fault) = self.take_parts(&mut reader) {
                return Ok(Err(fault));
            }
            if reader.is_over() {
                break;
            }
        }
        let end = reader.on_end();
        self.count_key(end.as_ref().err());
        Ok(end.map(|()| reader.offset()))
    }

    fn take_parts(&mut self, reader: &mut FileReader) -> Result<(), FileFault> {
        loop {
            let part = match reader.next_part() {
                Ok(Some(part)) => part,
                Ok(None) => return Ok(()),
                Err(fault) => {
                    self.count_key(Some(&fault));
                    return Err(fault);
                }
            };
            let line = match part {
                FilePart::Record(record) => {
                    self.keys += 1;
                    if let Some(deadline) = record.deadline {
                        self.volatile += 1;
                        self.expired += u64::from(deadline < self.now_ms);
                    }
                    record.decode(&self.rules)?;
                    continue;
                }
                FilePart::Version(_) | FilePart::Sizes(_) | FilePart::Function(_) => continue,
                FilePart::Aux { name, value } => format!(
                    "AUX FIELD {} = '{}'",
                    String::from_utf8_lossy(&name),
                    String::from_utf8_lossy(&value)
                ),
                FilePart::ModuleAux(module) => format!("MODULE AUX for: {module}"),
                FilePart::Database(database) => format!("Selecting DB ID {database}"),
                FilePart::End { sum } => {
                    let line = match sum {
                        0 => "RDB file was saved with checksum disabled: no check performed.",
                        _ => "Checksum OK",
                    };
                    let offset = reader.offset();
                    format!("{line}\n[offset {offset}] \\o/ RDB looks OK! \\o/")
                }
            };
            say(&format!("[offset {}] {line}", reader.offset()));
        }
    }

    /// A key counts as read when its name was.
    fn count_key(&mut self, fault: Option<&FileFault>) {
        let has_key = fault.is_some_and(|fault| fault.key.is_some());
        self.keys += u64::from(has_key);
    }
}

/// What is wrong, as lines.
fn told(fault: &FileFault) -> String {
    let doing = match (&fault.why, &fault.key) {
        (Why::NotRdb | Why::Version(_) | Why::Valkey(_), _) => "start",
        (Why::WrongSum { .. }, _) => "check-sum",
        (Why::OldFunctions | Why::Library(_), _) => "read-functions",
        (Why::UnknownType(_), _) | (_, None) => "read-type",
        (_, Some(_)) => "read-object-value",
    };
    let (at, why) = (fault.at, &fault.why);
    let mut lines = format!(
        "--- RDB ERROR DETECTED ---\n[offset {at}] {why}\n[additional info] While doing: {doing}"
    );
    let mut add = |line: std::fmt::Arguments<'_>| {
        let written = write!(lines, "\n[additional info] {line}");
        written.expect("a text takes all");
    };
    if let Some(key) = &fault.key {
        add(format_args!("Reading key '{}'", key.escape_ascii()));
        add(format_args!("Reading database {}", fault.database));
    }
    if let Why::BadValue(kind) = fault.why {
        add(format_args!(
            "Reading type {} ({})",
            kind as u8,
            type_name(kind)
        ));
    }
    lines
}

/// How stock's tool names a type.
fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::ListTexts => "list-linked",
        Kind::SetTexts => "set-hashtable",
        Kind::SortedSetTexts => "zset-v1",
        Kind::HashTexts => "hash-hashtable",
        Kind::SortedSetDoubles => "zset-v2",
        Kind::HashZipmap => "hash-zipmap",
        Kind::ListZiplist => "list-ziplist",
        Kind::SetIntset => "set-intset",
        Kind::SortedSetZiplist => "zset-ziplist",
        Kind::HashZiplist => "hash-ziplist",
        Kind::ListZiplists => "quicklist",
        Kind::Stream1 => "stream",
        Kind::HashListpack => "hash-listpack",
        Kind::SortedSetListpack => "zset-listpack",
        Kind::ListListpacks => "quicklist-v2",
        Kind::Stream2 => "stream-v2",
        Kind::SetListpack => "set-listpack",
        Kind::Stream3 => "stream-v3",
        Kind::HashDeadlines => "hash-hashtable-md",
        Kind::HashListpackDeadlines => "hash-listpack-md",
    }
}
