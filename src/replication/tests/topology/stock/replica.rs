//! The node as a replica.

use crate::replication::ReplicationId;
use crate::replication::tests::story::{requests, written};

use super::super::around::{Around, Replaced};
use super::super::basalt::File;
use super::super::net::{End, Heard};
use super::Stock;
use super::node::Cached;

const RETRY_MS: u64 = 1000;
const ACK_MS: u64 = 1000;

/// How far the link to the primary is.
#[derive(Debug)]
pub(super) enum Link {
    None,
    Resting {
        until: u64,
    },
    /// Until the file has come.
    Greeting(Greeting),
    Loading {
        socket: Socket,
        until: u64,
        /// What came behind the file.
        rest: Vec<u8>,
        /// The history that the file is of, and whether it ended with a mark.
        at: (ReplicationId, u64),
        is_streamed: bool,
        file: Box<File>,
    },
    Streaming(Streaming),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    end: End,
    /// Who is at the other side.
    place: usize,
    heard_at: u64,
}

#[derive(Debug)]
pub(super) struct Greeting {
    socket: Socket,
    step: Step,
    heard: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Connect,
    Ping,
    /// So many replies come.
    Burst(usize),
    Sync,
    Header(ReplicationId, u64),
    Sized(ReplicationId, u64, usize),
    Marked(ReplicationId, u64, Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Streaming {
    socket: Socket,
    heard: Vec<u8>,
    /// Of these, what belongs to whole commands of an open transaction.
    queued: Vec<Vec<String>>,
    is_in_multi: bool,
    database: u64,
    ack_at: u64,
}

impl Streaming {
    pub(super) fn database(&self) -> u64 {
        self.database
    }
}

impl Link {
    pub(super) fn is_streaming(&self) -> bool {
        matches!(self, Link::Streaming(_))
    }

    pub(super) fn is_loading(&self) -> bool {
        matches!(self, Link::Loading { .. })
    }

    pub(super) fn state(&self) -> String {
        match self {
            Link::None => "none".to_owned(),
            Link::Resting { until } => format!("rests until {until}"),
            Link::Greeting(greeting) => format!("{:?}", greeting.step),
            Link::Loading { until, .. } => format!("loads until {until}"),
            Link::Streaming(_) => "streams".to_owned(),
        }
    }

    fn socket(&self) -> Option<Socket> {
        match self {
            Link::None | Link::Resting { .. } => None,
            Link::Greeting(greeting) => Some(greeting.socket),
            Link::Loading { socket, .. } => Some(*socket),
            Link::Streaming(streaming) => Some(streaming.socket),
        }
    }
}

impl Stock {
    pub(super) fn tend_link(&mut self, around: &mut Around) {
        let Some(place) = self.disk.primary else {
            return;
        };
        match &mut self.link {
            Link::None => unreachable!("who has a primary has a link"),
            Link::Resting { until } if *until > around.now => {}
            Link::Resting { .. } => {
                let end = around.dial(self.me, place);
                let heard_at = around.now;
                self.link = Link::Greeting(Greeting {
                    socket: Socket {
                        end,
                        place,
                        heard_at,
                    },
                    step: Step::Connect,
                    heard: Vec::new(),
                });
            }
            Link::Greeting(_) | Link::Streaming(_) => self.hear_primary(around),
            Link::Loading { until, .. } if *until > around.now => {}
            Link::Loading { .. } => self.end_load(around),
        }
    }

    fn hear_primary(&mut self, around: &mut Around) {
        while let Some(socket) = self.link.socket() {
            if self.link.is_loading() {
                return;
            }
            match around.hear(socket.end) {
                None => break,
                Some(Heard::Opened) => {
                    around.net.send(socket.end, written("PING").into());
                    self.hears(around.now);
                    if let Link::Greeting(greeting) = &mut self.link {
                        greeting.step = Step::Ping;
                    }
                }
                Some(Heard::Closed(_)) => return self.lose_link(around),
                Some(Heard::Bytes(bytes)) => {
                    self.hears(around.now);
                    match &mut self.link {
                        Link::Greeting(greeting) => greeting.heard.extend_from_slice(&bytes),
                        Link::Streaming(streaming) => streaming.heard.extend_from_slice(&bytes),
                        _ => unreachable!("it was looked at"),
                    }
                    while self.greet(around) {}
                    self.apply(around);
                }
            }
        }
        let Some(socket) = self.link.socket() else {
            return;
        };
        if around.now > socket.heard_at + around.rules.timeout_ms {
            return self.lose_link(around);
        }
        if let Link::Streaming(streaming) = &mut self.link
            && streaming.ack_at <= around.now
        {
            streaming.ack_at = around.now + ACK_MS;
            self.acknowledge(around);
        }
    }

    fn hears(&mut self, now: u64) {
        match &mut self.link {
            Link::Greeting(greeting) => greeting.socket.heard_at = now,
            Link::Streaming(streaming) => streaming.socket.heard_at = now,
            Link::None | Link::Resting { .. } | Link::Loading { .. } => {}
        }
    }

    fn acknowledge(&mut self, around: &mut Around) {
        if let Some(socket) = self.link.socket() {
            let ack = format!("REPLCONF ACK {}", self.offset);
            around.net.send(socket.end, written(&ack).into());
        }
    }

    /// Takes the next part of what the primary says before its stream; `false` if there is
    /// none.
    fn greet(&mut self, around: &mut Around) -> bool {
        let Link::Greeting(greeting) = &mut self.link else {
            return false;
        };
        let socket = greeting.socket;
        match greeting.step.clone() {
            Step::Connect => false,
            Step::Sized(id, offset, len) => {
                if greeting.heard.len() < len {
                    return false;
                }
                let rest = greeting.heard.split_off(len);
                let file = std::mem::take(&mut greeting.heard);
                self.begin_load(around, socket, (id, offset), (&file, rest, false));
                false
            }
            Step::Marked(id, offset, mark) => {
                let found = greeting
                    .heard
                    .windows(mark.len())
                    .position(|part| part == mark);
                let Some(at) = found else { return false };
                let rest = greeting.heard.split_off(at + mark.len());
                assert!(rest.is_empty(), "nothing comes behind a mark before an ACK");
                let file = greeting.heard[..at].to_vec();
                self.begin_load(around, socket, (id, offset), (&file, rest, true));
                false
            }
            step => {
                let Some(end) = greeting.heard.iter().position(|byte| *byte == b'\n') else {
                    return false;
                };
                let line: Vec<u8> = greeting.heard.drain(..=end).collect();
                let line = String::from_utf8(line).expect("it is text");
                self.on_line(around, step, line.trim_end());
                true
            }
        }
    }

    fn on_line(&mut self, around: &mut Around, step: Step, line: &str) {
        let Link::Greeting(greeting) = &mut self.link else {
            return;
        };
        let end = greeting.socket.end;
        let words: Vec<&str> = line.split(' ').collect();
        let id = |word: &str| ReplicationId::parse(word.as_bytes()).expect("a name");
        match (step, words[0]) {
            // A sign of life.
            (Step::Sync | Step::Header(..), "") => {}
            (Step::Ping, _) => {
                let port = format!("REPLCONF listening-port {}", 7000 + self.me);
                let mut bytes = written(&port);
                bytes.extend(written("REPLCONF capa eof capa psync2"));
                let mut replies = 2;
                if around.rules.has_password {
                    bytes.splice(0..0, written("AUTH secret"));
                    replies += 1;
                }
                around.net.send(end, bytes.into());
                greeting.step = Step::Burst(replies);
            }
            (Step::Burst(1), _) => {
                greeting.step = Step::Sync;
                let psync = match self.cached {
                    Some(cached) => format!("PSYNC {} {}", cached.id, cached.offset + 1),
                    None => "PSYNC ? -1".to_owned(),
                };
                around.net.send(end, written(&psync).into());
            }
            (Step::Burst(replies), _) => greeting.step = Step::Burst(replies - 1),
            (Step::Sync, "+FULLRESYNC") => {
                let offset = words[2].parse().expect("a number");
                greeting.step = Step::Header(id(words[1]), offset);
                self.cached = None;
            }
            (Step::Sync, "+CONTINUE") => {
                let name = words.get(1).map(|word| id(word));
                self.go_on(around, name);
            }
            (Step::Sync, _) => self.lose_link_for(around, RETRY_MS),
            (Step::Header(id, offset), header) => match header.strip_prefix('$') {
                None => self.lose_link_for(around, RETRY_MS),
                Some(size) => {
                    greeting.step = match size.strip_prefix("EOF:") {
                        Some(mark) => Step::Marked(id, offset, mark.as_bytes().to_vec()),
                        None => Step::Sized(id, offset, size.parse().expect("a number")),
                    };
                }
            },
            (step, line) => panic!("{line} at {step:?}"),
        }
    }

    /// The primary has what comes behind what is here.
    fn go_on(&mut self, around: &mut Around, name: Option<ReplicationId>) {
        let cached = self.cached.take().expect("it was asked for");
        let Link::Greeting(greeting) = &mut self.link else {
            return;
        };
        let socket = greeting.socket;
        let heard = std::mem::take(&mut greeting.heard);
        if let Some(name) = name.filter(|name| *name != self.id) {
            self.earlier = Some((self.id, self.offset + 1));
            self.id = name;
            self.close_replicas(around);
        }
        if self.backlog.is_none() {
            self.begin_backlog();
        }
        self.stream(around, socket, heard, cached.database);
    }

    fn stream(&mut self, around: &mut Around, socket: Socket, heard: Vec<u8>, database: u64) {
        around.opened = around.net.peer(socket.end);
        self.data.database = database;
        self.link = Link::Streaming(Streaming {
            socket,
            heard,
            queued: Vec::new(),
            is_in_multi: false,
            database,
            ack_at: around.now + ACK_MS,
        });
        self.apply(around);
    }

    /// Runs every command that is whole; those of a transaction when that is.
    fn apply(&mut self, around: &mut Around) {
        let Link::Streaming(streaming) = &mut self.link else {
            return;
        };
        let (mut whole, mut asks) = (0, false);
        streaming.queued.clear();
        streaming.is_in_multi = false;
        for (words, end) in requests(&streaming.heard) {
            asks |= words[0] == "REPLCONF";
            match words[0].as_str() {
                "MULTI" => streaming.is_in_multi = true,
                "EXEC" => {
                    streaming.is_in_multi = false;
                    for words in std::mem::take(&mut streaming.queued) {
                        self.data.apply(&words);
                    }
                }
                _ if streaming.is_in_multi => streaming.queued.push(words),
                _ => self.data.apply(&words),
            }
            if !streaming.is_in_multi {
                whole = end;
                streaming.database = self.data.database;
            }
        }
        let bytes: Vec<u8> = streaming.heard.drain(..whole).collect();
        if !bytes.is_empty() {
            self.hand_on(around, &bytes);
        }
        if asks {
            self.acknowledge(around);
        }
    }

    /// The file is here, and what there was goes.
    fn begin_load(
        &mut self,
        around: &mut Around,
        socket: Socket,
        at: (ReplicationId, u64),
        (file, rest, is_streamed): (&[u8], Vec<u8>, bool),
    ) {
        let has_data = !self.data.data.is_empty();
        let was = self.sight().map(|(at, _)| at).filter(|_| has_data);
        around.replaced = Some(Replaced {
            by: socket.place,
            was,
        });
        self.close_replicas(around);
        self.child = None;
        self.backlog = None;
        self.cached = None;
        self.data = Default::default();
        let file = File::of(file);
        self.disk.file = Some(file.clone());
        self.link = Link::Loading {
            socket,
            until: around.soon(300),
            rest,
            at,
            is_streamed,
            file: Box::new(file),
        };
    }

    fn end_load(&mut self, around: &mut Around) {
        let resting = Link::Resting {
            until: around.now + RETRY_MS,
        };
        let Link::Loading {
            socket,
            rest,
            at: (id, offset),
            is_streamed,
            file,
            ..
        } = std::mem::replace(&mut self.link, resting)
        else {
            unreachable!("it was looked at");
        };
        if around.fails(12) {
            around.seen.failed_loads += 1;
            return around.hang_up(socket.end);
        }
        around.seen.full += 1;
        let database = file.standing.map_or(0, |at| at.database as u64);
        self.data = file.applied;
        self.id = id;
        self.offset = offset;
        self.earlier = None;
        self.begin_backlog();
        let socket = Socket {
            heard_at: around.now,
            ..socket
        };
        self.stream(around, socket, rest, database);
        if is_streamed {
            self.acknowledge(around);
        }
    }

    fn lose_link(&mut self, around: &mut Around) {
        let wait_ms = match self.link {
            Link::Streaming(_) => 0,
            _ => RETRY_MS,
        };
        self.lose_link_for(around, wait_ms);
    }

    fn lose_link_for(&mut self, around: &mut Around, wait_ms: u64) {
        self.cut_link(around);
        self.link = Link::Resting {
            until: around.now + wait_ms,
        };
    }

    /// The link ends; what was streamed is known.
    pub(super) fn cut_link(&mut self, around: &mut Around) {
        if let Some(socket) = self.link.socket() {
            around.hang_up(socket.end);
        }
        if let Link::Streaming(streaming) = &self.link {
            self.cached = Some(Cached {
                id: self.id,
                offset: self.offset,
                database: streaming.database,
            });
        }
        self.link = Link::None;
    }
}
