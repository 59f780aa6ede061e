//! The node as a primary, of its own stream or of its primary's.

use crate::replication::ReplicationId;
use crate::replication::tests::story::{requests, written};

use super::super::around::Around;
use super::super::basalt::File;
use super::super::book::Point;
use super::super::net::{End, Heard};
use super::Stock;

/// Between two newlines to who waits for a file.
const WORD_MS: u64 = 1000;

/// A connection that asks for the stream, or has asked.
#[derive(Debug, Default)]
pub(super) struct Replica {
    heard: Vec<u8>,
    port: u16,
    eof: bool,
    psync2: bool,
    state: State,
    /// Of the stream behind its file, what it does not get yet.
    held: Vec<u8>,
    acknowledged: u64,
    heard_at: u64,
    word_at: u64,
    /// Since when it is behind by more than the soft limit.
    over_soft_since: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Guest,
    /// Waits for a child to begin.
    Start,
    /// For the child to end, which began at this offset; the mark, where the child
    /// sends the file itself.
    End {
        at: u64,
        is_streamed: bool,
    },
    /// Gets the file.
    Bulk,
    /// It has the file; the stream comes when it has said so.
    Loads,
    Online,
}

/// A child that writes a file.
#[derive(Debug)]
pub(super) struct Child {
    is_streamed: bool,
    file: Vec<u8>,
    at: (ReplicationId, u64),
    fails: bool,
    over_at: u64,
}

impl Replica {
    pub(super) fn state(&self) -> String {
        format!("{:?} {}", self.state, self.acknowledged)
    }

    fn is_streamed(&self) -> bool {
        matches!(
            self.state,
            State::End {
                is_streamed: true,
                ..
            }
        )
    }

    /// Where it serves.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn has(&self, offset: u64) -> bool {
        self.state == State::Online && self.acknowledged >= offset
    }
}

impl Stock {
    pub(super) fn tend_replicas(&mut self, around: &mut Around) {
        for end in around.net.accept(self.me) {
            let heard_at = around.now;
            self.replicas.insert(
                end,
                Replica {
                    heard_at,
                    ..Replica::default()
                },
            );
        }
        if self.link.is_loading() {
            return;
        }
        let ends: Vec<End> = self.replicas.keys().copied().collect();
        for end in ends {
            while self.replicas.contains_key(&end) {
                match around.hear(end) {
                    None => break,
                    Some(Heard::Opened) => {}
                    Some(Heard::Bytes(bytes)) => self.on_said(around, end, &bytes),
                    Some(Heard::Closed(_)) => self.forget(around, end),
                }
            }
        }
        self.tend_child(around);
        self.tend_times(around);
    }

    fn forget(&mut self, around: &Around, end: End) {
        let gone = self.replicas.remove(&end);
        if gone.is_some_and(|gone| gone.state != State::Guest) {
            self.lonely_since = around.now;
        }
    }

    fn close(&mut self, around: &mut Around, end: End) {
        self.forget(around, end);
        around.hang_up(end);
    }

    /// All replicas go, who have to learn something.
    pub(super) fn close_replicas(&mut self, around: &mut Around) {
        let ends: Vec<End> = self.replicas.keys().copied().collect();
        for end in ends {
            if self.replicas[&end].state != State::Guest {
                self.close(around, end);
            }
        }
    }

    fn on_said(&mut self, around: &mut Around, end: End, bytes: &[u8]) {
        let replica = self.replicas.get_mut(&end).expect("it is there");
        replica.heard.extend_from_slice(bytes);
        replica.heard_at = around.now;
        let found = requests(&replica.heard);
        let used = found.last().map_or(0, |(_, end)| *end);
        replica.heard.drain(..used);
        // A line end of one who loads.
        while replica.heard.first() == Some(&b'\n') {
            replica.heard.remove(0);
        }
        for (words, _) in found {
            self.on_request(around, end, &words);
        }
    }

    fn on_request(&mut self, around: &mut Around, end: End, words: &[String]) {
        let Some(replica) = self.replicas.get_mut(&end) else {
            return;
        };
        let is_guest = replica.state == State::Guest;
        let reply: &[u8] = match words[0].as_str() {
            "PING" => b"+PONG\r\n",
            "AUTH" => b"+OK\r\n",
            "REPLCONF" if words[1] == "ACK" => {
                let offset = words[2].parse().expect("a number");
                replica.acknowledged = replica.acknowledged.max(offset);
                if replica.state == State::Loads {
                    replica.state = State::Online;
                    let held = std::mem::take(&mut replica.held);
                    around.net.send(end, held.into());
                }
                return;
            }
            "REPLCONF" => {
                for pair in words[1..].chunks(2) {
                    match (pair[0].as_str(), pair[1].as_str()) {
                        ("listening-port", port) => {
                            replica.port = port.parse().expect("a number");
                        }
                        ("capa", "eof") => replica.eof = true,
                        ("capa", "psync2") => replica.psync2 = true,
                        _ => {}
                    }
                }
                b"+OK\r\n"
            }
            "PSYNC" | "SYNC" if !is_guest => return,
            "PSYNC" if words.len() > 3 && self.is_primary() => {
                b"-ERR PSYNC FAILOVER can't be sent to a master.\r\n"
            }
            "PSYNC" if words.len() > 3 && words[1] != self.id.as_str() => {
                b"-ERR PSYNC FAILOVER replid must match my replid.\r\n"
            }
            "PSYNC" if words.len() > 3 => {
                self.take_over(around, end);
                return self.on_psync(around, end, words);
            }
            "PSYNC" | "SYNC" if !self.is_primary() && !self.link.is_streaming() => {
                b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n"
            }
            "PSYNC" => return self.on_psync(around, end, words),
            other => panic!("a replica does not say {other}"),
        };
        around.net.send(end, reply.to_vec().into());
    }

    /// The primary asks it to lead.
    fn take_over(&mut self, around: &mut Around, end: End) {
        let (id, offset) = (self.id, self.offset);
        self.unfollow(around);
        around.seen.taken_by_stock += 1;
        if let Some(from) = around.net.peer(end) {
            around.handings.take(from, self.me, Point { id, offset });
        }
    }

    fn on_psync(&mut self, around: &mut Around, end: End, words: &[String]) {
        let asked = ReplicationId::parse(words[1].as_bytes());
        let from: Option<u64> = words[2].parse().ok();
        if let Some((id, from)) = asked.zip(from)
            && self.continues(id, from)
        {
            around.seen.partial += 1;
            let backlog = self.backlog.as_ref().expect("it was looked at");
            let rest = backlog.bytes[(from - backlog.first) as usize..].to_vec();
            let replica = self.replicas.get_mut(&end).expect("it is there");
            replica.state = State::Online;
            replica.acknowledged = from - 1;
            let answer = match replica.psync2 {
                true => format!("+CONTINUE {}\r\n", self.id),
                false => "+CONTINUE\r\n".to_owned(),
            };
            around.net.send(end, answer.into_bytes().into());
            around.net.send(end, rest.into());
            return;
        }
        let replica = self.replicas.get_mut(&end).expect("it is there");
        replica.state = State::Start;
        if self.is_primary() && self.backlog.is_none() {
            self.id = ReplicationId::random(&mut self.names);
            self.earlier = None;
            self.begin_backlog();
            self.tell_beginning(around, None);
        }
        self.join_child(around, end);
    }

    pub(in super::super) fn continues(&self, id: ReplicationId, from: u64) -> bool {
        let is_ours = id == self.id
            || self
                .earlier
                .is_some_and(|(earlier, end)| id == earlier && from <= end);
        is_ours
            && self.backlog.as_ref().is_some_and(|backlog| {
                let end = backlog.first + backlog.bytes.len() as u64;
                (backlog.first..=end).contains(&from)
            })
    }

    /// A child that writes a file for others is as good for one who comes now: with what
    /// they have been held since.
    fn join_child(&mut self, around: &mut Around, end: End) {
        let Some(child) = self.child.as_ref().filter(|child| !child.is_streamed) else {
            return;
        };
        let at = child.at;
        let other = self.replicas.values().find(|other| {
            let state = State::End {
                at: at.1,
                is_streamed: false,
            };
            other.state == state
        });
        if let Some(held) = other.map(|other| other.held.clone()) {
            around.seen.joined += 1;
            self.promise(around, end, at, false);
            self.replicas.get_mut(&end).expect("it is there").held = held;
        }
    }

    fn promise(
        &mut self,
        around: &mut Around,
        end: End,
        (id, offset): (ReplicationId, u64),
        is_streamed: bool,
    ) {
        let replica = self.replicas.get_mut(&end).expect("it is there");
        replica.state = State::End {
            at: offset,
            is_streamed,
        };
        let answer = format!("+FULLRESYNC {id} {offset}\r\n");
        around.net.send(end, answer.into_bytes().into());
    }

    fn tend_child(&mut self, around: &mut Around) {
        // Who sends the file itself ends when all have it.
        let mut gets = self
            .replicas
            .iter()
            .filter(|(_, replica)| replica.is_streamed());
        let is_sent = gets.all(|(end, _)| around.net.unsent(*end) == 0);
        let is_over = |child: &mut Child| {
            child.over_at <= around.now && (is_sent || child.fails || !child.is_streamed)
        };
        if let Some(child) = self.child.take_if(is_over) {
            self.on_child_over(around, child);
        }
        if self.child.is_some() {
            return;
        }
        let waiting = self.replicas.iter();
        let waiting = waiting.filter(|(_, replica)| replica.state == State::Start);
        let waiting: Vec<End> = waiting.map(|(end, _)| *end).collect();
        if waiting.is_empty() {
            return;
        }
        let is_streamed = self.disk.streams && waiting.iter().all(|end| self.replicas[end].eof);
        if is_streamed && around.dice.below(1 + around.rules.delay_ms / 4) > 0 {
            return;
        }
        around.seen.shared += u64::from(waiting.len() > 1);
        let standing = self.standing();
        let at = (self.id, self.offset);
        let file = File {
            applied: self.data.clone(),
            standing,
            holds: None,
            lineage: None,
        };
        let file = file.bytes();
        let mark = format!("{:040}", around.dice.below(1_000_000));
        for end in waiting {
            self.promise(around, end, at, is_streamed);
            if is_streamed {
                let mut bytes = format!("$EOF:{mark}\r\n").into_bytes();
                bytes.extend(&file);
                around.net.send(end, bytes.into());
            }
        }
        // Who comes behind a file hears the database.
        self.selected = None;
        self.child = Some(Child {
            is_streamed,
            file: if is_streamed { mark.into_bytes() } else { file },
            at,
            fails: around.fails(12),
            over_at: around.soon(300),
        });
    }

    fn on_child_over(&mut self, around: &mut Around, child: Child) {
        around.seen.failed_snapshots += u64::from(child.fails);
        let state = State::End {
            at: child.at.1,
            is_streamed: child.is_streamed,
        };
        let ends = self.replicas.iter();
        let ends = ends.filter(|(_, replica)| replica.state == state);
        let ends: Vec<End> = ends.map(|(end, _)| *end).collect();
        for end in ends {
            if child.fails {
                self.close(around, end);
                continue;
            }
            let replica = self.replicas.get_mut(&end).expect("it is there");
            replica.heard_at = around.now;
            if child.is_streamed {
                replica.state = State::Loads;
                around.net.send(end, child.file.clone().into());
            } else {
                replica.state = State::Bulk;
                let mut bytes = format!("${}\r\n", child.file.len()).into_bytes();
                bytes.extend(&child.file);
                around.net.send(end, bytes.into());
            }
        }
    }

    fn tend_times(&mut self, around: &mut Around) {
        let (now, rules) = (around.now, around.rules);
        let mut late = Vec::new();
        for (end, replica) in &mut self.replicas {
            if replica.state == State::Bulk && around.net.unsent(*end) == 0 {
                replica.state = State::Online;
                replica.heard_at = now;
                let held = std::mem::take(&mut replica.held);
                around.net.send(*end, held.into());
            }
            let waits = matches!(
                replica.state,
                State::Start
                    | State::End {
                        is_streamed: false,
                        ..
                    }
            );
            if waits && now >= replica.word_at {
                replica.word_at = now + WORD_MS;
                around.net.send(*end, b"\n".to_vec().into());
            }
            let is_silent = replica.state == State::Online || replica.state == State::Loads;
            if is_silent && now > replica.heard_at + rules.timeout_ms {
                late.push(*end);
            }
            let buffered = around.net.unsent(*end) + replica.held.len() as u64;
            let limits = rules.limits;
            let is_hard = limits.hard_bytes > 0 && buffered > limits.hard_bytes;
            let is_soft = limits.soft_bytes > 0 && buffered > limits.soft_bytes;
            let since = match is_soft {
                true => *replica.over_soft_since.get_or_insert(now),
                false => {
                    replica.over_soft_since = None;
                    now
                }
            };
            // A file is not in the buffer of a stock node.
            let has_stream = matches!(replica.state, State::Online | State::End { .. });
            if has_stream && around.is_trouble && (is_hard || now > since + limits.soft_ms) {
                late.push(*end);
            }
        }
        for end in late {
            self.close(around, end);
        }
        if !self.is_primary() {
            return;
        }
        let mut states = self.replicas.values();
        if states.any(|replica| replica.state != State::Guest) {
            if now >= self.pinged_at + rules.ping_ms {
                self.pinged_at = now;
                self.feed(around, None, &written("PING"));
            }
        } else if self.backlog.is_some() && now > self.lonely_since + rules.backlog_ttl_ms {
            around.seen.ceased += 1;
            self.id = ReplicationId::random(&mut self.names);
            self.earlier = None;
            self.backlog = None;
        }
    }

    /// The stream goes on, with what is said in this database or needs none.
    pub(super) fn feed(&mut self, around: &mut Around, database: Option<u64>, bytes: &[u8]) {
        if self.backlog.is_none() {
            return;
        }
        let mut all = Vec::new();
        if let Some(database) = database.filter(|database| self.selected != Some(*database)) {
            self.selected = Some(database);
            all.extend(written(&format!("SELECT {database}")));
        }
        all.extend_from_slice(bytes);
        around.book.append(self.me, self.id, &all);
        self.hand_on(around, &all);
    }

    /// These bytes are the stream's next.
    pub(super) fn hand_on(&mut self, around: &mut Around, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        let backlog = self.backlog.as_mut().expect("there is a stream");
        backlog.bytes.extend_from_slice(bytes);
        let most = around.rules.backlog_bytes as usize;
        let gone = backlog.bytes.len().saturating_sub(most);
        backlog.bytes.drain(..gone);
        backlog.first += gone as u64;
        for (end, replica) in &mut self.replicas {
            match replica.state {
                State::Guest | State::Start => {}
                State::End { .. } | State::Bulk | State::Loads => {
                    replica.held.extend_from_slice(bytes)
                }
                State::Online => around.net.send(*end, bytes.to_vec().into()),
            }
        }
    }
}
