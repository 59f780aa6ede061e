//! Every command, found by name with one hash.

use crate::resp::{Args, Outcome, Reply};
use crate::spec::{Begin, Extent, Flags, Spec};

use super::gather::Gather;
use super::scene::{Node, Scene};
use super::turn::Turn;

/// One command: what it is, and what runs it.
#[derive(Clone, Copy)]
pub struct Command {
    pub spec: Spec,
    pub run: Run,
}

/// Where a command runs, and so what its handler can reach.
#[derive(Clone, Copy)]
pub enum Run {
    /// At the owner of its keys; keys of several cores make those cores lend
    /// their keyspaces to the client's.
    Data(DataHandler),
    /// As `Data`, or as `Whole` where the words say that keys are read which
    /// none of them names: SORT.
    DataOrWhole(DataHandler, fn(Args<'_>) -> bool),
    /// With every shard borrowed: FLUSHALL, KEYS, SWAPDB.
    Whole(DataHandler),
    /// At the owner of the slot in the cursor, which is word 1: SCAN.
    AtCursor(DataHandler),
    /// At the client's core, without data: PING, HELLO.
    Here(HereHandler),
    /// A part at every core, merged at the client's: CLIENT LIST, DBSIZE.
    Everywhere(Gather),
    /// The same; in a transaction, with every shard borrowed: DBSIZE.
    EverywhereOr(Gather, DataHandler),
    /// The same; at the control core where the words say so: DEBUG RELOAD.
    EverywhereOrNode(Gather, fn(Args<'_>) -> bool, NodeHandler),
    /// The same for what every core keeps a copy of: `check` changes the first
    /// core's, and then the others follow, one command after the other.
    Led(Gather),
    /// Runs what was put off since MULTI.
    Exec,
    /// Runs a script or a function, where its keys are.
    Script { subject: Subject, reads_only: bool },
    /// Ends the script that runs too long, or the function.
    KillScript { is_function: bool },
    /// At the control core: CONFIG SET, CONFIG REWRITE.
    Node(NodeHandler),
    /// The same, behind all replies before it, and the client may wait for long: WAIT.
    Waits(NodeHandler),
    /// The second word names the command.
    Container(&'static [Command]),
    /// The same, but alone it is a command too, at the client's core: COMMAND.
    AloneOr(HereHandler, &'static [Command]),
}

impl Run {
    /// The parts at every core, of what has such.
    #[must_use]
    pub fn gather(self) -> Option<Gather> {
        match self {
            Self::Everywhere(gather)
            | Self::EverywhereOr(gather, _)
            | Self::Led(gather)
            | Self::EverywhereOrNode(gather, ..) => Some(gather),
            Self::Data(_)
            | Self::DataOrWhole(..)
            | Self::Whole(_)
            | Self::AtCursor(_)
            | Self::Here(_)
            | Self::Exec
            | Self::Script { .. }
            | Self::KillScript { .. }
            | Self::Node(_)
            | Self::Waits(_)
            | Self::Container(_)
            | Self::AloneOr(..) => None,
        }
    }
}

/// What names a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Its text.
    Body,
    /// Its SHA1 digest.
    Digest,
    /// The function's name.
    Function,
}

/// A handler that sees data.
pub type DataHandler = fn(&mut Turn<'_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// A handler that sees its client and its core, but no data.
pub type HereHandler = fn(&mut Scene<'_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// A handler at the control core.
pub type NodeHandler = fn(&mut Node<'_>, Args<'_>, &mut Reply<'_>) -> Outcome;

/// Where the keys are, in the shapes worth a fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlan {
    None,
    /// One key at this word.
    One(u16),
    /// Words `first`, `first + step`, … to the end minus `tail`.
    Range {
        first: u16,
        step: u16,
        tail: u16,
    },
    /// `spec::each_key` knows.
    Search,
}

/// How a request with keys of several cores is split into parts, each with the
/// keys of one core and what belongs to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The word of the first key.
    pub first: usize,
    /// Words from one key to the next.
    pub step: usize,
    /// How the parts' replies become one.
    pub merge: Merge,
}

/// How the replies of parts become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Their sum.
    Sum,
    /// The same from all of them.
    Same,
    /// An element for each key, in the order of the request.
    ByKey,
}

/// A row as the table keeps it.
pub struct Entry {
    pub command: &'static Command,
    /// Position in the table; names the command in mail between cores.
    pub index: u16,
    /// Lower case, a subcommand with its container: `client|list`.
    pub name: &'static str,
    /// Negative: at least so many words.
    pub arity: i16,
    pub keys: KeyPlan,
    /// If it may run in parts.
    pub split: Option<Split>,
    /// It may leave something at its keys, so what follows it waits until it
    /// is known what: blocking commands and WATCH.
    pub leaves_aside: bool,
    /// MULTI does not put it off.
    pub runs_in_multi: bool,
    /// Its reply says how far the stream for replicas is.
    pub tells_offset: bool,
    /// A subcommand's container.
    pub parent: Option<u16>,
    /// A container's subcommands, as positions in the table.
    pub children: Vec<u16>,
}

impl Entry {
    /// The row's flags.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.command.spec.flags
    }

    /// Whether it may change data, or what replicas see.
    #[must_use]
    pub fn may_write(&self) -> bool {
        let flags = self.flags();
        let is_script = matches!(
            self.command.run,
            Run::Script {
                reads_only: false,
                ..
            }
        );
        flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE) || is_script
    }

    /// Whether so many words may be given.
    #[must_use]
    pub fn takes(&self, words: usize) -> bool {
        let words = words as i64;
        let arity = i64::from(self.arity);
        if arity < 0 {
            words >= -arity
        } else {
            words == arity
        }
    }
}

/// All entries. Built once at start, the same on every core.
pub struct Table {
    entries: Vec<Entry>,
    /// Open addressing over `hash`; 0 is empty, else an entry's index plus 1.
    places: Box<[u16]>,
    /// The name each top-level entry answers to, which a rename may change.
    names: Vec<Box<[u8]>>,
}

/// What MULTI does not put off.
const RUN_IN_MULTI: &[&str] = &["multi", "exec", "discard", "watch", "quit", "reset"];

/// What says how far the stream for replicas is.
const TELL_OFFSET: &[&str] = &["info", "role"];

/// Twice the commands of Redis 7.2, and a power of two.
const PLACES: usize = 1024;

impl Table {
    /// Builds the table of `commands`.
    #[must_use]
    pub fn new(commands: impl Iterator<Item = &'static Command>) -> Table {
        let mut table = Table {
            entries: Vec::new(),
            places: vec![0; PLACES].into_boxed_slice(),
            names: Vec::new(),
        };
        for command in commands {
            let index = table.add(command, None);
            table.place(usize::from(index));
        }
        table
    }

    /// `rename-command`: the command answers to another name, or to none.
    ///
    /// # Errors
    /// Stock's text when there is no such command, or the name is taken.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        let named = |entry: &Entry| {
            entry.parent.is_none() && entry.name.as_bytes().eq_ignore_ascii_case(from)
        };
        let index = self
            .entries
            .iter()
            .position(named)
            .ok_or("No such command in rename-command")?;
        let to = to.to_ascii_lowercase();
        if !to.is_empty() && self.names.iter().any(|name| **name == *to) {
            return Err("Target command name already exists");
        }
        self.names[index] = to.into_boxed_slice();
        self.places.fill(0);
        for index in 0..self.entries.len() {
            if self.entries[index].parent.is_none() && !self.names[index].is_empty() {
                self.place(index);
            }
        }
        Ok(())
    }

    fn add(&mut self, command: &'static Command, parent: Option<u16>) -> u16 {
        let index = self.entries.len() as u16;
        let own = command.spec.name.to_ascii_lowercase();
        let name = match parent {
            Some(parent) => format!("{}|{own}", self.entries[usize::from(parent)].name),
            None => own,
        };
        self.names
            .push(name.clone().into_bytes().into_boxed_slice());
        // The table lives as long as the process: so may its names.
        let name: &'static str = Box::leak(name.into_boxed_str());
        self.entries.push(Entry {
            command,
            index,
            name,
            arity: crate::spec::arity(&command.spec, parent.is_some()),
            keys: plan(&command.spec),
            split: split(command),
            leaves_aside: command.spec.flags.has(Flags::BLOCKING) || name == "watch",
            runs_in_multi: RUN_IN_MULTI.contains(&name),
            tells_offset: TELL_OFFSET.contains(&name),
            parent,
            children: Vec::new(),
        });
        if let Run::Container(children) | Run::AloneOr(_, children) = command.run {
            for child in children {
                let child = self.add(child, Some(index));
                self.entries[usize::from(index)].children.push(child);
            }
        }
        index
    }

    fn place(&mut self, index: usize) {
        let mut place = hash(&self.names[index]);
        while self.places[place % PLACES] != 0 {
            place += 1;
        }
        self.places[place % PLACES] = index as u16 + 1;
    }

    /// The entry a request names: its first word, and for a container its
    /// second; a container alone or with a foreign second word gives the
    /// container's own entry.
    #[must_use]
    pub fn find(&self, args: Args<'_>) -> Option<&Entry> {
        let entry = self.by_name(args.name())?;
        if entry.children.is_empty() || args.len() < 2 {
            return Some(entry);
        }
        Some(self.child(entry, args.get(1)).unwrap_or(entry))
    }

    /// A container's subcommand of this name, in any case of letters.
    fn child(&self, entry: &Entry, name: &[u8]) -> Option<&Entry> {
        let mut children = entry.children.iter().map(|&child| self.at(child));
        children.find(|child| {
            child
                .command
                .spec
                .name
                .as_bytes()
                .eq_ignore_ascii_case(name)
        })
    }

    /// The top-level entry of this name, in any case of letters.
    #[must_use]
    pub fn by_name(&self, name: &[u8]) -> Option<&Entry> {
        let mut place = hash(name);
        loop {
            let index = usize::from(self.places[place % PLACES]).checked_sub(1)?;
            if self.names[index].eq_ignore_ascii_case(name) {
                return Some(&self.entries[index]);
            }
            place += 1;
        }
    }

    /// The entry of a full name such as `config|get`, or of a plain one.
    #[must_use]
    pub fn by_full_name(&self, name: &[u8]) -> Option<&Entry> {
        let mut parts = name.splitn(2, |&byte| byte == b'|');
        let entry = self.by_name(parts.next()?)?;
        match parts.next() {
            None => Some(entry),
            Some(second) => self.child(entry, second),
        }
    }

    /// The entry at a position.
    ///
    /// # Panics
    /// When there is none: positions come from entries of this table.
    #[must_use]
    pub fn at(&self, index: u16) -> &Entry {
        &self.entries[usize::from(index)]
    }

    /// Every entry that can be called, subcommands after their container.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let callable = |entry: &&Entry| {
            let top = entry.parent.unwrap_or(entry.index);
            !self.names[usize::from(top)].is_empty()
        };
        self.entries.iter().filter(callable)
    }

    /// How many entries there are, subcommands included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Length, both ends and the middle tell nearly all names apart; the letters'
/// case bit is masked out.
fn hash(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else {
        return 0;
    };
    let letter = |byte: u8| usize::from(byte & 0x1f);
    let middle = letter(name[name.len() / 2]);
    let third = letter(name[name.len() / 3]);
    let word = letter(*first) | letter(*last) << 5 | middle << 10 | third << 15 | name.len() << 20;
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 40
}

/// The fast shape of a row's keys.
fn plan(spec: &Spec) -> KeyPlan {
    let [keys] = spec.keys else {
        return match spec.keys {
            [] => KeyPlan::None,
            _ => KeyPlan::Search,
        };
    };
    let Begin::Index(first) = keys.begin else {
        return KeyPlan::Search;
    };
    match keys.extent {
        Extent::Range { last: 0, .. } => KeyPlan::One(first),
        Extent::Range {
            last,
            step,
            limit: 0 | 1,
        } if last < 0 => KeyPlan::Range {
            first,
            step,
            tail: (-1 - last) as u16,
        },
        Extent::Range { .. } | Extent::Count { .. } | Extent::Unknown => KeyPlan::Search,
    }
}

/// By its tips, a command may run in parts where its keys are.
fn split(command: &Command) -> Option<Split> {
    let (Run::Data(_), KeyPlan::Range { first, step, .. }) = (command.run, plan(&command.spec))
    else {
        return None;
    };
    let tips = command.spec.tips;
    let policy = |name: &str| tips.iter().find_map(|tip| tip.strip_prefix(name));
    let ("multi_shard", replies) = (policy("request_policy:")?, policy("response_policy:")) else {
        return None;
    };
    let merge = match replies {
        None => Merge::ByKey,
        Some("agg_sum") => Merge::Sum,
        Some("all_succeeded") => Merge::Same,
        Some(_) => return None,
    };
    Some(Split {
        first: usize::from(first),
        step: usize::from(step),
        merge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::commands;

    #[test]
    fn these_commands_run_in_parts() {
        let table = Table::new(commands());
        let split = table.entries().filter(|entry| entry.split.is_some());
        let mut names: Vec<&str> = split.map(|entry| entry.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["del", "exists", "mget", "mset", "touch", "unlink"]);
        let mset = table.by_name(b"mset").and_then(|entry| entry.split);
        let merge = Merge::Same;
        let (first, step) = (1, 2);
        assert_eq!(mset, Some(Split { first, step, merge }));
    }

    #[test]
    fn names_are_found_within_a_few_looks_in_any_case() {
        let table = Table::new(commands());
        let (mut looks, mut names, mut most) = (0, 0, 0);
        for entry in table.entries().filter(|entry| entry.parent.is_none()) {
            let upper = entry.name.to_ascii_uppercase();
            let found = table.by_name(upper.as_bytes()).map(|found| found.index);
            assert_eq!(found, Some(entry.index), "{upper}");
            let home = hash(entry.name.as_bytes());
            let met = (0..PLACES)
                .find(|step| table.places[(home + step) % PLACES] == entry.index + 1)
                .expect("it was found above");
            looks += met + 1;
            names += 1;
            most = most.max(met + 1);
        }
        assert!(looks * 2 <= names * 3, "{looks} looks for {names} names");
        assert!(most <= 8, "{most} looks for one name");
    }

    #[test]
    fn a_renamed_command_answers_to_its_new_name_only() {
        let mut table = Table::new(commands());
        let get = table.by_name(b"get").map(|entry| entry.index);
        assert_eq!(table.rename(b"GET", b"Fetch"), Ok(()));
        assert!(table.by_name(b"get").is_none());
        assert_eq!(table.by_name(b"FETCH").map(|entry| entry.index), get);
        assert!(table.rename(b"set", b"fetch").is_err(), "the name is taken");
        assert!(table.rename(b"nosuch", b"x").is_err());
        // The old name is free for another.
        assert_eq!(table.rename(b"set", b"get"), Ok(()));
        assert_eq!(table.by_name(b"GET").map(|entry| entry.name), Some("set"));
        assert_eq!(table.rename(b"config", b""), Ok(()));
        assert!(table.by_name(b"config").is_none());
        assert!(table.by_full_name(b"config|get").is_none());
        assert!(
            table
                .entries()
                .all(|entry| !entry.name.starts_with("config"))
        );
    }

    #[test]
    fn a_container_alone_has_too_few_words() {
        let table = Table::new(commands());
        for entry in table.entries() {
            if let Run::Container(_) = entry.command.run {
                assert!(!entry.takes(1), "{} alone would run", entry.name);
            }
        }
    }
}
