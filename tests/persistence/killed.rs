//! Nodes that are killed at any moment, under load, and what they have when they come back.
//!
//! `KILL_ROUNDS=200 nice -n 19 cargo test --profile tested --test persistence killed` is the long run.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::aof::{ON, wait_for_rewrite};
use crate::process::Server;
use crate::wire::{Connection, Reply};
use crate::{PATIENCE, PROGRAM, Side, bank, data_folder};

/// What `everysec` may lose.
const MAY_BE_LOST: Duration = Duration::from_secs(2);

/// A library in whose presence a sync takes very long, and does nothing: a kill leaves
/// what is with the system.
const SLOW_SYNC: &str = "
#[unsafe(no_mangle)]
pub extern \"C\" fn fdatasync(_: i32) -> i32 {
    std::thread::sleep(std::time::Duration::from_secs(30));
    0
}
";

/// Rounds of each test; 200 prove more than these.
fn rounds() -> usize {
    let asked = std::env::var("KILL_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Ends a server in the midst.
fn kill(side: Side) {
    let id = side.server.id().to_string();
    let killed = Command::new("kill").args(["-9", &id]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    drop(side);
}

fn number(reply: &Reply) -> u64 {
    match reply {
        Reply::Bulk(text) => String::from_utf8_lossy(text).parse().expect("a number"),
        Reply::Integer(number) => *number as u64,
        Reply::Null => 0,
        other => panic!("{other:?} is no number"),
    }
}

/// What the server said, and when.
type Said = (Instant, u64);

/// Counts until the server has gone; all that it said.
fn count_until_killed(port: u16, at: usize) -> Vec<Said> {
    let mut said = Vec::new();
    let Ok(mut client) = Connection::open(port) else {
        return said;
    };
    let key = format!("counter:{at}");
    while let Ok(reply) = client.ask(&["INCR", &key]) {
        said.push((Instant::now(), number(&reply)));
    }
    said
}

/// The same for two keys of different cores at once; the last number.
fn pair_until_killed(port: u16) -> Option<u64> {
    let mut client = Connection::open(port).ok()?;
    let mut last = None;
    loop {
        let sent = client
            .ask(&["MULTI"])
            .and_then(|_| client.ask(&["INCR", "{a}left"]))
            .and_then(|_| client.ask(&["INCR", "right"]))
            .and_then(|_| client.ask(&["EXEC"]));
        match sent {
            Ok(Reply::Array(replies)) => last = Some(number(&replies[0])),
            Ok(other) => panic!("EXEC says {other:?}"),
            Err(_) => return last,
        }
    }
}

/// So many that count, and one that changes pairs, each until the server has gone.
fn begin_load(port: u16, counters: usize) -> (Vec<JoinHandle<Vec<Said>>>, JoinHandle<Option<u64>>) {
    let count = |at| thread::spawn(move || count_until_killed(port, at));
    let pairing = thread::spawn(move || pair_until_killed(port));
    ((0..counters).map(count).collect(), pairing)
}

/// A rewrite that is under way when the node is killed.
fn begin_long_rewrite(side: &mut Side) {
    side.tell("CONFIG SET rdb-key-save-delay 300000");
    side.tell("BGREWRITEAOF");
}

fn pairs_of(side: &mut Side) -> u64 {
    let left = number(&side.tell("GET {a}left"));
    let right = number(&side.tell("GET right"));
    assert_eq!(left, right, "half of a transaction");
    left
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = data_folder();
    let settings = [ON, &["appendfsync always"]].concat();
    let mut promised: Vec<u64> = vec![0; 4];
    let mut pairs = 0;
    for round in 0..rounds() {
        let shards = 1 + round % 3;
        let mut side = Side::basalt(folder.path(), shards, &settings);
        for (at, promised) in promised.iter_mut().enumerate() {
            let found = number(&side.tell(&format!("GET counter:{at}")));
            // One more may be there, which nobody was told of.
            assert!(
                found == *promised || found == *promised + 1,
                "round {round}: {found}, and {promised} were promised"
            );
            // Whoever reads it was told so: it stays.
            *promised = found;
        }
        let found = pairs_of(&mut side);
        assert!(found >= pairs, "round {round}: {found} pairs of {pairs}");
        let port = side.server.port();
        let (writers, pairing) = begin_load(port, promised.len());
        if round % 4 == 1 {
            begin_long_rewrite(&mut side);
        }
        thread::sleep(Duration::from_millis(150 + 37 * (round as u64 % 7)));
        kill(side);
        for (promised, writer) in promised.iter_mut().zip(writers) {
            let said = writer.join().expect("it counts");
            *promised = said.last().map_or(*promised, |(_, number)| *number);
        }
        pairs = pairing.join().expect("it counts").unwrap_or(pairs);
    }
    assert!(promised.iter().all(|promised| *promised > 0));
}

#[test]
fn a_kill_without_always_loses_two_seconds_at_most() {
    let folder = data_folder();
    // What must be there, and what may be.
    let mut bounds: Vec<(u64, u64)> = vec![(0, 0); 4];
    for round in 0..rounds() {
        let shards = 1 + round % 3;
        let mut side = Side::basalt(folder.path(), shards, ON);
        for (at, (least, most)) in bounds.iter_mut().enumerate() {
            let found = number(&side.tell(&format!("GET counter:{at}")));
            assert!(
                (*least..=*most + 1).contains(&found),
                "round {round}: {found}, which is not from {least} to {most}"
            );
            (*least, *most) = (found, found);
        }
        pairs_of(&mut side);
        if round % 10 == 9 {
            // Else the file of many rounds takes longer to load than a start may take.
            side.tell("BGREWRITEAOF");
            wait_for_rewrite(&mut side);
        }
        let port = side.server.port();
        let (writers, pairing) = begin_load(port, bounds.len());
        if round % 4 == 1 {
            begin_long_rewrite(&mut side);
        }
        // Some rounds are longer than what may be lost.
        thread::sleep(Duration::from_millis(150 + 613 * (round as u64 % 5)));
        let killed = Instant::now();
        kill(side);
        for ((least, most), writer) in bounds.iter_mut().zip(writers) {
            let said = writer.join().expect("it counts");
            let old = said
                .iter()
                .rev()
                .find(|(when, _)| killed - *when > MAY_BE_LOST);
            *least = old.map_or(*least, |(_, number)| *number);
            *most = said.last().map_or(*most, |(_, number)| *number);
        }
        pairing.join().expect("it counts");
    }
    assert!(bounds.iter().all(|(_, most)| *most > 0));
}

#[test]
fn what_comes_during_a_sync_is_not_lost_with_the_process() {
    let folder = data_folder();
    let source = folder.path().join("slow.rs");
    let library = folder.path().join("slow.so");
    fs::write(&source, SLOW_SYNC).expect("the folder can be written");
    let mut compiler = Command::new("rustc");
    compiler.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]);
    let made = compiler.arg(&library).arg(&source).status();
    assert!(made.is_ok_and(|status| status.success()));
    let preload = library
        .to_str()
        .expect("temporary folders have plain names");
    let mut settings = vec![
        "shards 1".to_owned(),
        format!("dir {}", folder.path().display()),
    ];
    settings.extend(ON.iter().map(|line| (*line).to_owned()));
    let server = Server::start_with(PROGRAM, &settings, &[("LD_PRELOAD", preload)]);
    let client = server.client();
    let mut side = Side { server, client };
    let start = Instant::now();
    while side.told("aof_pending_bio_fsync") == "0" {
        side.tell("INCR before");
        assert!(start.elapsed() < PATIENCE, "it never syncs");
    }
    for _ in 0..100 {
        side.tell("INCR during");
    }
    // A moment, for the thread that writes.
    thread::sleep(Duration::from_secs(1));
    assert_eq!(
        side.told("aof_pending_bio_fsync"),
        "1",
        "that was no slow sync"
    );
    let before = side.tell("GET before");
    kill(side);
    let mut side = Side::basalt(folder.path(), 1, ON);
    assert_eq!(side.tell("GET during"), Reply::Bulk(b"100".to_vec()));
    assert_eq!(side.tell("GET before"), before);
}

#[test]
fn the_file_of_a_killed_node_is_of_one_moment() {
    let folder = data_folder();
    let settings = ["save \"\"", "appendonly no"];
    let mut side = Side::basalt(folder.path(), 2, &settings);
    bank::open(&mut side);
    side.tell("SAVE");
    let (mut moves, mut saves) = (0, 0);
    for round in 0..rounds() {
        let is_over = AtomicBool::new(false);
        let mut clients: Vec<_> = (0..3).map(|_| side.server.client()).collect();
        let mut saver = side.server.client();
        thread::scope(|scope| {
            for (teller, client) in clients.iter_mut().enumerate() {
                let is_over = &is_over;
                scope.spawn(move || bank::move_money_until(client, teller, is_over));
            }
            let is_over = &is_over;
            let saves = &mut saves;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed)
                    && let Ok(reply) = saver.ask(&["BGSAVE"])
                {
                    *saves += usize::from(matches!(reply, Reply::Status(_)));
                }
            });
            thread::sleep(Duration::from_millis(100 + 53 * (round as u64 % 7)));
            kill(side);
            is_over.store(true, Ordering::Relaxed);
        });
        let start = Instant::now();
        side = Side::basalt(folder.path(), 1 + round % 3, &settings);
        assert!(start.elapsed() < PATIENCE);
        let (sum, moved) = bank::count(&mut side);
        assert_eq!(sum, bank::MONEY, "round {round}: money was lost or made");
        assert!(
            moved >= moves,
            "round {round}: the file is of an earlier moment"
        );
        moves = moved;
    }
    assert!(
        moves > 0 && saves > rounds(),
        "{moves} moves, {saves} saves"
    );
}
