//! A stock primary with one replica, written from what stock does and not from
//! what basalt does: it keeps every byte, and decides by the rules of PSYNC.

use crate::base::Random;
use crate::replication::ReplicationId;

use super::super::story::{Applied, requests, written};

/// What one history is, from offset 0 on.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling {
    /// The data before the first byte.
    base: Applied,
    base_offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl Telling {
    /// Bytes from an offset up to another.
    pub(super) fn between(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[(from - self.base_offset) as usize..(to - self.base_offset) as usize]
    }

    pub(super) fn end(&self) -> u64 {
        self.base_offset + self.bytes.len() as u64
    }

    pub(super) fn at(&self, offset: u64) -> Applied {
        let mut applied = self.base.clone();
        applied.apply_all(self.between(self.base_offset, offset));
        applied
    }
}

/// How a replica's connection stands.
#[derive(Debug)]
enum Peer {
    Greeting,
    /// A file is on its way, of so many bytes that have not gone.
    Sending {
        left: Vec<u8>,
        next_at: u64,
        /// What it is to get behind it begins here.
        from: u64,
        waits_for_ack: bool,
    },
    /// The file has gone; the stream waits for the first ACK.
    Waiting {
        from: u64,
    },
    /// Everything up to here was sent.
    Online {
        sent: u64,
    },
}

#[derive(Debug)]
pub(super) struct Primary {
    pub(super) id: ReplicationId,
    pub(super) telling: Telling,
    /// The name before, and the first offset that is not of both.
    earlier: Option<(ReplicationId, u64)>,
    backlog_bytes: u64,
    peer: Option<Peer>,
    /// Bytes of a request that is not whole.
    heard: Vec<u8>,
    database: u64,
    /// The last ACK, of this connection.
    pub(super) acked: Option<u64>,
    /// What was decided last: everything, or the rest.
    pub(super) decided: Vec<Decided>,
    password: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    Full { id: ReplicationId, offset: u64 },
    Partial { from: u64 },
}

/// What was asked.
pub(super) type Asked = (String, i64);

impl Primary {
    pub(super) fn new(dice: &mut Random) -> Primary {
        Primary {
            id: ReplicationId::random(dice),
            telling: Telling::default(),
            earlier: None,
            backlog_bytes: 100 + dice.below(40_000),
            peer: None,
            heard: Vec::new(),
            database: 0,
            acked: None,
            decided: Vec::new(),
            password: dice.below(2) == 0,
        }
    }

    /// Writes a command or a transaction.
    pub(super) fn write(&mut self, dice: &mut Random) -> bool {
        let mut lines = Vec::new();
        let database = dice.below(3);
        if database != self.database {
            self.database = database;
            lines.push(format!("SELECT {database}"));
        }
        let many = dice.below(4) == 0;
        if many {
            lines.push("MULTI".to_owned());
        }
        for _ in 0..if many { 2 + dice.below(4) } else { 1 } {
            let key = dice.below(20);
            lines.push(match dice.below(5) {
                0 => format!("DEL k{key}"),
                1 => format!("SET k{key} {}", "v".repeat(dice.below(200) as usize + 1)),
                _ => format!("SET k{key} {}", dice.below(1000)),
            });
        }
        if many {
            lines.push("EXEC".to_owned());
        }
        for line in lines {
            self.telling.bytes.extend(written(&line));
        }
        many
    }

    /// Says something that changes nothing.
    pub(super) fn say(&mut self, line: &str) {
        self.telling.bytes.extend(written(line));
    }

    /// It was a replica of itself, so to speak, and is promoted: the history goes
    /// on under another name.
    pub(super) fn rename(&mut self, dice: &mut Random) {
        self.earlier = Some((self.id, self.telling.end() + 1));
        self.id = ReplicationId::random(dice);
        // Its stream begins with SELECT.
        self.database = u64::MAX;
    }

    /// It begins again with the data it has, and knows nothing of any history.
    pub(super) fn restart(&mut self, dice: &mut Random) {
        let mut base = self.telling.at(self.telling.end());
        base.database = 0;
        self.telling = Telling {
            base,
            base_offset: 0,
            bytes: Vec::new(),
        };
        self.id = ReplicationId::random(dice);
        self.earlier = None;
        self.database = u64::MAX;
    }

    pub(super) fn connect(&mut self) {
        self.peer = Some(Peer::Greeting);
        self.heard.clear();
        self.acked = None;
    }

    pub(super) fn disconnect(&mut self) {
        self.peer = None;
    }

    /// Bytes have come: what it asked for, if it asked, and whether all is well.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        (now, dice): (u64, &mut Random),
        out: &mut Vec<u8>,
    ) -> Option<Asked> {
        self.heard.extend_from_slice(bytes);
        let found = requests(&self.heard);
        let end = found.last().map_or(0, |(_, end)| *end);
        self.heard.drain(..end);
        let mut asked = None;
        for (words, _) in found {
            match words[0].as_str() {
                "PING" if self.password => out.extend(b"-NOAUTH Authentication required.\r\n"),
                "PING" => out.extend(b"+PONG\r\n"),
                "AUTH" => out.extend(b"+OK\r\n"),
                "REPLCONF" if words[1] == "ACK" => self.on_ack(&words[2]),
                "REPLCONF" if dice.below(8) == 0 => out.extend(b"-ERR Unrecognized\r\n"),
                "REPLCONF" => out.extend(b"+OK\r\n"),
                "PSYNC" => {
                    let from = words[2].parse().expect("a number");
                    asked = Some((words[1].clone(), from));
                    self.answer(&words[1], from, (now, dice), out);
                }
                other => panic!("a replica does not say {other}"),
            }
        }
        asked
    }

    fn on_ack(&mut self, text: &str) {
        let offset: u64 = text.parse().expect("a number");
        assert!(self.acked <= Some(offset), "ACKs rise");
        assert!(offset <= self.telling.end(), "nobody has what is not said");
        self.acked = Some(offset);
        if let Some(Peer::Waiting { from }) = self.peer {
            self.peer = Some(Peer::Online { sent: from });
        }
    }

    fn answer(&mut self, id: &str, from: i64, (now, dice): (u64, &mut Random), out: &mut Vec<u8>) {
        for _ in 0..dice.below(3) {
            out.push(b'\n');
        }
        if dice.below(12) == 0 {
            out.extend(b"-LOADING Redis is loading the dataset in memory\r\n");
            return;
        }
        let end = self.telling.end();
        let first = end.saturating_sub(self.backlog_bytes) + 1;
        let first = first.max(self.telling.base_offset + 1);
        let is_ours = id == self.id.as_str()
            || self
                .earlier
                .is_some_and(|(earlier, last)| id == earlier.as_str() && from <= last as i64);
        let is_there = from >= first as i64 && from <= end as i64 + 1;
        if is_ours && is_there {
            out.extend(format!("+CONTINUE {}\r\n", self.id).as_bytes());
            let sent = from as u64 - 1;
            self.peer = Some(Peer::Online { sent });
            self.decided.push(Decided::Partial { from: sent });
            return;
        }
        out.extend(format!("+FULLRESYNC {} {end}\r\n", self.id).as_bytes());
        self.decided.push(Decided::Full {
            id: self.id,
            offset: end,
        });
        let mut file = self.telling.at(end).file();
        // The stream behind it selects anew.
        self.database = u64::MAX;
        let mut left = b"\n".repeat(dice.below(3) as usize);
        let waits_for_ack = dice.below(2) == 0;
        if waits_for_ack {
            let mark = ReplicationId::random(dice);
            left.extend(format!("$EOF:{mark}\r\n").as_bytes());
            left.append(&mut file);
            left.extend(mark.as_str().as_bytes());
        } else {
            left.extend(format!("${}\r\n", file.len()).as_bytes());
            left.append(&mut file);
        }
        self.peer = Some(Peer::Sending {
            left,
            next_at: now + dice.below(50),
            from: end,
            waits_for_ack,
        });
    }

    /// What it sends now.
    pub(super) fn send(&mut self, now: u64, dice: &mut Random, out: &mut Vec<u8>) {
        match &mut self.peer {
            None | Some(Peer::Greeting | Peer::Waiting { .. }) => {}
            Some(Peer::Sending {
                left,
                next_at,
                from,
                waits_for_ack,
            }) => {
                if now < *next_at {
                    return;
                }
                let len = (1 + dice.below(400) as usize).min(left.len());
                out.extend(left.drain(..len));
                *next_at = now + dice.below(20);
                if left.is_empty() {
                    let from = *from;
                    self.peer = Some(if *waits_for_ack {
                        Peer::Waiting { from }
                    } else {
                        Peer::Online { sent: from }
                    });
                }
            }
            Some(Peer::Online { sent }) => {
                let end = self.telling.end();
                out.extend_from_slice(self.telling.between(*sent, end));
                *sent = end;
            }
        }
    }
}
