//! One server, and the connection to it.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::PROGRAM;
use crate::process::Server;
use crate::step::Step;
use crate::wire::{Connection, Reply};

pub struct Side {
    pub name: &'static str,
    shards: Option<usize>,
    pub server: Server,
    pub client: Connection,
    /// Looks on from outside, also between MULTI and EXEC.
    onlooker: Connection,
}

impl Side {
    pub fn start(name: &'static str, shards: Option<usize>) -> Self {
        let mut settings = vec!["enable-debug-command yes".to_owned()];
        let program = match shards {
            None => {
                settings.push("save \"\"".to_owned());
                settings.push("sanitize-dump-payload yes".to_owned());
                "redis-server"
            }
            Some(shards) => {
                settings.push(format!("shards {shards}"));
                PROGRAM
            }
        };
        let server = Server::start(program, &settings);
        let (client, onlooker) = (patient(server.client()), patient(server.client()));
        Self {
            name,
            shards,
            server,
            client,
            onlooker,
        }
    }

    pub fn ask<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Reply {
        let reply = self.client.ask(words);
        self.settled(reply)
    }

    /// A reply that does not come is one too, and the connection a new one.
    pub fn settled(&mut self, reply: io::Result<Reply>) -> Reply {
        reply.unwrap_or_else(|error| {
            if let Ok(client) = Connection::open(self.server.port()) {
                self.client = patient(client);
            }
            Reply::Error(format!("(no reply: {error})").into_bytes())
        })
    }

    /// Starts it again if it has ended; whether it had.
    pub fn revive(&mut self) -> bool {
        let has_ended = self.server.end(Duration::ZERO).is_some();
        if has_ended {
            *self = Self::start(self.name, self.shards);
        }
        has_ended
    }

    /// The changes counted since the last save.
    pub fn changes(&mut self) -> i64 {
        let Ok(Reply::Bulk(info)) = self.onlooker.ask(&["INFO", "persistence"]) else {
            return -1;
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let mut fields = info.lines().filter_map(|line| line.split_once(':'));
        let field = fields.find(|(name, _)| *name == "rdb_changes_since_last_save");
        field
            .and_then(|(_, count)| count.parse().ok())
            .unwrap_or(-1)
    }

    /// Everything a walk meets, each once, in order.
    pub fn walk(&mut self, step: &Step, at: usize, first: Reply) -> Reply {
        let width = if matches!(step.name().as_str(), "HSCAN" | "ZSCAN") {
            2
        } else {
            1
        };
        let mut met = BTreeMap::new();
        let mut reply = first;
        // A walk over a few thousand members ends long before.
        for _ in 0..10_000 {
            let Reply::Array(parts) = &reply else {
                return reply;
            };
            let [Reply::Bulk(cursor), Reply::Array(found)] = parts.as_slice() else {
                return reply;
            };
            for member in found.chunks(width) {
                met.insert(format!("{:?}", member[0]), Reply::Array(member.to_vec()));
            }
            if cursor == b"0" {
                return Reply::Array(met.into_values().collect());
            }
            let mut words = step.words.clone();
            words[at] = cursor.clone();
            reply = self.ask(&words);
        }
        Reply::Error(b"(the walk does not end)".to_vec())
    }
}

/// A connection that waits for as long as only a server that hangs would take: a long run is
/// made on machines that do much else.
fn patient(connection: Connection) -> Connection {
    let set = connection.socket().set_read_timeout(Some(PATIENCE));
    set.expect("a socket takes a timeout");
    connection
}

const PATIENCE: Duration = Duration::from_secs(60);
