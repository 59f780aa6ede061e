//! What a replica of a server is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use std::{fs, thread};

use super::cases::{self, Case};
use super::process::Server;
use super::stream;
use super::wire::{Connection, Reply};

/// The key whose change marks the end of what a case leaves, in a database that no case uses.
const FENCE: &str = "fence";
const FENCE_DATABASE: &str = "9";

/// A link to a primary, as an old replica has it.
struct Link {
    socket: TcpStream,
    bytes: Vec<u8>,
}

impl Link {
    fn open(port: u16) -> Link {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        let timeout = Some(Duration::from_secs(5));
        socket.set_read_timeout(timeout).expect("a timeout");
        let mut link = Link {
            socket,
            bytes: Vec::new(),
        };
        link.socket.write_all(b"SYNC\r\n").expect("it listens");
        let length = loop {
            if let Some(end) = link.bytes.windows(2).position(|two| two == b"\r\n") {
                let line = String::from_utf8_lossy(&link.bytes[..end]).into_owned();
                let line = line.trim_start_matches('\n').to_owned();
                link.bytes.drain(..end + 2);
                break line[1..].parse::<usize>().expect("the length of a file");
            }
            link.read();
        };
        while link.bytes.len() < length {
            link.read();
        }
        link.bytes.drain(..length);
        link
    }

    fn read(&mut self) {
        let mut buffer = [0; 65536];
        let read = self.socket.read(&mut buffer).expect("the stream goes on");
        assert!(read > 0, "the link is closed");
        self.bytes.extend_from_slice(&buffer[..read]);
    }

    /// Everything until the fence of this number.
    fn until(&mut self, number: usize) -> Vec<Vec<Vec<u8>>> {
        let number = number.to_string();
        let fence = super::wire::request(&["SET", FENCE, &number]);
        loop {
            let windows = &mut self.bytes.windows(fence.len());
            if let Some(end) = windows.position(|window| window == fence) {
                let commands = stream::commands(&self.bytes[..end]);
                self.bytes.drain(..end + fence.len());
                return commands;
            }
            self.read();
        }
    }
}

/// Clients that play cases, and a link that sees what they leave.
pub struct Recorder {
    link: Link,
    client: Connection,
    keeper: Connection,
    fences: usize,
    port: u16,
}

impl Recorder {
    pub fn new(server: &Server) -> Recorder {
        let mut keeper = server.client();
        let link = Link::open(server.port());
        tell(&mut keeper, &["SELECT", FENCE_DATABASE]);
        tell(&mut keeper, &["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        Recorder {
            link,
            client: server.client(),
            keeper,
            fences: 0,
            port: server.port(),
        }
    }

    fn fence(&mut self) -> Vec<Vec<Vec<u8>>> {
        self.fences += 1;
        let number = self.fences.to_string();
        tell(&mut self.keeper, &["SET", FENCE, &number]);
        self.link.until(self.fences)
    }

    /// What the last request of a case leaves.
    pub fn leaves(&mut self, case: &Case) -> Vec<String> {
        tell(&mut self.keeper, &["FLUSHALL"]);
        tell(&mut self.keeper, &["FUNCTION", "FLUSH"]);
        self.client.ask(&["SELECT", "0"]).expect("it answers");
        let mut waiting = Vec::new();
        let mut fenced = false;
        let mut now_ms = 0;
        let before = case.before();
        // A transaction's effects come at its end.
        for request in before {
            if request[0] == b"..." {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            if request[0] == b"MULTI" {
                self.fence();
                now_ms = now();
                fenced = true;
            }
            if request[0] == b"&" {
                let mut other = Connection::open(self.port).expect("the server accepts");
                other.send(&request[1..]).expect("the server listens");
                waiting.push(other);
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            self.client.ask(request).expect("the server answers");
        }
        if !fenced {
            self.fence();
            now_ms = now();
        }
        self.client.ask(case.last()).expect("the server answers");
        if !waiting.is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        let mut commands = self.fence();
        if let Some(last) = commands.last()
            && last[0] == b"SELECT"
        {
            commands.pop();
        }
        stream::lines(&commands, now_ms, case.last())
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("after 1970").as_millis() as i64
}

fn tell(connection: &mut Connection, words: &[&str]) {
    let reply = connection.ask(words).expect("the server answers");
    assert!(!matches!(reply, Reply::Error(_)), "{words:?}: {reply:?}");
}

#[test]
fn stock_leaves_what_is_recorded() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/effects/stream.txt");
    let text = fs::read_to_string(&file).expect("the cases are readable");
    let settings = [
        "save \"\"",
        "enable-debug-command yes",
        "repl-diskless-sync no",
        "repl-ping-replica-period 3600",
    ];
    let server = Server::start("redis-server", &settings.map(str::to_owned));
    let mut recorder = Recorder::new(&server);
    let mut differences = Vec::new();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for case in cases::parse(&text).into_iter().rev() {
        if case.is_by_hand {
            continue;
        }
        let left = recorder.leaves(&case);
        if left != case.told {
            lines.splice(
                case.from..case.to,
                left.iter().map(|line| format!("  {line}")),
            );
            differences.push(format!(
                "{}\n  recorded: {:?}\n  stock:    {left:?}",
                case.text, case.told
            ));
        }
    }
    if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
        fs::write(file, lines.join("\n") + "\n").expect("the cases are writable");
    } else {
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}
