//! Many clients over all cores at once, and what they saw: is it something
//! that a server with one thread could have shown them?
//!
//! Every test runs with 1, 2, 5 and 16 shards. `BASALT_JITTER` makes the nodes
//! hold letters between their cores back by chance, so that rare orders are
//! not rare. `SEED=n` replays the requests of a run, `ROUNDS=n` makes them
//! longer.

#[path = "../harness/history.rs"]
mod history;
#[path = "../harness/process.rs"]
#[expect(dead_code, reason = "tests/node asks more of a process")]
mod process;
#[path = "../harness/wire.rs"]
#[expect(dead_code, reason = "tests/commands shows replies too")]
mod wire;

mod bank;
mod histories;
mod order;
mod steps;
mod torn;
mod waiting;

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use process::Server;
use wire::{Connection, Reply};

/// Numbers of shards, more of them than this machine has cores.
const SHARDS: &[usize] = &[1, 2, 5, 16];

/// A node with jitter between its cores.
fn node(shards: usize, seed: u64) -> Server {
    let lines = [
        format!("shards {shards}"),
        "enable-debug-command yes".to_owned(),
    ];
    Server::start_with(
        env!("CARGO_BIN_EXE_basalt"),
        &lines,
        &[("BASALT_JITTER", &seed.to_string())],
    )
}

#[expect(clippy::print_stdout, reason = "shown when a test fails")]
/// The seed of this run: printed, so that it can be had again.
fn seed() -> u64 {
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.subsec_nanos().into())
    };
    let given = env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(now);
    println!("SEED={seed}");
    seed
}

/// How often a client does what it does.
fn rounds(usual: usize) -> usize {
    let given = env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    given.unwrap_or(usual)
}

/// Random numbers of a client (Marsaglia's xorshift64*).
struct Dice(u64);

impl Dice {
    fn new(seed: u64, client: usize) -> Self {
        let mixed = (seed ^ (client as u64 + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(mixed | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        drawn as usize % bound
    }
}

/// One request whose words are separated by spaces.
fn ask(client: &mut Connection, request: &str) -> Reply {
    let words: Vec<&str> = request.split(' ').collect();
    let reply = client.ask(&words);
    reply.unwrap_or_else(|error| panic!("{request}: {error}"))
}

/// A transaction: the replies of its requests; `None` if it did not run.
fn exec(client: &mut Connection, requests: &[String]) -> Option<Vec<Reply>> {
    let mut bytes = wire::request(&["MULTI"]);
    for request in requests {
        let words: Vec<&str> = request.split(' ').collect();
        bytes.extend(wire::request(&words));
    }
    bytes.extend(wire::request(&["EXEC"]));
    client.send_bytes(&bytes).expect("the node reads");
    for _ in 0..=requests.len() {
        let reply = client.read().expect("the node answers");
        assert!(matches!(reply, Reply::Status(_)), "{reply:?}");
    }
    match client.read().expect("the node answers") {
        Reply::Array(replies) => Some(replies),
        Reply::Null => None,
        other => panic!("EXEC: {other:?}"),
    }
}

fn text(reply: &Reply) -> String {
    match reply {
        Reply::Bulk(bytes) | Reply::Status(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Reply::Null => String::new(),
        other => panic!("a text is not {other:?}"),
    }
}

fn number(reply: &Reply) -> i64 {
    match reply {
        Reply::Integer(number) => *number,
        other => text(other).parse().unwrap_or_else(|_| panic!("{other:?}")),
    }
}

fn texts(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Array(members) => members.iter().map(text).collect(),
        other => panic!("an array is not {other:?}"),
    }
}
