//! The settings' values: looked up, matched, changed all or nothing.
//!
//! The control core owns the one `Settings` of a node and publishes a `Live`
//! to the others after every change. Values are canonical text, one per row
//! of the table, so CONFIG GET needs no writing and CONFIG SET no undoing.

use std::fmt;

use super::setting::{Change, Kind, Setting, Support};
use super::table::SETTINGS;
use super::value::canonical;

/// The value of every setting.
#[derive(Clone, Debug)]
pub struct Settings {
    values: Vec<Vec<u8>>,
    /// A file or the command line has said `save`.
    has_save_points: bool,
    /// See `hold_writes`.
    pub(super) holds_writes: bool,
    /// See `skip_checksums`.
    pub(super) skips_checksums: bool,
}

/// Why CONFIG SET changed nothing: the reply's text, beginning with `ERR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFault {
    text: String,
}

/// Who changes a setting: what may change depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The file, standard input or the command line, before start.
    File,
    /// CONFIG SET from a client on this machine.
    LocalClient,
    /// CONFIG SET from a client elsewhere.
    RemoteClient,
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Eq for Settings {}

impl Default for Settings {
    fn default() -> Self {
        let values = SETTINGS
            .iter()
            .map(|setting| setting.default.as_bytes().to_vec())
            .collect();
        Self {
            values,
            has_save_points: false,
            holds_writes: false,
            skips_checksums: false,
        }
    }
}

impl Settings {
    /// The value of the setting called `name` or whose older name it is.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        find(name).map(|place| self.values[place].as_slice())
    }

    /// Names and values for CONFIG GET: each setting once, in the order of the
    /// table, for every pattern that `matches(pattern, name)` by either name.
    /// A plain name is answered as it was asked, in its own case of letters; what is
    /// for tests is found by no pattern.
    pub fn matching<'a>(
        &'a self,
        patterns: &[&[u8]],
        matches: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> Vec<(Vec<u8>, &'a [u8])> {
        let mut found: Vec<(Vec<u8>, &[u8])> = Vec::new();
        for (place, setting) in SETTINGS.iter().enumerate() {
            for name in [setting.name, setting.alias] {
                let name = name.as_bytes();
                if name.is_empty() {
                    continue;
                }
                let is_hidden = setting.support == Support::Hidden;
                let asked = patterns.iter().find(|pattern| {
                    pattern.eq_ignore_ascii_case(name)
                        || is_pattern(pattern)
                            && !is_hidden
                            && matches(&pattern.to_ascii_lowercase(), name)
                });
                if let Some(asked) = asked {
                    let shown = if is_pattern(asked) { name } else { asked };
                    found.push((shown.to_vec(), &self.values[place]));
                }
            }
        }
        found
    }

    /// CONFIG SET: changes all of `pairs` or nothing.
    pub fn set(&mut self, author: Author, pairs: &[(&[u8], &[u8])]) -> Result<(), SetFault> {
        let mut places = Vec::with_capacity(pairs.len());
        for (name, _) in pairs {
            let place = find(name).ok_or_else(|| SetFault::unknown(name))?;
            let why = self.refusal(author, &SETTINGS[place]);
            let why = why.or(places.contains(&place).then_some("duplicate parameter"));
            if let Some(why) = why {
                return Err(SetFault::about(name, why));
            }
            places.push(place);
        }
        let mut changed = self.clone();
        for ((name, value), place) in pairs.iter().zip(places) {
            changed
                .assign(place, value)
                .map_err(|why| SetFault::about(name, &why))?;
        }
        *self = changed;
        Ok(())
    }

    /// The file's way to set: start-only settings too, stock's text on failure.
    pub fn set_from_file(&mut self, name: &[u8], words: &[Vec<u8>]) -> Result<(), String> {
        let place = find(name).ok_or("Bad directive or wrong number of arguments")?;
        let setting = &SETTINGS[place];
        // Stock takes `save` alone for `save ""`, and names the words where some are expected.
        let may_be_bare = setting.name == "save" || matches!(setting.kind, Kind::Shutdown);
        let is_bare = words.is_empty() && !may_be_bare;
        if is_bare || words.len() > 1 && !setting.kind.is_many() {
            return Err(String::from("wrong number of arguments"));
        }
        if setting.name == "replicaof" && words.len() != 2 {
            return Err(String::from("wrong number of arguments"));
        }
        let mut value = words.join(&b' ');
        // Each line adds save points, and the first takes the place of the default's; an
        // empty one takes all away.
        if setting.name == "save" {
            if self.has_save_points && !value.is_empty() {
                value = [&*self.values[place], b" ", &value].concat();
            }
            self.has_save_points = true;
        }
        self.assign(place, &value)
    }

    /// REPLICAOF: follows this host and port, or nobody.
    pub fn set_primary(&mut self, primary: Option<(&str, u16)>) {
        let place = find(b"replicaof").expect("it is in the table");
        self.values[place] = match primary {
            Some((host, port)) => format!("{host} {port}").into_bytes(),
            None => Vec::new(),
        };
    }

    /// Has clients that would write wait, or lets them go on: no setting of anybody's,
    /// but every core has to follow it as it does the settings.
    pub fn hold_writes(&mut self, holds: bool) {
        self.holds_writes = holds;
    }

    /// Has RESTORE take payloads whose checksum is wrong, for tests: no setting either.
    pub fn skip_checksums(&mut self, skips: bool) {
        self.skips_checksums = skips;
    }

    /// Whether the value is the one the setting has when nothing is said.
    pub(super) fn is_default(&self, place: usize) -> bool {
        self.values[place] == SETTINGS[place].default.as_bytes()
    }

    /// The value of the table's row at `place`.
    pub(super) fn value(&self, place: usize) -> &[u8] {
        &self.values[place]
    }

    fn assign(&mut self, place: usize, value: &[u8]) -> Result<(), String> {
        let setting = &SETTINGS[place];
        let mut value = canonical(setting.kind, &self.values[place], value)?;
        if setting.name == "hz" {
            value = clamped_hz(&value);
        }
        if setting.support == Support::Later && value != setting.default.as_bytes() {
            return Err(format!("basalt does not have '{}' yet", setting.name));
        }
        if setting.name == "replicaof" && !value.is_empty() {
            let port = super::value::words(&value)
                .nth(1)
                .and_then(super::value::integer);
            if port.is_none_or(|port| u16::try_from(port).is_err()) {
                return Err(String::from("Invalid master port"));
            }
        }
        let noun = match setting.name {
            "dbfilename" | "appendfilename" => Some("filename"),
            "appenddirname" => Some("dirname"),
            _ => None,
        };
        if let Some(noun) = noun
            && value.iter().any(|byte| matches!(byte, b'/' | b'\\'))
        {
            return Err(format!("{} can't be a path, just a {noun}", setting.name));
        }
        self.values[place] = value;
        Ok(())
    }

    fn refusal(&self, author: Author, setting: &Setting) -> Option<&'static str> {
        match (setting.change, author) {
            (Change::Start, Author::LocalClient | Author::RemoteClient) => {
                Some("can't set immutable config")
            }
            (Change::Protected, Author::LocalClient | Author::RemoteClient) => {
                let allowed = self.get(b"enable-protected-configs").unwrap_or_default();
                let local = author == Author::LocalClient;
                let free = allowed == b"yes" || allowed == b"local" && local;
                (!free).then_some("can't set protected config")
            }
            (Change::Live, _) | (_, Author::File) => None,
        }
    }
}

/// Stock takes any number and keeps it between 1 and 500.
fn clamped_hz(value: &[u8]) -> Vec<u8> {
    let hz = super::value::integer(value).expect("the kind allows integers only");
    hz.clamp(1, 500).to_string().into_bytes()
}

fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}

/// The row of the setting called `name`, by either name.
pub(super) fn find(name: &[u8]) -> Option<usize> {
    SETTINGS.iter().position(|setting| {
        setting.name.as_bytes().eq_ignore_ascii_case(name)
            || !setting.alias.is_empty() && setting.alias.as_bytes().eq_ignore_ascii_case(name)
    })
}

impl SetFault {
    /// A fault found elsewhere, such as a port that cannot be bound: the text
    /// CONFIG SET answers.
    pub fn about(name: &[u8], why: &str) -> Self {
        let name = String::from_utf8_lossy(name);
        let text = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}");
        Self { text }
    }

    fn unknown(name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name);
        Self {
            text: format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'"),
        }
    }
}

impl fmt::Display for SetFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for SetFault {}

/// Whether the kind's values are secret in logs and reports.
pub fn is_secret(setting: &Setting) -> bool {
    matches!(setting.kind, Kind::Text)
        && [
            "requirepass",
            "masterauth",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
        ]
        .contains(&setting.name)
}
