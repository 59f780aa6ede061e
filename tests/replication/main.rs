//! Real nodes that follow each other: basalt and stock, over connections that
//! are cut anywhere. At the end all have the same data and the same offset, and
//! there were as many full synchronisations as there had to be.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands shows replies too")]
mod wire;

mod chosen;
mod cuts;
mod follow;
mod halt;
mod lead;
mod packets;
mod paused;
mod proxy;
mod renamed;
mod restart;
mod roles;
mod shares;
mod told;
mod writable;
mod writer;

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use process::Server;
use wire::{Connection, Reply};

const PROGRAM: &str = env!("CARGO_BIN_EXE_basalt");

/// How long something that is sure to come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Of a primary: it synchronises at once, and has room for everything that a test
/// writes.
const NOW: [&str; 2] = ["repl-diskless-sync-delay 0", "repl-backlog-size 50mb"];

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn status(text: &str) -> Reply {
    Reply::Status(text.as_bytes().to_vec())
}

/// A server and a client of it.
struct Side {
    server: Server,
    client: Connection,
}

impl Side {
    fn basalt(shards: usize, settings: &[&str]) -> Self {
        let shards = format!("shards {shards}");
        let settings: Vec<&str> = [&[&*shards][..], settings].concat();
        Self::start(PROGRAM, &settings)
    }

    fn stock(settings: &[&str]) -> Self {
        let settings: Vec<&str> = [&["save \"\""][..], &NOW, settings].concat();
        Self::start("redis-server", &settings)
    }

    fn start(program: &str, settings: &[&str]) -> Self {
        let mut lines = vec!["enable-debug-command yes".to_owned()];
        lines.extend(settings.iter().map(|line| (*line).to_owned()));
        let server = Server::start(program, &lines);
        let client = server.client();
        Self { server, client }
    }

    /// Basalt that is to lead.
    fn primary(shards: usize, more: &[&str]) -> Self {
        Self::basalt(shards, &[&NOW[..], more].concat())
    }

    /// Sends its process a signal, such as `-STOP`.
    fn signal(&self, name: &str) {
        let id = self.server.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    fn port(&self) -> u16 {
        self.server.port()
    }

    /// Words parted by blanks.
    fn ask(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').collect();
        self.client
            .ask(&words)
            .unwrap_or_else(|error| panic!("{line}: {error}\n{}", self.server.log()))
    }

    fn follow(&mut self, port: u16) {
        let reply = self.ask(&format!("REPLICAOF 127.0.0.1 {port}"));
        assert_eq!(reply, Reply::Status(b"OK".to_vec()));
    }

    /// The fields of INFO.
    fn info(&mut self) -> BTreeMap<String, String> {
        let Reply::Bulk(text) = self.ask("INFO everything") else {
            panic!("INFO has a text");
        };
        let text = String::from_utf8(text).expect("INFO is text");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(name, value)| (name.to_owned(), value.trim_end().to_owned()))
            .collect()
    }

    fn told(&mut self, field: &str) -> String {
        self.info().remove(field).unwrap_or_default()
    }

    fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            let late = start.elapsed() > PATIENCE;
            assert!(
                !late,
                "never: {what}; {:?}\n{}",
                self.info(),
                self.server.log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_until_linked(&mut self) {
        self.wait_until("the link is up", |side| {
            side.told("master_link_status") == "up"
        });
    }

    /// Ends it as SHUTDOWN does, which writes its file, and starts it again.
    fn shut_down_and_restart(&mut self) {
        // There is no answer.
        drop(self.client.ask(&["SHUTDOWN", "SAVE"]));
        let ended = self.server.end(PATIENCE);
        assert!(ended.is_some(), "{}", self.server.log());
        self.restart();
    }

    /// Kills it, and starts it again.
    fn restart(&mut self) {
        self.server.restart();
        self.client = self.server.client();
        self.wait_until("it has loaded", |side| side.told("loading") == "0");
    }

    fn digest(&mut self) -> Reply {
        self.ask("DEBUG DIGEST")
    }

    fn offset(&mut self) -> u64 {
        let offset = self.told("master_repl_offset");
        offset.parse().expect("an offset is a number")
    }
}

/// Waits until the replica has all that the primary has, and looks whether it
/// is the same.
fn settle(primary: &mut Side, replica: &mut Side) {
    // What has a deadline of the writer's is over, and the DELs are on their way.
    thread::sleep(Duration::from_millis(400));
    replica.wait_until("it has the primary's offset", |replica| {
        replica.told("master_link_status") == "up" && replica.offset() == primary.offset()
    });
    let (ours, theirs) = (replica.digest(), primary.digest());
    assert_eq!(ours, theirs, "{}", replica.server.log());
    assert!(
        !replica.server.log().contains("CRITICAL"),
        "{}",
        replica.server.log()
    );
    assert_eq!(replica.told("master_replid"), primary.told("master_replid"));
}
