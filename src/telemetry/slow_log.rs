//! The slow log of one core: commands that took longer than wished.
//!
//! Ids must be unique over the node and grow with time on each core. A core
//! numbers its entries `sequence * cores + core`, so no core asks another;
//! SLOWLOG GET merges the cores' logs by time, newest first.

use std::collections::VecDeque;

use super::parcel::{Parcel, pack_number, pack_text};

/// Arguments kept of one command; with more, the last tells how many.
const ARGUMENTS_MAX: usize = 32;
/// Bytes kept of one argument; with more, its end tells how many.
const ARGUMENT_BYTES_MAX: usize = 128;

/// One slow command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowEntry {
    /// Unique over the node.
    pub id: u64,
    /// Seconds since 1970 when the command began.
    pub unix_time_s: i64,
    /// Microseconds it took.
    pub duration_us: u64,
    /// The command's words, trimmed.
    pub arguments: Vec<Box<[u8]>>,
    /// The client's address, `ip:port` or the socket's path with `:0`.
    pub client_address: Box<[u8]>,
    /// The client's name, or "".
    pub client_name: Box<[u8]>,
}

/// The newest slow commands of one core.
#[derive(Debug)]
pub struct SlowLog {
    entries: VecDeque<SlowEntry>,
    length_max: usize,
    next_id: u64,
    id_step: u64,
}

/// What is known of a slow command; the log trims and copies it.
#[derive(Clone, Copy, Debug)]
pub struct SlowCommand<'a> {
    /// Seconds since 1970 when it began.
    pub unix_time_s: i64,
    /// Microseconds it took.
    pub duration_us: u64,
    /// All its words.
    pub arguments: &'a [&'a [u8]],
    /// The client's address.
    pub client_address: &'a [u8],
    /// The client's name, or "".
    pub client_name: &'a [u8],
}

impl SlowLog {
    /// The log of core number `core` of `cores`, for `length_max` entries.
    pub fn new(core: usize, cores: usize, length_max: usize) -> Self {
        assert!(core < cores, "core {core} of {cores}");
        Self {
            entries: VecDeque::new(),
            length_max,
            next_id: core as u64,
            id_step: cores as u64,
        }
    }

    /// Adds a command; the oldest entries beyond the length go.
    pub fn record(&mut self, command: SlowCommand<'_>) {
        let id = self.next_id;
        self.next_id += self.id_step;
        self.entries.push_front(SlowEntry {
            id,
            unix_time_s: command.unix_time_s,
            duration_us: command.duration_us,
            arguments: trimmed(command.arguments),
            client_address: command.client_address.into(),
            client_name: command.client_name.into(),
        });
        self.entries.truncate(self.length_max);
    }

    /// The newest `count` entries, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &SlowEntry> {
        self.entries.iter().take(count)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// SLOWLOG RESET: forgets all entries; ids go on.
    pub fn reset(&mut self) {
        self.entries.clear();
    }

    /// Changes `slowlog-max-len`; entries beyond go with the next one recorded.
    pub fn set_max_len(&mut self, length_max: usize) {
        self.length_max = length_max;
    }
}

impl SlowEntry {
    /// Writes it for another core.
    pub fn pack(&self, out: &mut Vec<u8>) {
        pack_number(out, self.id);
        pack_number(out, self.unix_time_s as u64);
        pack_number(out, self.duration_us);
        pack_number(out, self.arguments.len() as u64);
        for argument in &self.arguments {
            pack_text(out, argument);
        }
        pack_text(out, &self.client_address);
        pack_text(out, &self.client_name);
    }

    /// Reads what another core packed.
    pub fn unpack(parcel: &mut Parcel<'_>) -> Self {
        Self {
            id: parcel.number(),
            unix_time_s: parcel.number() as i64,
            duration_us: parcel.number(),
            arguments: (0..parcel.number()).map(|_| parcel.text().into()).collect(),
            client_address: parcel.text().into(),
            client_name: parcel.text().into(),
        }
    }
}

/// The newest `count` entries of several cores' logs, newest first.
pub fn merged(mut entries: Vec<SlowEntry>, count: usize) -> Vec<SlowEntry> {
    entries.sort_by_key(|entry| std::cmp::Reverse((entry.unix_time_s, entry.id)));
    entries.truncate(count);
    entries
}

fn trimmed(arguments: &[&[u8]]) -> Vec<Box<[u8]>> {
    if arguments.len() <= ARGUMENTS_MAX {
        return arguments
            .iter()
            .map(|argument| shortened(argument))
            .collect();
    }
    let kept = &arguments[..ARGUMENTS_MAX - 1];
    let left_out = arguments.len() - kept.len();
    let mut words: Vec<Box<[u8]>> = kept.iter().map(|argument| shortened(argument)).collect();
    words.push(
        format!("... ({left_out} more arguments)")
            .into_bytes()
            .into(),
    );
    words
}

fn shortened(argument: &[u8]) -> Box<[u8]> {
    if argument.len() <= ARGUMENT_BYTES_MAX {
        return argument.into();
    }
    let (kept, left_out) = argument.split_at(ARGUMENT_BYTES_MAX);
    let note = format!("... ({} more bytes)", left_out.len());
    [kept, note.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::{Parcel, SlowCommand, SlowEntry, SlowLog, merged};

    fn push(log: &mut SlowLog, unix_time_s: i64, arguments: &[&[u8]]) {
        log.record(SlowCommand {
            unix_time_s,
            duration_us: 20_000,
            arguments,
            client_address: b"127.0.0.1:5000",
            client_name: b"",
        });
    }

    #[test]
    fn the_newest_entries_stay() {
        let mut log = SlowLog::new(0, 1, 2);
        for time in 0..3 {
            push(&mut log, time, &[b"PING"]);
        }
        let ids: Vec<u64> = log.newest(10).map(|entry| entry.id).collect();
        assert_eq!(ids, [2, 1]);
        log.reset();
        assert!(log.is_empty());
        push(&mut log, 3, &[b"PING"]);
        assert_eq!(log.newest(1).map(|entry| entry.id).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn ids_of_two_cores_differ_and_merge_by_time() {
        let mut logs = [SlowLog::new(0, 2, 8), SlowLog::new(1, 2, 8)];
        push(&mut logs[1], 5, &[b"A"]);
        push(&mut logs[0], 6, &[b"B"]);
        push(&mut logs[1], 7, &[b"C"]);
        let entries = logs.iter().flat_map(|log| log.newest(8).cloned()).collect();
        let ids: Vec<u64> = merged(entries, 2).iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [3, 0]);
    }

    #[test]
    fn an_entry_packed_is_the_same_unpacked() {
        let mut log = SlowLog::new(0, 1, 8);
        push(&mut log, -3, &[b"SET", b"", b"a\r\nb"]);
        let entry = log.newest(1).next().expect("one was pushed");
        let mut packed = Vec::new();
        entry.pack(&mut packed);
        assert_eq!(&SlowEntry::unpack(&mut Parcel::new(&packed)), entry);
    }

    #[test]
    fn many_arguments_end_in_their_count() {
        let mut log = SlowLog::new(0, 1, 8);
        for count in [32, 33, 43] {
            push(&mut log, 0, &vec![&b"a"[..]; count]);
        }
        let entries: Vec<_> = log.newest(3).collect();
        assert_eq!(&*entries[0].arguments[31], b"... (12 more arguments)");
        assert_eq!(&*entries[1].arguments[31], b"... (2 more arguments)");
        assert_eq!(&*entries[2].arguments[31], b"a");
    }

    #[test]
    fn long_arguments_end_in_their_rest() {
        let mut log = SlowLog::new(0, 1, 8);
        push(&mut log, 0, &[&[b'x'; 128], &[b'x'; 130]]);
        let entry = log.newest(1).next().expect("one was pushed");
        assert_eq!(entry.arguments[0].len(), 128);
        assert!(entry.arguments[1].ends_with(b"x... (2 more bytes)"));
    }
}
