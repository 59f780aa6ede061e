//! The program from outside: how it starts, stops and says what is wrong, and
//! that no bytes, no crowd and no slow reader harm it or other clients.
//!
//! Every test starts its own node in its own folder, on a free port.

#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/replication starts them again")]
mod process;
#[path = "../harness/wire.rs"]
mod wire;

mod afar;
mod boot;
mod busy;
mod bytes;
mod crash;
mod flood;
mod limits;
mod machine;
mod memory;
mod payloads;
mod pressure;
mod pubsub;
mod refused;
mod rude;
mod scripts;
mod stop;
mod title;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use process::Server;
use wire::Reply;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_basalt");

/// How long a program that has nothing to do may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A node with two shards and these settings.
fn node(settings: &[&str]) -> Server {
    let mut lines = vec!["shards 2".to_owned()];
    lines.extend(settings.iter().map(|setting| (*setting).to_owned()));
    Server::start(PROGRAM, &lines)
}

/// What a program that ends by itself said, and its exit code.
struct End {
    code: Option<i32>,
    said: String,
}

/// Runs a command until it ends; panics if it goes on.
fn run(command: &mut Command) -> End {
    let folder = process::Folder::new();
    let (status, said) = process::run(command, folder.path(), END_TIMEOUT);
    let status = status.unwrap_or_else(|| panic!("it goes on, saying: {said}"));
    End {
        code: status.code(),
        said,
    }
}

fn status(text: &str) -> Reply {
    Reply::Status(text.as_bytes().to_vec())
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

/// A number of INFO, by its field's name.
fn told(client: &mut wire::Connection, field: &str) -> u64 {
    let Reply::Bulk(text) = client.ask(&["INFO"]).expect("it answers") else {
        panic!("INFO is a text");
    };
    let text = String::from_utf8(text).expect("INFO is ASCII");
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find_map(|(name, value)| (name == field).then_some(value));
    let value = value.unwrap_or_else(|| panic!("INFO has no {field}"));
    value.parse().unwrap_or_else(|_| panic!("{field}: {value}"))
}

/// Waits until `is_so`; panics with `what` if it does not come.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < END_TIMEOUT, "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}
