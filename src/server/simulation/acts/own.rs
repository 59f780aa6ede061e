//! Keys of one client on all cores: it sees its own writes, in the order it
//! sent them, and nothing else.

use std::collections::BTreeMap;

use crate::base::Random;
use crate::resp::Value;
use crate::script::Sha;

use super::super::exchange::{Exchange, words};

const KEYS: u64 = 5;

/// What the client's keys hold by now, and what it must be told.
struct Model {
    values: BTreeMap<String, String>,
    client: u64,
    /// Values of this pipeline begin with it.
    tag: u64,
    requests: Vec<Vec<String>>,
    replies: Vec<Value>,
    /// Replies that EXEC gives, between MULTI and EXEC.
    put_off: Option<Vec<Value>>,
    /// Its script is known by its digest.
    has_script: bool,
}

impl Model {
    fn key(&self, number: u64) -> String {
        format!("own:{}:{number}", self.client)
    }

    fn keys(&self) -> Vec<String> {
        (0..KEYS).map(|number| self.key(number)).collect()
    }

    fn add(&mut self, request: Vec<String>, reply: Value) {
        self.requests.push(request);
        match &mut self.put_off {
            None => self.replies.push(reply),
            Some(put_off) => {
                put_off.push(reply);
                self.replies.push(Value::Simple("QUEUED".to_owned()));
            }
        }
    }

    fn value(&self, key: &str) -> Value {
        let value = self.values.get(key);
        value.map_or(Value::Null, |text| Value::Bulk(text.as_bytes().to_vec()))
    }

    fn begin_or_end_transaction(&mut self) {
        match self.put_off.take() {
            None => {
                self.add(words("MULTI"), ok());
                self.put_off = Some(Vec::new());
            }
            Some(replies) => self.add(words("EXEC"), Value::Array(replies)),
        }
    }

    /// A transaction on one key.
    fn transact(&mut self, key: &str) {
        self.begin_or_end_transaction();
        let reply = self.append(key);
        self.add(words(&format!("APPEND {key} x")), reply);
        let reply = self.value(key);
        self.add(words(&format!("GET {key}")), reply);
        self.begin_or_end_transaction();
    }

    /// A script on one key, which no other pipeline has: by its text, and then by its
    /// digest.
    fn evaluate(&mut self, key: &str) {
        let body = format!(
            "return redis.call('APPEND', KEYS[1], ARGV[1]) -- {}",
            self.tag
        );
        let (name, body) = match self.has_script {
            true => (
                "EVALSHA",
                String::from_utf8_lossy(Sha::of(body.as_bytes()).text()).into_owned(),
            ),
            false => ("EVAL", body),
        };
        self.has_script = self.put_off.is_none() || self.has_script;
        let reply = self.append(key);
        let request = [name, &body, "1", key, "x"].map(str::to_owned);
        self.add(request.to_vec(), reply);
    }

    fn append(&mut self, key: &str) -> Value {
        let value = self.values.entry(key.to_owned()).or_default();
        value.push('x');
        Value::Int(value.len() as i64)
    }

    fn step(&mut self, dice: &mut Random, at: usize) {
        let key = self.key(dice.below(KEYS));
        let other = self.key(dice.below(KEYS));
        match dice.below(14) {
            0 => {
                let values = self.keys().iter().map(|key| self.value(key)).collect();
                let mut mget = words("MGET");
                mget.extend(self.keys());
                self.add(mget, Value::Array(values));
            }
            1 => self.begin_or_end_transaction(),
            2 => {
                let reply = self.append(&key);
                self.add(words(&format!("APPEND {key} x")), reply);
            }
            3 => {
                let removed = i64::from(self.values.remove(&key).is_some())
                    + i64::from(self.values.remove(&other).is_some());
                self.add(words(&format!("DEL {key} {other}")), Value::Int(removed));
            }
            4 => {
                let reply = match self.values.remove(&key) {
                    None => Value::Error("ERR no such key".to_owned()),
                    Some(value) => {
                        self.values.insert(other.clone(), value);
                        ok()
                    }
                };
                self.add(words(&format!("RENAME {key} {other}")), reply);
            }
            5 => {
                let there = [&key, &other].map(|key| i64::from(self.values.contains_key(key)));
                let reply = Value::Int(there.iter().sum());
                self.add(words(&format!("EXISTS {key} {other}")), reply);
            }
            6 => {
                let reply = self.value(&key);
                self.add(words(&format!("GET {key}")), reply);
            }
            7 | 8 if self.put_off.is_none() => self.transact(&key),
            9 | 10 => self.evaluate(&key),
            _ => {
                let value = format!("{}.{at}", self.tag);
                self.add(words(&format!("SET {key} {value}")), ok());
                self.values.insert(key, value);
            }
        }
    }
}

fn ok() -> Value {
    Value::Simple("OK".to_owned())
}

/// A pipeline of reads and writes, which begins with nothing.
pub(super) fn begin(client: u64, dice: &mut Random) -> Exchange {
    let mut model = Model {
        values: BTreeMap::new(),
        client,
        tag: dice.below(1 << 20),
        requests: Vec::new(),
        replies: Vec::new(),
        put_off: None,
        has_script: false,
    };
    let mut del = words("DEL");
    del.extend(model.keys());
    model.requests.push(del);
    let steps = 1 + dice.below(14) as usize;
    for at in 0..steps {
        model.step(dice, at);
    }
    if model.put_off.is_some() {
        model.begin_or_end_transaction();
    }
    let expected = model.replies;
    Exchange::new(model.requests, move |_, _, replies| {
        match &replies[1..] == expected.as_slice() {
            true => Ok(None),
            false => Err(format!("expected {expected:?}")),
        }
    })
}
