//! The first line of a script: `#!lua name=mylib flags=no-writes,allow-oom`.

use crate::resp::{Refusal, split_words};

/// What a script says of itself, so that it can be refused before it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// It calls no command that writes.
    pub no_writes: bool,
    /// It may run when memory is over its limit.
    pub allow_oom: bool,
    /// It may run on a replica that lost its primary.
    pub allow_stale: bool,
    /// It must not run in a cluster.
    pub no_cluster: bool,
    /// It may reach keys of several slots.
    pub allow_cross_slot_keys: bool,
    /// It has no first line that says anything: it may do what scripts could before there was one.
    pub compatible: bool,
}

/// The names, in the order FUNCTION LIST gives them.
const NAMES: [&str; 5] = [
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
];

impl Flags {
    /// Of a script without a first line of its own.
    pub const COMPATIBLE: Flags = Flags {
        no_writes: false,
        allow_oom: false,
        allow_stale: false,
        no_cluster: false,
        allow_cross_slot_keys: false,
        compatible: true,
    };

    /// What a script's text says of it; nothing if its first line is wrong.
    pub fn declared_by(body: &[u8]) -> Option<Flags> {
        read(body).ok().map(|(flags, _)| flags)
    }

    /// Sets the flag of this name; false if there is none.
    pub(super) fn set(&mut self, name: &[u8]) -> bool {
        let which = NAMES.iter().position(|known| known.as_bytes() == name);
        match which {
            Some(0) => self.no_writes = true,
            Some(1) => self.allow_oom = true,
            Some(2) => self.allow_stale = true,
            Some(3) => self.no_cluster = true,
            Some(4) => self.allow_cross_slot_keys = true,
            _ => return false,
        }
        true
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let set = [
            self.no_writes,
            self.allow_oom,
            self.allow_stale,
            self.no_cluster,
            self.allow_cross_slot_keys,
        ];
        NAMES
            .into_iter()
            .zip(set)
            .filter_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// The flags of a script of EVAL, and its code: the first line is cut off, its line end is kept.
pub(super) fn read(body: &[u8]) -> Result<(Flags, &[u8]), Refusal> {
    if !body.starts_with(b"#!") {
        return Ok((Flags::COMPATIBLE, body));
    }
    let Some(end) = memchr::memchr(b'\n', body) else {
        return Err("ERR Invalid script shebang".into());
    };
    let (line, code) = body.split_at(end);
    let words = split_words(line).ok_or(Refusal::Stated("ERR Invalid engine in script shebang"))?;
    let mut words = words.iter().map(Vec::as_slice);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err(quoting("Unexpected engine in script shebang: ", engine));
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(quoting("Unknown lua shebang option: ", word));
        };
        if list.is_empty() {
            continue;
        }
        for name in list.split(|&byte| byte == b',') {
            if !flags.set(name) {
                return Err(quoting("Unexpected flag in script shebang: ", name));
            }
        }
    }
    Ok((flags, code))
}

fn quoting(text: &str, word: &[u8]) -> Refusal {
    Refusal::Composed(format!("ERR {text}{}", String::from_utf8_lossy(word)))
}
