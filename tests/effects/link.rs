//! What a replica of a server is sent.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use super::cases::{self, Case};
use super::compare_with_stock;
use super::process::Server;
use super::stream;
use super::wire::{Connection, Reply};

/// The key whose change marks the end of what a case leaves, in a database that no case uses.
const FENCE: &str = "fence";
const FENCE_DATABASE: &str = "9";

/// How often a case is played once more when it leaves something else.
const ATTEMPTS: usize = 4;

/// A stream of effects: a link to a primary, as an old replica has it, or the
/// file of what changed.
struct Link {
    source: Source,
    bytes: Vec<u8>,
}

enum Source {
    Socket(TcpStream),
    File(fs::File),
}

impl Link {
    fn open(port: u16) -> Link {
        let socket = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        let timeout = Some(Duration::from_secs(5));
        socket.set_read_timeout(timeout).expect("a timeout");
        let mut link = Link {
            source: Source::Socket(socket.try_clone().expect("it can be had twice")),
            bytes: Vec::new(),
        };
        socket
            .try_clone()
            .and_then(|mut socket| socket.write_all(b"SYNC\r\n"))
            .expect("it listens");
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
        let read = match &mut self.source {
            Source::Socket(socket) => socket.read(&mut buffer),
            Source::File(file) => file.read(&mut buffer),
        };
        let read = read.expect("the stream goes on");
        if read == 0 {
            assert!(matches!(self.source, Source::File(_)), "the link is closed");
            // What is written is not read yet.
            thread::sleep(Duration::from_millis(1));
        }
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
        Recorder::with(server, Link::open(server.port()))
    }

    /// One that reads the append-only file.
    fn of_file(server: &Server) -> Recorder {
        let name = "appendonlydir/appendonly.aof.1.incr.aof";
        let file = fs::File::open(server.folder().join(name)).expect("it was made");
        let link = Link {
            source: Source::File(file),
            bytes: Vec::new(),
        };
        Recorder::with(server, link)
    }

    fn with(server: &Server, link: Link) -> Recorder {
        let mut keeper = server.client();
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
    let settings = [
        "save \"\"",
        "enable-debug-command yes",
        "repl-diskless-sync no",
        "repl-ping-replica-period 3600",
    ];
    let server = Server::start("redis-server", &settings.map(str::to_owned));
    let mut recorder = Recorder::new(&server);
    compare_with_stock(&path(), |case| recorder.leaves(case));
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/effects/stream.txt")
}

/// Whether some requests are the parts of others: the same in pieces, but for removals of
/// keys that were not there.
fn are_parts(parts: &[String], whole: &[String]) -> bool {
    let pieces = |lines: &[String]| {
        let mut pieces: Vec<String> = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let step = match words[0] {
                "MULTI" | "EXEC" => continue,
                _ if words.len() == 1 => {
                    pieces.push(line.clone());
                    continue;
                }
                "DEL" | "UNLINK" => 1,
                "MSET" => 2,
                _ => words.len() - 1,
            };
            let each = words[1..].chunks(step);
            pieces.extend(each.map(|piece| [&words[..1], piece].concat().join(" ")));
        }
        pieces
    };
    let mut missing = pieces(whole);
    let is_removal = |piece: &String| piece.starts_with("DEL ") || piece.starts_with("UNLINK ");
    let are_there = pieces(parts).iter().all(|piece| {
        let at = missing.iter().position(|other| other == piece);
        at.map(|at| missing.remove(at)).is_some()
    });
    are_there && missing.iter().all(is_removal)
}

#[test]
fn basalt_leaves_what_is_recorded() {
    let text = fs::read_to_string(path()).expect("the cases are readable");
    for shards in [1, 4] {
        let settings = [
            "save \"\"".to_owned(),
            "enable-debug-command yes".to_owned(),
            "appendonly yes".to_owned(),
            format!("shards {shards}"),
        ];
        let server = Server::start(env!("CARGO_BIN_EXE_basalt"), &settings);
        let mut recorder = Recorder::of_file(&server);
        let mut differences = Vec::new();
        // A message is for replicas and not for the file.
        let cases = cases::parse(&text).into_iter();
        for case in cases.filter(|case| !case.text.contains("PUBLISH")) {
            let mut left = recorder.leaves(&case);
            for _ in 0..ATTEMPTS {
                // Who waits is served a moment later, where cores must meet.
                if !case.text.contains('&') || left == case.told {
                    break;
                }
                thread::sleep(Duration::from_millis(200));
                recorder.fence();
                left = recorder.leaves(&case);
            }
            let sorted = |lines: &[String]| {
                let mut lines = lines.to_vec();
                lines.sort_unstable();
                let is_expiry = |line: &&String| line.starts_with("DEL");
                let frame = ["EXEC", "MULTI"].map(str::to_owned);
                if lines.iter().filter(is_expiry).count() + 2 == lines.len() {
                    lines.retain(|line| !frame.contains(line));
                }
                lines
            };
            // What expires at several cores at once does so in no order, and each
            // by itself; what runs in parts leaves what each part did.
            let is_same = left == case.told
                || shards > 1
                    && (sorted(&left) == sorted(&case.told) || are_parts(&left, &case.told));
            if !is_same {
                differences.push(format!(
                    "{}\n  recorded: {:?}\n  basalt:   {left:?}",
                    case.text, case.told
                ));
            }
        }
        assert!(
            differences.is_empty(),
            "with {shards} shards:\n{}",
            differences.join("\n")
        );
    }
}
