//! `redis.conf`: its text, its includes, and what is wrong with it.
//!
//! Reading is done by the caller's closures, so nothing here opens a file.
//! A fault names file, line number and text; nothing is half applied, since
//! the caller drops what it was given with a fault.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use super::user;
use super::words::split;
use crate::base::sha256;

/// Files including files deeper than this are taken for a circle.
const INCLUDE_DEPTH_MAX: usize = 16;

/// How the reader of `redis.conf` reaches files.
pub struct Files<'a> {
    /// The bytes of a file; `-` is standard input.
    pub read: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    /// The files a pattern such as `conf.d/*.conf` names, in order.
    pub expand: &'a mut dyn FnMut(&str) -> Vec<PathBuf>,
}

/// What start learns from file and command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The value of every setting.
    pub settings: Settings,
    /// `rename-command`: commands and their new names, "" to remove one. Who
    /// knows the command table checks that they exist.
    pub renames: Vec<Rename>,
    /// The file CONFIG REWRITE writes, as it was named.
    pub file: Option<PathBuf>,
    /// Digests that `requirepass` must have, and who says so.
    passwords: Vec<(user::Digest, Place)>,
}

/// One `rename-command`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The command's name.
    pub command: Vec<u8>,
    /// The new name, "" for none.
    pub name: Vec<u8>,
    /// Where it stands, for a fault.
    pub place: Place,
}

/// A line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, or `command line` or `standard input`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The line without white space around it.
    pub text: String,
}

/// Why the node does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Lines for people, without line ends.
    pub lines: Vec<String>,
}

impl Fault {
    /// A fault of one line of the configuration.
    pub fn at(place: &Place, why: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        Self {
            lines: vec![
                String::new(),
                format!("*** FATAL CONFIG FILE ERROR (basalt {version}) ***"),
                format!(
                    "Reading the configuration file {}, at line {}",
                    place.file, place.line
                ),
                format!(">>> '{}'", place.text),
                String::from(why),
            ],
        }
    }

    /// The program's exit status, as stock's.
    pub const fn exit_code(&self) -> u8 {
        1
    }

    /// A fault of one line.
    pub fn plain(text: String) -> Self {
        Self { lines: vec![text] }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.lines.join("\n"))
    }
}

impl std::error::Error for Fault {}

impl Loaded {
    /// Applies the file at `path` and what it includes.
    pub fn read_file(&mut self, path: &Path, files: &mut Files<'_>) -> Result<(), Fault> {
        self.read_nested(path, files, 0)
    }

    /// Applies `text`; `file` names it in faults.
    pub fn read_text(
        &mut self,
        file: &str,
        text: &[u8],
        files: &mut Files<'_>,
    ) -> Result<(), Fault> {
        self.read_lines(file, text, files, 0)
    }

    /// Whether what was read fits together.
    pub fn check(&self) -> Result<(), Fault> {
        let password = sha256(self.settings.bytes("requirepass"));
        let is_wrong = |(digest, _): &&(user::Digest, Place)| *digest != password;
        match self.passwords.iter().find(is_wrong) {
            Some((_, place)) => Err(Fault::at(
                place,
                &missing("passwords besides `requirepass`"),
            )),
            None => Ok(()),
        }
    }

    fn read_nested(
        &mut self,
        path: &Path,
        files: &mut Files<'_>,
        depth: usize,
    ) -> Result<(), Fault> {
        let shown = path.display().to_string();
        let text = (files.read)(path).map_err(|error| {
            Fault::plain(format!(
                "Fatal error, can't open config file '{shown}': {error}"
            ))
        })?;
        let shown = if shown == "-" {
            String::from("standard input")
        } else {
            shown
        };
        self.read_lines(&shown, &text, files, depth)
    }

    fn read_lines(
        &mut self,
        file: &str,
        text: &[u8],
        files: &mut Files<'_>,
        depth: usize,
    ) -> Result<(), Fault> {
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let place = Place {
                file: file.to_owned(),
                line: number + 1,
                text: String::from_utf8_lossy(line).into_owned(),
            };
            let Some(words) = split(line) else {
                return Err(Fault::at(&place, "Unbalanced quotes in configuration line"));
            };
            let Some((name, values)) = words.split_first() else {
                continue;
            };
            if name.eq_ignore_ascii_case(b"include") && values.len() == 1 {
                self.include(&values[0], &place, files, depth)?;
            } else {
                self.directive(name, values, &place)
                    .map_err(|why| Fault::at(&place, &why))?;
            }
        }
        Ok(())
    }

    fn include(
        &mut self,
        pattern: &[u8],
        place: &Place,
        files: &mut Files<'_>,
        depth: usize,
    ) -> Result<(), Fault> {
        if depth == INCLUDE_DEPTH_MAX {
            return Err(Fault::at(place, "Too many nested includes"));
        }
        let pattern = String::from_utf8_lossy(pattern);
        // A pattern that names nothing is fine; a plain name must be there.
        let paths = if pattern.contains(['*', '?', '[']) {
            (files.expand)(&pattern)
        } else {
            vec![PathBuf::from(pattern.as_ref())]
        };
        for path in paths {
            self.read_nested(&path, files, depth + 1)?;
        }
        Ok(())
    }

    fn directive(&mut self, name: &[u8], values: &[Vec<u8>], place: &Place) -> Result<(), String> {
        let name = name.to_ascii_lowercase();
        // What is several words may be one in quotes: `--replicaof "host 6379"`.
        let parted: Vec<Vec<u8>>;
        let values = match (name.as_slice(), values) {
            (b"replicaof" | b"slaveof" | b"user", [one]) => {
                parted = super::value::words(one).map(<[u8]>::to_vec).collect();
                &parted
            }
            _ => values,
        };
        match name.as_slice() {
            b"rename-command" if values.len() == 2 => {
                self.renames.push(Rename {
                    command: values[0].clone(),
                    name: values[1].clone(),
                    place: place.clone(),
                });
                Ok(())
            }
            b"replicaof" | b"slaveof" if is_no_one(values) => {
                self.settings.set_primary(None);
                Ok(())
            }
            b"loadmodule" if !values.is_empty() => Err(missing("modules")),
            b"user" if values.len() >= 2 && values[0] == b"default" => {
                let digests = user::passwords(&values[1..]);
                let digests = digests.ok_or_else(|| missing("rules for the default user"))?;
                let placed = digests.into_iter().map(|digest| (digest, place.clone()));
                self.passwords.extend(placed);
                Ok(())
            }
            b"user" if values.len() >= 2 => Err(missing("users besides the default one")),
            // Of old files, and without a meaning for long, as stock sees it.
            b"list-max-ziplist-entries" | b"list-max-ziplist-value" | b"lua-replicate-commands"
                if values.len() == 1 =>
            {
                Ok(())
            }
            b"sentinel" => Err(missing("Sentinel")),
            _ => self.settings.set_from_file(&name, values),
        }
    }
}

fn is_no_one(values: &[Vec<u8>]) -> bool {
    values.len() == 2
        && values[0].eq_ignore_ascii_case(b"no")
        && values[1].eq_ignore_ascii_case(b"one")
}

fn missing(feature: &str) -> String {
    format!("basalt does not have {feature} yet")
}
