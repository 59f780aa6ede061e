//! Plays the steps of a transcript against one server and says where its
//! replies are not the expected ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::transcript::{Kind, Step, arguments};
use crate::wire::{Connection, Reply, quote};

/// How long a polled reply may take to become the expected one.
const POLL_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the wire must be silent before recording takes raw replies as
/// complete.
const SILENCE: Duration = Duration::from_millis(200);

/// The connection that looks at the others.
const OBSERVER: &str = "observer";

struct Client {
    connection: Connection,
    id: Option<i64>,
}

pub struct Player {
    port: u16,
    is_stock: bool,
    /// Without expectations to read up to, raw steps read until silence.
    is_recording: bool,
    clients: BTreeMap<String, Client>,
}

impl Player {
    pub fn new(port: u16, is_stock: bool, is_recording: bool) -> Self {
        Self {
            port,
            is_stock,
            is_recording,
            clients: BTreeMap::new(),
        }
    }

    /// The lines the server answers to a step.
    pub fn play(&mut self, step: &Step) -> Vec<String> {
        let text = self.substituted(&step.text);
        let words = || {
            let words = arguments(&text).filter(|words| !words.is_empty());
            words.unwrap_or_else(|| panic!("line {}: unbalanced quotes: {text}", step.line))
        };
        match step.kind {
            Kind::Read => self.read(&step.connection).unwrap_or_else(show_error),
            Kind::Raw => {
                let bytes = words().concat();
                self.raw(step, &bytes).unwrap_or_else(show_error)
            }
            Kind::Scan => self
                .scan(&step.connection, &words())
                .unwrap_or_else(show_error),
            Kind::Wait => self
                .send_and_wait(step, &words())
                .unwrap_or_else(show_error),
            Kind::Poll => self.poll(step, &words()),
            Kind::Ask | Kind::Sorted | Kind::Bytes => {
                self.ask(step, &words()).unwrap_or_else(show_error)
            }
        }
    }

    fn client(&mut self, name: &str) -> io::Result<&mut Client> {
        if !self.clients.contains_key(name) {
            let connection = Connection::open(self.port)?;
            let client = Client {
                connection,
                id: None,
            };
            self.clients.insert(name.to_owned(), client);
        }
        Ok(self.clients.get_mut(name).expect("just inserted"))
    }

    /// Runs `act` on a connection, and forgets the connection on an error.
    fn on<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Connection) -> io::Result<T>,
    ) -> io::Result<T> {
        let done = act(&mut self.client(name)?.connection);
        if done.is_err() {
            self.clients.remove(name);
        }
        done
    }

    fn ask(&mut self, step: &Step, words: &[Vec<u8>]) -> io::Result<Vec<String>> {
        self.on(&step.connection, |connection| {
            let reply = connection.ask(words)?;
            Ok(match (step.kind, reply) {
                (Kind::Bytes, _) => vec![quote(connection.last_bytes())],
                (Kind::Sorted, reply) => sorted(reply).lines(),
                (_, reply) => reply.lines(),
            })
        })
    }

    fn read(&mut self, name: &str) -> io::Result<Vec<String>> {
        self.on(name, |connection| Ok(connection.read()?.lines()))
    }

    /// Sends a command that waits; nothing is shown when the server says that
    /// it does.
    fn send_and_wait(&mut self, step: &Step, words: &[Vec<u8>]) -> io::Result<Vec<String>> {
        let id = self.id(&step.connection).to_string();
        self.on(&step.connection, |connection| connection.send(words))?;
        let start = Instant::now();
        while start.elapsed() < POLL_TIMEOUT {
            let reply = self.on(OBSERVER, |observer| {
                observer.ask(&["CLIENT", "LIST", "ID", &id])
            })?;
            let lines = reply.lines().concat();
            let flags = lines.split_once(" flags=").map_or("", |(_, rest)| rest);
            if flags.split(' ').next().is_some_and(|set| set.contains('b')) {
                return Ok(Vec::new());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(vec!["(does not wait)".to_owned()])
    }

    fn poll(&mut self, step: &Step, words: &[Vec<u8>]) -> Vec<String> {
        let start = Instant::now();
        loop {
            let lines = self.ask(step, words).unwrap_or_else(show_error);
            let is_done = step.expected_on(self.is_stock).accepts(&lines);
            if is_done || start.elapsed() > POLL_TIMEOUT {
                return lines;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn raw(&mut self, step: &Step, bytes: &[u8]) -> io::Result<Vec<String>> {
        let is_recording = self.is_recording;
        let wanted = step.expected_on(self.is_stock).lines.len();
        let connection = &mut self.client(&step.connection)?.connection;
        connection.send_bytes(bytes)?;
        if is_recording {
            connection.socket().set_read_timeout(Some(SILENCE))?;
        }
        let mut lines = Vec::new();
        while is_recording || lines.len() < wanted {
            match connection.read() {
                Ok(reply) => lines.extend(reply.lines()),
                Err(error) if is_recording && is_timeout(&error) => break,
                Err(error) => {
                    lines.extend(show_error(error));
                    self.clients.remove(&step.connection);
                    return Ok(lines);
                }
            }
        }
        connection
            .socket()
            .set_read_timeout(Some(crate::wire::REPLY_TIMEOUT))?;
        Ok(lines)
    }

    /// All keys a full SCAN meets, each once, sorted.
    fn scan(&mut self, name: &str, words: &[Vec<u8>]) -> io::Result<Vec<String>> {
        let mut keys = BTreeSet::new();
        let mut cursor = b"0".to_vec();
        loop {
            let mut command = vec![b"SCAN".to_vec(), cursor];
            command.extend_from_slice(words);
            let reply = self.on(name, |connection| connection.ask(&command))?;
            let Reply::Array(parts) = &reply else {
                return Ok(reply.lines());
            };
            let [Reply::Bulk(next), Reply::Array(found)] = parts.as_slice() else {
                return Ok(reply.lines());
            };
            keys.extend(found.iter().flat_map(Reply::lines));
            if next == b"0" {
                break;
            }
            cursor = next.clone();
        }
        if keys.is_empty() {
            return Ok(vec!["(empty)".to_owned()]);
        }
        Ok(keys.into_iter().collect())
    }

    fn id(&mut self, name: &str) -> i64 {
        let client = self.client(name).expect("the server accepts connections");
        if client.id.is_none()
            && let Ok(Reply::Integer(id)) = client.connection.ask(&["CLIENT", "ID"])
        {
            client.id = Some(id);
        }
        client.id.unwrap_or(-1)
    }

    fn substituted(&mut self, text: &str) -> String {
        let mut done = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            done.push_str(before);
            let value = after
                .split_once('}')
                .and_then(|(name, tail)| Some((self.value_of(name)?, tail)));
            if let Some((value, tail)) = value {
                done.push_str(&value);
                rest = tail;
            } else {
                done.push('{');
                rest = after;
            }
        }
        done.push_str(rest);
        done
    }

    fn value_of(&mut self, name: &str) -> Option<String> {
        let (what, connection) = name.split_once(':').unwrap_or((name, ""));
        let address = |player: &mut Self, of_client: bool| {
            let client = player.client(connection).ok()?;
            let socket = client.connection.socket();
            let address = if of_client {
                socket.local_addr()
            } else {
                socket.peer_addr()
            };
            Some(address.ok()?.to_string())
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.expect("the clock is past 1970");
        let shifted = |by: &str, now: u128| {
            let now = i128::try_from(now).ok()?;
            Some((now + by.parse::<i128>().ok()?).to_string())
        };
        match what {
            "id" => Some(self.id(connection).to_string()),
            "addr" => address(self, true),
            "laddr" => address(self, false),
            _ if what.starts_with("nowms") => shifted(&what[5..], now.as_millis()),
            _ if what.starts_with("now") => shifted(&what[3..], now.as_secs().into()),
            _ => None,
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn show_error(error: io::Error) -> Vec<String> {
    let shown = match error.kind() {
        _ if is_timeout(&error) => "(no reply)".to_owned(),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "(closed)".to_owned(),
        _ => format!("({error})"),
    };
    vec![shown]
}

fn sorted(reply: Reply) -> Reply {
    let by_lines = |mut items: Vec<Reply>| {
        items.sort_by_key(Reply::lines);
        items
    };
    match reply {
        Reply::Array(items) => Reply::Array(by_lines(items)),
        Reply::Set(items) => Reply::Set(by_lines(items)),
        Reply::Map(mut pairs) => {
            pairs.sort_by_key(|(key, _)| key.lines());
            Reply::Map(pairs)
        }
        other => other,
    }
}
