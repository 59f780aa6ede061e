//! Tokens that go round through blocking pops and moves over all cores: none
//! is lost, none is there twice, and nobody who waits is forgotten.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::thread;

use super::wire::Reply;
use super::{Connection, Dice, SHARDS, ask, exec, node, number, rounds, seed, texts};

const LISTS: usize = 6;
const TOKENS: usize = 12;

fn list(number: usize) -> String {
    format!("tray:{number}")
}

#[test]
fn no_token_is_lost_or_doubled() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let mut wire = node.client();
        for token in 0..TOKENS {
            ask(&mut wire, &format!("RPUSH {} {token}", list(token % LISTS)));
        }
        thread::scope(|scope| {
            for client in 0..8 {
                scope.spawn(move || {
                    let mut dice = Dice::new(seed, client);
                    let mut wire = Connection::open(port).expect("the node is there");
                    for _ in 0..rounds(120) {
                        pass_on(&mut wire, &mut dice);
                    }
                });
            }
        });
        let mut tokens = Vec::new();
        for number in 0..LISTS {
            tokens.extend(texts(&ask(
                &mut wire,
                &format!("LRANGE {} 0 -1", list(number)),
            )));
        }
        let unique: BTreeSet<&String> = tokens.iter().collect();
        assert_eq!(
            (tokens.len(), unique.len()),
            (TOKENS, TOKENS),
            "{shards} shards"
        );
        assert_eq!(blocked(&mut wire), 0, "{shards} shards");
    }
}

/// Takes a token somewhere and puts it somewhere else, waiting at times.
fn pass_on(wire: &mut Connection, dice: &mut Dice) {
    let [one, two, three, back] = [(); 4].map(|()| list(dice.below(LISTS)));
    let taken = match dice.below(5) {
        0 => return drop(ask(wire, &format!("BLMOVE {one} {two} LEFT RIGHT 0.05"))),
        1 => return drop(ask(wire, &format!("LMOVE {one} {two} RIGHT LEFT"))),
        2 => {
            let moves = [
                format!("LMOVE {one} {two} LEFT LEFT"),
                format!("LMOVE {two} {three} LEFT LEFT"),
            ];
            exec(wire, &moves);
            return;
        }
        3 => ask(wire, &format!("BLMPOP 0.05 3 {one} {two} {three} LEFT")),
        _ => ask(wire, &format!("BLPOP {one} {two} {three} 0.05")),
    };
    let token = match &taken {
        Reply::Null => return,
        Reply::Array(parts) => match &parts[1] {
            Reply::Array(tokens) => super::text(&tokens[0]),
            token => super::text(token),
        },
        other => panic!("a pop: {other:?}"),
    };
    ask(wire, &format!("RPUSH {back} {token}"));
}

/// How many clients wait.
fn blocked(wire: &mut Connection) -> i64 {
    let info = super::text(&ask(wire, "INFO clients"));
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("blocked_clients:"));
    line.expect("INFO has it").parse().expect("a number")
}

/// Clients that go while they wait, or whose time runs out as they are served,
/// take nothing with them.
#[test]
fn who_is_gone_takes_nothing() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let mut wire = node.client();
        let mut taken = 0;
        let mut pushed = 0;
        let mut dice = Dice::new(seed, 0);
        for round in 0..rounds(60) {
            let key = format!("q:{}", round % 7);
            let mut waiter = Connection::open(port).expect("the node is there");
            let socket = waiter
                .socket()
                .try_clone()
                .expect("a socket can be had twice");
            waiter
                .send(&["BLPOP", &key, "other", "0.01"])
                .expect("the node reads");
            let pusher = thread::spawn(move || {
                let mut wire = Connection::open(port).expect("the node is there");
                let delay = Dice::new(seed, round).below(12_000) as u64;
                thread::sleep(std::time::Duration::from_micros(delay));
                ask(&mut wire, &format!("RPUSH {key} {round}"));
            });
            if dice.below(3) == 0 {
                // Hung up without a word; what it was served is gone with it,
                // but never what it was not.
                socket
                    .shutdown(std::net::Shutdown::Both)
                    .expect("it is open");
                pusher.join().expect("no failure");
                let left = drain(&mut wire);
                assert!(left <= 1);
                continue;
            }
            pushed += 1;
            match waiter.read() {
                Ok(Reply::Array(_)) => taken += 1,
                Ok(Reply::Null) => {}
                Ok(other) => panic!("BLPOP: {other:?}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
            }
            pusher.join().expect("no failure");
            taken += drain(&mut wire);
        }
        assert_eq!(taken, pushed, "{shards} shards");
        assert_eq!(blocked(&mut wire), 0);
    }
}

/// Takes all that is left; how many that was.
fn drain(wire: &mut Connection) -> i64 {
    let keys: Vec<String> = (0..7).map(|key| format!("q:{key}")).collect();
    let lens: Vec<String> = keys.iter().map(|key| format!("LLEN {key}")).collect();
    let left = exec(wire, &lens).expect("nothing is watched");
    ask(wire, "FLUSHALL");
    left.iter().map(number).sum()
}

/// Whoever came first is served first, on whatever core it is connected to.
#[test]
fn first_come_first_served() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let mut wire = node.client();
        let mut waiters = Vec::new();
        for number in 0..10 {
            let mut waiter = node.client();
            waiter
                .send(&["BLPOP", "queue", "0"])
                .expect("the node reads");
            while blocked(&mut wire) <= number {
                thread::yield_now();
            }
            waiters.push(waiter);
        }
        let words: Vec<String> = (0..10).map(|number| number.to_string()).collect();
        ask(&mut wire, &format!("RPUSH queue {}", words.join(" ")));
        for (number, waiter) in waiters.iter_mut().enumerate() {
            let reply = texts(&waiter.read().expect("it is served"));
            assert_eq!(
                reply,
                ["queue".to_owned(), number.to_string()],
                "{shards} shards"
            );
        }
        assert_eq!(number(&ask(&mut wire, "EXISTS queue")), 0);
    }
}

/// Who waits for keys of several cores is served within the transaction that pushes to
/// them, from the first of its keys.
#[test]
fn who_waits_for_several_cores_is_served_before_anybody_else_comes() {
    let seed = seed();
    let mut dice = Dice::new(seed, 0);
    for &shards in SHARDS {
        let node = node(shards, seed);
        let (mut wire, mut waiter) = (node.client(), node.client());
        for round in 0..40 {
            let keys: Vec<String> = (0..3).map(|_| format!("k{}", dice.below(1000))).collect();
            let words = ["BLPOP", &keys[0], &keys[1], &keys[2], "0"];
            waiter.send(&words).expect("the node reads");
            while blocked(&mut wire) == 0 {
                thread::yield_now();
            }
            let mut pushes: Vec<String> = keys.iter().map(|key| format!("RPUSH {key} x")).collect();
            pushes.swap(0, dice.below(3));
            exec(&mut wire, &pushes).expect("nothing is watched");
            let left = number(&ask(&mut wire, &format!("LLEN {}", keys[0])));
            let pushed = keys.iter().filter(|key| **key == keys[0]).count();
            assert_eq!(left, pushed as i64 - 1, "{shards} shards, round {round}");
            let reply = texts(&waiter.read().expect("it is served"));
            assert_eq!(reply, [keys[0].clone(), "x".to_owned()]);
            ask(&mut wire, "FLUSHALL");
        }
    }
}
