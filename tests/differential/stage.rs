//! Stock and two nodes of ours side by side, which are asked the same.

use std::collections::BTreeSet;

use crate::compare::{Comparison, leaves};
use crate::differences;
use crate::side::Side;
use crate::step::Step;
use crate::wire::{Reply, quote};

/// Where servers are not the same.
#[derive(Clone)]
pub struct Difference {
    pub stock: String,
    pub ours: String,
    pub who: String,
}

pub struct Stage {
    /// Stock first.
    pub sides: Vec<Side>,
    /// Another of stock, for what may be its end.
    pub stand_in: Side,
    /// The protocol of the episode.
    pub protocol: String,
    /// What is queued since MULTI; none outside of a transaction.
    pub queue: Option<Vec<Step>>,
    /// Changes counted when the episode began.
    changes_before: Vec<i64>,
}

/// Settings that decide about encodings, and the values they may have.
pub const SETTINGS: &[(&str, &[&str])] = &[
    ("hash-max-listpack-entries", &["128", "4", "0", "512"]),
    ("hash-max-listpack-value", &["64", "8"]),
    ("set-max-intset-entries", &["512", "4", "0"]),
    ("zset-max-listpack-entries", &["128", "4", "0"]),
    ("zset-max-listpack-value", &["64", "8"]),
    ("list-max-listpack-size", &["-2", "4", "1", "-1"]),
    ("list-compress-depth", &["0", "1", "2"]),
    ("stream-node-max-entries", &["100", "3", "1", "10"]),
    ("stream-node-max-bytes", &["4096", "64", "0"]),
    ("hll-sparse-max-bytes", &["3000", "0", "40"]),
    ("proto-max-bulk-len", &["512mb"]),
];

impl Stage {
    pub fn start() -> Self {
        Self {
            sides: vec![
                Side::start("stock", None),
                Side::start("basalt with 1 shard", Some(1)),
                Side::start("basalt with 4 shards", Some(4)),
            ],
            stand_in: Side::start("stock", None),
            protocol: "2".to_owned(),
            queue: None,
            changes_before: Vec::new(),
        }
    }

    /// Empties the servers; settings are as they come.
    pub fn begin(&mut self, protocol: &str) {
        let defaults = SETTINGS
            .iter()
            .flat_map(|(name, values)| [*name, values[0]]);
        let settings: Vec<&str> = ["CONFIG", "SET"].into_iter().chain(defaults).collect();
        self.queue = None;
        self.protocol = protocol.to_owned();
        for side in self.sides.iter_mut().chain([&mut self.stand_in]) {
            side.revive();
            for words in [
                &["RESET"] as &[&str],
                &["HELLO", protocol],
                &["SELECT", "0"],
                &["FLUSHALL"],
                &settings,
            ] {
                let reply = side.ask(words);
                assert!(
                    !matches!(reply, Reply::Error(_)),
                    "{}: {words:?}: {reply:?}",
                    side.name
                );
            }
        }
        self.changes_before = self.sides.iter_mut().map(Side::changes).collect();
    }

    /// Asks everybody; the first who differs from stock is told.
    pub fn play(&mut self, step: &Step) -> Result<(), Difference> {
        // 7.2 also counts a consumer that is made where there is nothing to read or to claim;
        // TRANSFER and CORRUPT change more at some.
        let counts_more = matches!(
            step.name().as_str(),
            "XREADGROUP"
                | "XCLAIM"
                | "XAUTOCLAIM"
                | "XGROUP"
                | "XSETID"
                | "EXEC"
                | "TRANSFER"
                | "CORRUPT"
        );
        if !counts_more {
            return self.play_and_count(step);
        }
        let before: Vec<i64> = self.sides.iter_mut().map(Side::changes).collect();
        let outcome = self.play_and_count(step);
        let after = self.sides.iter_mut().map(Side::changes);
        let made = after.zip(before).map(|(after, before)| after - before);
        for (counted, made) in self.changes_before.iter_mut().zip(made) {
            *counted += made;
        }
        outcome
    }

    fn play_and_count(&mut self, step: &Step) -> Result<(), Difference> {
        if self.queue.is_some() {
            return self.play_queued(step);
        }
        match step.comparison {
            Comparison::Own => self.own(step),
            Comparison::Scan => self.scan(step),
            Comparison::Random | Comparison::Drawn => self.drawn(step),
            _ => {
                let replies = self.everybody(&step.words);
                self.compare(step, &replies)?;
                if step.name() == "MULTI" && replies[0] == status("OK") {
                    self.queue = Some(Vec::new());
                }
                // 7.0 lets XSETID go below what 7.2 does not.
                let is_apart = step.name() == "XSETID" && replies[0] != replies[1];
                if is_apart && let Some(key) = step.words.get(1) {
                    self.follow_stock(key)?;
                }
                for key in step.written_openly() {
                    self.follow_stock(&key)?;
                }
                self.after_sort(step)
            }
        }
    }

    /// SORT turns a sorted set of stock into a skiplist, which nobody asked for.
    fn after_sort(&mut self, step: &Step) -> Result<(), Difference> {
        if step.comparison != Comparison::Sort {
            return Ok(());
        }
        let Some(key) = step.words.get(1) else {
            return Ok(());
        };
        let kind = self.sides[0].ask(&[b"TYPE", key.as_slice()]);
        if kind == status("zset") {
            self.follow_stock(key)
        } else {
            Ok(())
        }
    }

    /// Everybody's reply, asked at the same time.
    pub fn everybody<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Vec<Reply> {
        let sent: Vec<_> = self
            .sides
            .iter_mut()
            .map(|side| side.client.send(words))
            .collect();
        let sides = self.sides.iter_mut().zip(sent);
        sides
            .map(|(side, sent)| {
                let reply = sent.and_then(|()| side.client.read());
                side.settled(reply)
            })
            .collect()
    }

    pub fn compare(&self, step: &Step, replies: &[Reply]) -> Result<(), Difference> {
        for (side, reply) in self.sides.iter().zip(replies).skip(1) {
            let agree = step.comparison.agree(&replies[0], reply)
                || differences::is_known(step, &replies[0], reply);
            if !agree {
                return Err(difference(&replies[0], side, reply));
            }
        }
        Ok(())
    }

    /// What is drawn must be of the key's members, as many as stock draws, and different where
    /// the count says so.
    fn drawn(&mut self, step: &Step) -> Result<(), Difference> {
        let key = step.words.get(1).cloned().unwrap_or_default();
        let (is_pop, name) = (step.comparison == Comparison::Drawn, step.name());
        let all: &[&[u8]] = match name.as_str() {
            "HRANDFIELD" => &[b"HGETALL", &key],
            "ZRANDMEMBER" => &[b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"],
            "RANDOMKEY" => &[b"KEYS", b"*"],
            _ => &[b"SMEMBERS", &key],
        };
        let all: Vec<Vec<String>> = self.everybody(all).iter().map(leaves).collect();
        let replies = self.everybody(&step.words);
        self.compare(step, &replies)?;
        if matches!(replies[0], Reply::Error(_)) {
            return Ok(());
        }
        let is_paired = matches!(name.as_str(), "HRANDFIELD" | "ZRANDMEMBER");
        let step_of_all = if is_paired { 2 } else { 1 };
        let has_values = is_paired && step.words.len() > 3;
        let width = if has_values { 2 } else { 1 };
        let count = step
            .words
            .get(2)
            .is_none_or(|count| !count.starts_with(b"-"));
        for at in 1..self.sides.len() {
            let drawn = leaves(&replies[at]);
            let members: BTreeSet<&[String]> = all[at]
                .chunks(step_of_all)
                .map(|member| &member[..width])
                .collect();
            let met: BTreeSet<&[String]> = drawn.chunks(width).collect();
            let is_member = met.iter().all(|drawn| members.contains(drawn));
            let is_distinct = !count || met.len() * width == drawn.len();
            if !is_member || !is_distinct {
                return Err(Difference {
                    stock: format!("some of {:?}", all[at]),
                    ours: format!("{:?}", replies[at]),
                    who: self.sides[at].name.to_owned(),
                });
            }
        }
        if is_pop {
            self.exact(&Step::exact("DBSIZE"))?;
            let left = [b"SCARD".to_vec(), key.clone()];
            self.exact(&Step {
                words: left.to_vec(),
                comparison: Comparison::Exact,
            })?;
            self.follow_stock(&key)?;
        }
        Ok(())
    }

    fn exact(&mut self, step: &Step) -> Result<(), Difference> {
        let replies = self.everybody(&step.words);
        self.compare(step, &replies)
    }

    /// A walk to its end; only the first call may be refused.
    fn scan(&mut self, step: &Step) -> Result<(), Difference> {
        let at = if step.name() == "SCAN" { 1 } else { 2 };
        let replies = self.everybody(&step.words);
        let is_walk = step.words.get(at).is_some_and(|cursor| cursor == b"0");
        let mut walks = Vec::new();
        for (index, first) in replies.iter().enumerate() {
            if matches!(first, Reply::Error(_)) || !is_walk {
                // Where a cursor leads that nobody gave is open.
                walks.push(match first {
                    Reply::Error(_) => first.clone(),
                    _ => Reply::Null,
                });
                continue;
            }
            walks.push(self.sides[index].walk(step, at, first.clone()));
        }
        self.compare(step, &walks)
    }

    /// Words to the runner.
    fn own(&mut self, step: &Step) -> Result<(), Difference> {
        match step.name().as_str() {
            "TRANSFER" => self.transfer(step.words.get(1).map_or(b"", |key| key)),
            "CORRUPT" => {
                let word = |at: usize| step.words.get(at).cloned().unwrap_or_default();
                self.corrupt(&word(1), &word(2))
            }
            "DIGEST" => self.digest(),
            "CHANGES" => self.same_changes(),
            name => panic!("the runner knows no {name}"),
        }
    }

    /// Stock's value is restored everywhere, and each of ours there, all of them the same.
    fn transfer(&mut self, key: &[u8]) -> Result<(), Difference> {
        self.same_value(key)?;
        self.follow_stock(key)?;
        self.same_value(key)?;
        for at in 1..self.sides.len() {
            let ours = self.sides[at].ask(&[b"DUMP", key]);
            if let Reply::Bulk(payload) = ours {
                let deadline = self.deadline(key);
                let reply = restore(&mut self.sides[0], key, &payload, deadline.as_bytes());
                if reply != status("OK") {
                    return Err(difference(&reply, &self.sides[at], &Reply::Bulk(payload)));
                }
                self.same_value(key)?;
            }
        }
        self.follow_stock(key)
    }

    fn same_value(&mut self, key: &[u8]) -> Result<(), Difference> {
        let ask = |words: &[&[u8]], comparison| Step {
            words: words.iter().map(|word| word.to_vec()).collect(),
            comparison,
        };
        self.exact(&ask(&[b"DEBUG", b"DIGEST-VALUE", key], Comparison::Exact))?;
        self.exact(&ask(&[b"OBJECT", b"ENCODING", key], Comparison::Exact))?;
        if self.sides[0].ask(&[b"TYPE", key]) == status("stream") {
            let words: &[&[u8]] = &[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"];
            self.exact(&ask(words, Comparison::Told))?;
        }
        Ok(())
    }

    /// Gives a key of everybody, stock too, what stock has there.
    fn follow_stock(&mut self, key: &[u8]) -> Result<(), Difference> {
        let Reply::Bulk(payload) = self.sides[0].ask(&[b"DUMP", key]) else {
            self.everybody(&[b"DEL", key]);
            return Ok(());
        };
        let deadline = self.deadline(key);
        for side in &mut self.sides {
            let reply = restore(side, key, &payload, deadline.as_bytes());
            if reply != status("OK") {
                return Err(difference(&Reply::Bulk(payload), side, &reply));
            }
        }
        Ok(())
    }

    /// As stock has it; 0 for none.
    fn deadline(&mut self, key: &[u8]) -> String {
        match self.sides[0].ask(&[b"PEXPIRETIME", key]) {
            Reply::Integer(at) if at > 0 => at.to_string(),
            _ => "0".to_owned(),
        }
    }

    /// All keys of all databases; where they differ, the first key that does.
    fn digest(&mut self) -> Result<(), Difference> {
        let digest = Step::exact("DEBUG DIGEST");
        let mut replies = self.everybody(&digest.words);
        if self.compare(&digest, &replies).is_err() {
            // Stock counts keys whose time has come, until somebody comes by.
            for database in ["3", "2", "1", "0"] {
                self.everybody(&["SELECT", database]);
                self.everybody(&["SCAN", "0", "COUNT", "1000"]);
            }
            replies = self.everybody(&digest.words);
        }
        let Err(all) = self.compare(&digest, &replies) else {
            return Ok(());
        };
        for database in 0..4 {
            self.everybody(&["SELECT".to_owned(), database.to_string()]);
            let keys = Step {
                words: vec![b"KEYS".to_vec(), b"*".to_vec()],
                comparison: Comparison::Unordered,
            };
            let replies = self.everybody(&keys.words);
            self.compare(&keys, &replies)?;
            let Reply::Array(keys) = &replies[0] else {
                continue;
            };
            for key in keys {
                if let Reply::Bulk(key) = key {
                    let told = |value: Difference| Difference {
                        stock: format!("{} has {}", quote(key), value.stock),
                        ..value
                    };
                    self.same_value(key).map_err(told)?;
                }
            }
        }
        Err(all)
    }

    /// Whether as many changes were counted since the episode began.
    fn same_changes(&mut self) -> Result<(), Difference> {
        let now: Vec<i64> = self.sides.iter_mut().map(Side::changes).collect();
        let made = now
            .iter()
            .zip(&self.changes_before)
            .map(|(now, before)| now - before);
        let made: Vec<Reply> = made.map(Reply::Integer).collect();
        self.compare(&Step::exact("INFO persistence"), &made)
    }

    /// What our logs say of a bug, for a reply that does not come.
    pub fn logs(&self) -> String {
        let ours = self.sides.iter().skip(1).map(|side| {
            let log = side.server.log();
            let at = log.find("panicked").unwrap_or(log.len());
            let lines: Vec<&str> = log[at..].lines().take(12).collect();
            lines.join("\n")
        });
        ours.collect::<Vec<_>>().join("\n")
    }
}

pub fn status(text: &str) -> Reply {
    Reply::Status(text.as_bytes().to_vec())
}

pub fn restore(side: &mut Side, key: &[u8], payload: &[u8], deadline: &[u8]) -> Reply {
    side.ask(&[b"RESTORE", key, deadline, payload, b"REPLACE", b"ABSTTL"])
}

pub fn difference(stock: &Reply, side: &Side, ours: &Reply) -> Difference {
    Difference {
        stock: stock.lines().join("\n    "),
        ours: ours.lines().join("\n    "),
        who: side.name.to_owned(),
    }
}
