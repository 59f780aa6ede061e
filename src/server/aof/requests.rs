//! A base as requests, where `aof-use-rdb-preamble` is no: what a snapshot says, said
//! so that people and their tools can read and change it.
//!
//! It is made of the snapshot's own bytes as they come, by who writes them, so that
//! a snapshot is taken in one way only. A record is in memory once as bytes and once
//! as a value while it is turned into requests.

use crate::journal::{put_request, select};
use crate::snapshot::{
    Checksum, Element, FileFault, FilePart, FileReader, RawRecord, Restored, Value,
};
use crate::value::Rules;
use crate::value::hash::Hash;
use crate::value::list::{End, List};
use crate::value::set::Set;
use crate::value::sorted_set::SortedSet;
use crate::value::stream::{Group, Id, Stream};

/// Elements that one request adds.
const ELEMENTS_MAX: usize = 64;

/// The moment at which every field is still there.
const BEFORE_ALL: u64 = 0;

/// See the module.
pub(super) struct AsRequests {
    reader: FileReader,
    rules: Rules,
    selected: Option<usize>,
    out: Vec<u8>,
}

impl AsRequests {
    /// With a line that says the time, in Unix seconds, if that is wanted.
    pub(super) fn new(rules: Rules, databases: usize, said_s: Option<u64>) -> AsRequests {
        AsRequests {
            reader: FileReader::new(u64::MAX, databases, Checksum::Off),
            rules,
            selected: None,
            out: said_s.map_or_else(Vec::new, |seconds| format!("#TS:{seconds}\r\n").into()),
        }
    }

    /// What a base without data consists of.
    pub(super) fn begin(self) -> Vec<u8> {
        self.out
    }

    /// The snapshot goes on with these bytes; gives the bytes with which the base does.
    pub(super) fn on_bytes(&mut self, bytes: &[u8]) -> Result<Vec<u8>, FileFault> {
        self.reader.on_bytes(bytes);
        let mut words = Words {
            out: std::mem::take(&mut self.out),
            open: Vec::new(),
        };
        while let Some(part) = self.reader.next_part()? {
            match part {
                FilePart::Function(text) => words.say(&[b"FUNCTION", b"LOAD", &text]),
                FilePart::Record(record) => {
                    if self.selected != Some(record.database) {
                        self.selected = Some(record.database);
                        words.out.extend_from_slice(&select(record.database));
                    }
                    words.record(&record, &self.rules)?;
                }
                FilePart::Version(_)
                | FilePart::Aux { .. }
                | FilePart::ModuleAux(_)
                | FilePart::Database(_)
                | FilePart::Sizes(_)
                | FilePart::End { .. } => {}
            }
        }
        Ok(words.out)
    }
}

/// Requests that are being written.
struct Words {
    out: Vec<u8>,
    /// Elements that wait for their request.
    open: Vec<Vec<u8>>,
}

impl Words {
    fn say(&mut self, words: &[&[u8]]) {
        put_request(&mut self.out, words.iter().copied());
    }

    fn record(&mut self, record: &RawRecord<'_>, rules: &Rules) -> Result<(), FileFault> {
        let (key, value) = record.decode(rules)?;
        match &value {
            Restored::Text(text) => self.value(&key, Value::Text(text)),
            Restored::Compound(compound) => self.value(&key, Value::from(compound)),
        }
        if let Some(deadline) = record.deadline {
            let mut digits = itoa::Buffer::new();
            let deadline = digits.format(deadline).as_bytes();
            self.say(&[b"PEXPIREAT", &key, deadline]);
        }
        Ok(())
    }

    fn value(&mut self, key: &[u8], value: Value<'_>) {
        match value {
            Value::Text(text) => self.say(&[b"SET", key, text]),
            Value::List(list) => self.list(key, list),
            Value::Set(set) => self.set(key, set),
            Value::SortedSet(set) => self.sorted_set(key, set),
            Value::Hash(hash) => self.hash(key, hash),
            Value::Stream(stream) => self.stream(key, stream),
        }
    }

    /// One more element, of one or two words, for a request of this name.
    fn add(&mut self, name: &[u8], key: &[u8], element: &[&[u8]]) {
        self.open.extend(element.iter().map(|word| word.to_vec()));
        if self.open.len() >= ELEMENTS_MAX * element.len() {
            self.end(name, key);
        }
    }

    /// Says those that wait.
    fn end(&mut self, name: &[u8], key: &[u8]) {
        let open = std::mem::take(&mut self.open);
        if !open.is_empty() {
            let mut words = vec![name, key];
            words.extend(open.iter().map(Vec::as_slice));
            self.say(&words);
        }
    }

    fn list(&mut self, key: &[u8], list: &List) {
        for item in list.walk(End::Front, 0) {
            Element::from(item).with_text(|text| self.add(b"RPUSH", key, &[text]));
        }
        self.end(b"RPUSH", key);
    }

    fn set(&mut self, key: &[u8], set: &Set) {
        for member in set.iter() {
            Element::from(member).with_text(|text| self.add(b"SADD", key, &[text]));
        }
        self.end(b"SADD", key);
    }

    fn sorted_set(&mut self, key: &[u8], set: &SortedSet) {
        set.visit_all(|score, member| {
            let mut text = Vec::new();
            crate::base::write_f64(&mut text, score);
            self.add(b"ZADD", key, &[&text, member]);
        });
        self.end(b"ZADD", key);
    }

    fn hash(&mut self, key: &[u8], hash: &Hash) {
        let mut ending = Vec::new();
        hash.each_with_deadline(BEFORE_ALL, |field, value, deadline| {
            Element::from(field).with_text(|field| {
                Element::from(value).with_text(|value| self.add(b"HSET", key, &[field, value]));
                ending.extend(deadline.map(|deadline| (field.to_vec(), deadline)));
            });
        });
        self.end(b"HSET", key);
        for (field, deadline) in ending {
            let mut digits = itoa::Buffer::new();
            let deadline = digits.format(deadline).as_bytes();
            self.say(&[b"HPEXPIREAT", key, deadline, b"FIELDS", b"1", &field]);
        }
    }

    fn stream(&mut self, key: &[u8], stream: &Stream) {
        let entries = stream.entries();
        for entry in entries.iter() {
            let id = entry.id.to_string();
            let mut fields = Vec::new();
            for (field, value) in entry.fields {
                for item in [field, value] {
                    Element::from(item).with_text(|text| fields.push(text.to_vec()));
                }
            }
            let mut words = vec![b"XADD", key, id.as_bytes()];
            words.extend(fields.iter().map(Vec::as_slice));
            self.say(&words);
        }
        let history = entries.history();
        let last = history.last_id.to_string();
        if entries.is_empty() {
            // An entry cannot have the id zero, the last one of an empty stream may.
            let first = history.last_id.max(Id { ms: 0, seq: 1 }).to_string();
            self.say(&[b"XADD", key, b"MAXLEN", b"0", first.as_bytes(), b"x", b"y"]);
        }
        let added = history.added.to_string();
        let deleted = history.max_deleted_id.to_string();
        self.say(&[
            b"XSETID",
            key,
            last.as_bytes(),
            b"ENTRIESADDED",
            added.as_bytes(),
            b"MAXDELETEDID",
            deleted.as_bytes(),
        ]);
        for (name, group) in stream.groups() {
            self.group(key, name, group);
        }
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) {
        let last = group.last_id.to_string();
        let read = group
            .entries_read
            .map_or(-1, |read| read as i64)
            .to_string();
        self.say(&[
            b"XGROUP",
            b"CREATE",
            key,
            name,
            last.as_bytes(),
            b"ENTRIESREAD",
            read.as_bytes(),
        ]);
        for consumer in group.consumers() {
            let owner = consumer.name();
            self.say(&[b"XGROUP", b"CREATECONSUMER", key, name, owner]);
            for (id, pending) in group.pending_of(consumer, Id::MIN, Id::MAX) {
                let id = id.to_string();
                let time = pending.delivered_at.to_string();
                let count = pending.deliveries.to_string();
                self.say(&[
                    b"XCLAIM",
                    key,
                    name,
                    owner,
                    b"0",
                    id.as_bytes(),
                    b"TIME",
                    time.as_bytes(),
                    b"RETRYCOUNT",
                    count.as_bytes(),
                    b"JUSTID",
                    b"FORCE",
                ]);
            }
        }
    }
}
