//! Data on its way to disk and back, beside stock: its files load here and ours
//! there, what is broken is refused with its place, and what fails leaves the
//! file before it as it was.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands shows replies too")]
mod wire;

mod aof;
mod background;
mod bank;
mod broken;
mod check;
mod disk;
mod failing;
mod faults;
mod killed;
mod large;
mod loading;
mod moment;
mod older;
mod preamble;
mod recorded;
mod requests;
mod rewrite;
mod round_trip;
mod scripts;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use process::{Folder, Server};
use wire::{Connection, Reply};

const PROGRAM: &str = env!("CARGO_BIN_EXE_basalt");

/// How long something that is sure to come may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with its client, in a folder of files that outlives it.
struct Side {
    server: Server,
    client: Connection,
}

impl Side {
    /// Basalt, in this folder, serving.
    fn basalt(folder: &Path, shards: usize, settings: &[&str]) -> Self {
        let shards = format!("shards {shards}");
        let settings: Vec<&str> = [&[&*shards][..], settings].concat();
        Self::start(PROGRAM, folder, &settings)
    }

    fn stock(folder: &Path, settings: &[&str]) -> Self {
        let settings: Vec<&str> = [&["save \"\""][..], settings].concat();
        Self::start("redis-server", folder, &settings)
    }

    fn start(program: &str, folder: &Path, settings: &[&str]) -> Self {
        let mut lines = vec![
            "enable-debug-command yes".to_owned(),
            "enable-protected-configs yes".to_owned(),
            format!("dir {}", folder.display()),
        ];
        lines.extend(settings.iter().map(|line| (*line).to_owned()));
        let server = Server::start(program, &lines);
        let client = patient(&server);
        let mut side = Self { server, client };
        side.wait_until_loaded();
        side
    }

    fn wait_until_loaded(&mut self) {
        let start = Instant::now();
        while matches!(self.ask("PING"), Reply::Error(text) if text.starts_with(b"LOADING")) {
            assert!(start.elapsed() < PATIENCE, "it loads and loads");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Words parted by blanks.
    fn ask(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').collect();
        self.ask_words(&words)
    }

    fn ask_words<A: AsRef<[u8]>>(&mut self, words: &[A]) -> Reply {
        self.client.ask(words).expect("the server answers")
    }

    /// What must not be refused.
    fn tell(&mut self, line: &str) -> Reply {
        let reply = self.ask(line);
        assert!(!matches!(reply, Reply::Error(_)), "{line:.100}: {reply:?}");
        reply
    }

    fn digest(&mut self) -> String {
        match self.tell("DEBUG DIGEST") {
            Reply::Status(digest) => String::from_utf8(digest).expect("it is hexadecimal"),
            other => panic!("DEBUG DIGEST says {other:?}"),
        }
    }

    /// The fields of INFO.
    fn info(&mut self) -> BTreeMap<String, String> {
        let Reply::Bulk(text) = self.tell("INFO everything") else {
            panic!("INFO is a text");
        };
        let text = String::from_utf8(text).expect("INFO is ASCII");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// One of them.
    fn told(&mut self, field: &str) -> String {
        let value = self.info().remove(field);
        value.unwrap_or_else(|| panic!("INFO has no {field}"))
    }

    fn log(&self) -> String {
        self.server.log()
    }
}

/// Runs the program with this folder's file until it ends by itself; its exit
/// code and what it said.
fn run_with_file(folder: &Path, settings: &[&str]) -> (Option<i32>, String) {
    let port = process::free_port();
    let mut command = Command::new(PROGRAM);
    command
        .args(["--port", &port.to_string(), "--shards", "2"])
        .args(settings);
    let (status, said) = process::run(&mut command, folder, PATIENCE);
    (status.and_then(|status| status.code()), said)
}

/// A client that waits long: a debug build on a busy machine is slow.
fn patient(server: &Server) -> Connection {
    let client = server.client();
    let set = client.socket().set_read_timeout(Some(PATIENCE));
    set.expect("the socket is open");
    client
}

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn status(text: &str) -> Reply {
    Reply::Status(text.as_bytes().to_vec())
}

fn data_folder() -> Folder {
    Folder::new()
}
