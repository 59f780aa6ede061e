//! The log: lines as stock writes them, which people and tools wait for.
//!
//! A line is one `write` to a file opened for appending, so lines of several
//! threads never mix. Every thread has its own `Log`.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::Settings;
use crate::runtime::signal::write_plainly;
use crate::script::LogLevel;

/// A line of a dying process is not longer.
const LAST_LINE_BYTES: usize = 1024;

/// How much a line matters, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
    Nothing,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Level {
        match level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Verbose => Level::Verbose,
            LogLevel::Notice => Level::Notice,
            LogLevel::Warning => Level::Warning,
        }
    }
}

impl Level {
    /// The level a configuration names.
    pub(super) fn named(name: &str) -> Level {
        match name {
            "debug" => Level::Debug,
            "verbose" => Level::Verbose,
            "warning" => Level::Warning,
            "nothing" => Level::Nothing,
            _ => Level::Notice,
        }
    }

    fn mark(self) -> char {
        match self {
            Level::Debug => '.',
            Level::Verbose => '-',
            Level::Notice => '*',
            Level::Warning | Level::Nothing => '#',
        }
    }
}

/// Where lines go, and which.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Standard output if `None`.
    file: Option<PathBuf>,
    least: Level,
}

impl Log {
    /// As the settings say.
    pub(super) fn of(settings: &Settings) -> Log {
        let text = |name| String::from_utf8_lossy(settings.bytes(name)).into_owned();
        let logfile = text("logfile");
        Log {
            file: (!logfile.is_empty()).then(|| PathBuf::from(logfile)),
            least: Level::named(&text("loglevel")),
        }
    }

    /// Opens the file once, so that a bad path is found at the start.
    pub(super) fn check(&self) -> std::io::Result<()> {
        if let Some(file) = &self.file {
            OpenOptions::new().append(true).create(true).open(file)?;
        }
        Ok(())
    }

    pub(super) fn notice(&self, text: &str) {
        self.line(Level::Notice, text);
    }

    pub(super) fn warning(&self, text: &str) {
        self.line(Level::Warning, text);
    }

    /// Writes a line of a dying process: without memory of its own, and without a lock
    /// that another thread may hold for ever. What is too long is cut.
    pub(super) fn last_line(&self, text: fmt::Arguments<'_>) {
        let mut room = [0; LAST_LINE_BYTES];
        let mut rest = &mut room[..LAST_LINE_BYTES - 1];
        let (id, now) = (std::process::id(), Stamp::now());
        let mark = Level::Warning.mark();
        // What has no room is cut off.
        let _cut = write!(rest, "{id}:M {now} {mark} {text}").is_err();
        let len = LAST_LINE_BYTES - 1 - rest.len();
        room[len] = b'\n';
        self.put(&room[..=len], write_plainly);
    }

    /// Writes a line: `pid:M 24 Nov 2026 02:30:11.123 * text`.
    pub(super) fn line(&self, level: Level, text: &str) {
        if level < self.least {
            return;
        }
        let (id, now, mark) = (std::process::id(), Stamp::now(), level.mark());
        let line = format!("{id}:M {now} {mark} {text}\n");
        self.put(line.as_bytes(), |line| {
            // A log that cannot be written must not stop the node.
            let _lost = std::io::stdout().write_all(line).is_err();
        });
    }

    /// Into the file, or this way to standard output.
    fn put(&self, line: &[u8], to_output: impl Fn(&[u8])) {
        let Some(file) = &self.file else {
            return to_output(line);
        };
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).open(file);
        let _lost = file.and_then(|mut file| file.write_all(line)).is_err();
    }
}

/// A moment as lines show it, in UTC: `24 Nov 2026 02:30:11.123`.
struct Stamp {
    unix_s: u64,
    ms: u32,
}

impl Stamp {
    fn now() -> Stamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default();
        Stamp {
            unix_s: since.as_secs(),
            ms: since.subsec_millis(),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.unix_s / 86_400, self.unix_s % 86_400);
        let (year, month, day) = civil(days);
        let (month, ms) = (MONTHS[month - 1], self.ms);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let second = second % 60;
        write!(
            out,
            "{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{ms:03}"
        )
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Year, month and day of a day counted from 1970, by the Gregorian calendar
/// shifted to begin in March, where leap days come last.
fn civil(days: u64) -> (u64, usize, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leaps = day_of_era / 1460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leaps) / 365;
    let before = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
    let day_of_year = day_of_era - before;
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let date = |unix_s| Stamp { unix_s, ms: 7 }.to_string().replace(".007", "");
        assert_eq!(date(0), "01 Jan 1970 00:00:00");
        assert_eq!(date(951_782_399), "28 Feb 2000 23:59:59");
        assert_eq!(date(951_782_400), "29 Feb 2000 00:00:00");
        assert_eq!(date(1_795_487_411), "24 Nov 2026 02:30:11");
        assert_eq!(date(4_107_542_399), "28 Feb 2100 23:59:59");
        assert_eq!(date(4_107_542_400), "01 Mar 2100 00:00:00");
    }
}
