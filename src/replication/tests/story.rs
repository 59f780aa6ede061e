//! Histories, as one who knows everything would tell them: requests, and whoever
//! applies them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::replication::greeting::request;
use crate::resp::{Args, Decoded, Decoder, Limits};

/// Keys with their database, and values.
pub(super) type Data = BTreeMap<(u64, String), String>;

/// Of a longer value only the beginning and the length are looked at.
const LOOKED_AT_BYTES: usize = 256;

/// The words of every request in these bytes, and where each ends.
pub(super) fn requests(bytes: &[u8]) -> Vec<(Vec<String>, usize)> {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut spans = Vec::new();
        match decoder.decode(&bytes[at..], &mut spans, &Limits::default()) {
            Ok(Decoded::Request { consumed }) => {
                let args = Args::new(&bytes[at..at + consumed], &spans);
                let words = args
                    .iter()
                    .map(|word| String::from_utf8_lossy(word).into_owned());
                at += consumed;
                found.push((words.collect(), at));
            }
            Ok(Decoded::Empty { consumed }) => at += consumed,
            Ok(Decoded::Inline { consumed, args }) => {
                at += consumed;
                let words = args
                    .iter()
                    .map(|word| String::from_utf8_lossy(word).into_owned());
                found.push((words.collect(), at));
            }
            Ok(Decoded::Incomplete { .. }) => break,
            Err(fault) => panic!("{fault:?} in {}", bytes[at..].escape_ascii()),
        }
    }
    found
}

/// Whoever applies requests: its data, and which database is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) data: Data,
    pub(super) database: u64,
    pub(super) is_in_multi: bool,
    /// Of all keys and values, whatever their order.
    pub(super) digest: u64,
}

impl Applied {
    pub(super) fn apply(&mut self, words: &[String]) {
        match words[0].as_str() {
            "SELECT" => self.database = words[1].parse().expect("a number"),
            "MULTI" => self.is_in_multi = true,
            "EXEC" => self.is_in_multi = false,
            "SET" => self.put(&words[1], Some(words[2].clone())),
            "DEL" => self.put(&words[1], None),
            // Twice is not once.
            "INCR" => {
                let before = self.data.get(&(self.database, words[1].clone()));
                let before = before.map_or(0, |text| text.parse().expect("a number"));
                let after: u64 = before + 1;
                self.put(&words[1], Some(after.to_string()));
            }
            "PING" | "REPLCONF" => {}
            other => panic!("{other} is not in the stream"),
        }
    }

    fn put(&mut self, key: &str, value: Option<String>) {
        let key = (self.database, key.to_owned());
        if let Some(value) = &value {
            self.digest ^= digest(&key, value);
        }
        let before = match value {
            Some(value) => self.data.insert(key.clone(), value),
            None => self.data.remove(&key),
        };
        if let Some(before) = before {
            self.digest ^= digest(&key, &before);
        }
    }

    pub(super) fn apply_all(&mut self, bytes: &[u8]) {
        for (words, _) in requests(bytes) {
            self.apply(&words);
        }
    }

    /// As a file: the database that is selected, then the data.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut text = format!("FILE {}\n", self.database);
        for ((database, key), value) in &self.data {
            text.push_str(&format!("{database} {key} {value}\n"));
        }
        text.push_str("END\n");
        text.into_bytes()
    }

    /// What a file says.
    pub(super) fn of_file(file: &[u8]) -> Applied {
        let text = String::from_utf8_lossy(file);
        let mut lines = text.lines();
        let head = lines.next().expect("a file has a head");
        let head = head.strip_prefix("FILE ").expect("a file says so");
        assert_eq!(lines.next_back(), Some("END"), "a file is whole");
        let mut applied = Applied::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            applied.database = words[0].parse().expect("a number");
            applied.put(words[1], Some(words[2].to_owned()));
        }
        applied.database = head.parse().expect("a number");
        applied
    }
}

fn digest(key: &(u64, String), value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    value.len().hash(&mut hasher);
    value[..value.len().min(LOOKED_AT_BYTES)].hash(&mut hasher);
    hasher.finish()
}

/// A request as bytes.
pub(super) fn written(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    request(&mut bytes, &words);
    bytes
}
