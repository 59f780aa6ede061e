//! Transactions that append to lists and read them, over all cores at once:
//! what they saw must have an order.

use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::history::{Transaction, check};
use super::{Connection, Dice, SHARDS, ask, exec, node, rounds, seed, texts, wire::Reply};

const KEYS: usize = 6;
const CLIENTS: usize = 6;

#[test]
fn what_transactions_saw_has_an_order() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let history = Mutex::new(Vec::new());
        let start = Instant::now();
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let history = &history;
                scope.spawn(move || {
                    let done = act(port, seed, client, start);
                    history.lock().expect("no client failed").extend(done);
                });
            }
        });
        let mut history = history.into_inner().expect("no client failed");
        // A last reader, behind all others, sees the whole of every list.
        let mut last = Transaction {
            began: start.elapsed().as_nanos(),
            ..Transaction::default()
        };
        let mut wire = node.client();
        for key in 0..KEYS {
            let list = texts(&ask(&mut wire, &format!("LRANGE list:{key} 0 -1")));
            last.reads.push((key, list));
        }
        last.ended = start.elapsed().as_nanos();
        history.push(last);
        if let Err(why) = check(&history) {
            panic!("SEED={seed}, {shards} shards: {why}");
        }
    }
}

/// One client's transactions.
fn act(port: u16, seed: u64, client: usize, start: Instant) -> Vec<Transaction> {
    let mut dice = Dice::new(seed, client);
    let mut wire = Connection::open(port).expect("the node is there");
    let mut done = Vec::new();
    for round in 0..rounds(120) {
        let mut transaction = Transaction::default();
        let mut requests = Vec::new();
        let mut read_keys = Vec::new();
        for step in 0..1 + dice.below(4) {
            let key = dice.below(KEYS);
            if dice.below(2) == 0 {
                let value = format!("{client}.{round}.{step}");
                requests.push(format!("RPUSH list:{key} {value}"));
                transaction.appends.push((key, value));
                read_keys.push(None);
            } else {
                requests.push(format!("LRANGE list:{key} 0 -1"));
                read_keys.push(Some(key));
            }
        }
        let is_bare = requests.len() == 1 && dice.below(2) == 0;
        transaction.began = start.elapsed().as_nanos();
        let replies = if is_bare {
            vec![ask(&mut wire, &requests[0])]
        } else {
            exec(&mut wire, &requests).expect("nothing is watched")
        };
        transaction.ended = start.elapsed().as_nanos();
        for (key, reply) in read_keys.iter().zip(&replies) {
            match (key, reply) {
                (Some(key), reply) => transaction.reads.push((*key, texts(reply))),
                (None, Reply::Integer(_)) => {}
                (None, other) => panic!("RPUSH: {other:?}"),
            }
        }
        done.push(transaction);
    }
    done
}
