//! Every core of a replica applies its share of the stream: what several of them have keys
//! of is one change for whoever reads there, and the primary is one client.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::wire::{Connection, Reply, request};
use crate::writer::{Dice, write};
use crate::{Side, settle, status};

const ACCOUNTS: u64 = 12;

/// All of them hold this much together.
const MONEY: i64 = ACCOUNTS as i64 * 1000;

fn accounts() -> Vec<String> {
    (0..ACCOUNTS)
        .map(|index| format!("account{index}"))
        .collect()
}

fn ask(client: &mut Connection, words: &[&str]) -> Reply {
    client.ask(words).expect("it answers")
}

/// Moves money between accounts, by transactions and by scripts, beside changes of single
/// keys and of a set of keys that always have one value.
fn move_money(client: &mut Connection, seed: u64, rounds: u64) {
    let mut dice = Dice::new(seed);
    let names = accounts();
    let script = "redis.call('decrby',KEYS[1],ARGV[1]) redis.call('incrby',KEYS[2],ARGV[1])";
    for round in 0..rounds {
        let from = &names[dice.below(ACCOUNTS) as usize];
        let to = &names[dice.below(ACCOUNTS) as usize];
        let sum = dice.below(100).to_string();
        match dice.below(5) {
            0 => {
                ask(client, &["MULTI"]);
                ask(client, &["DECRBY", from, &sum]);
                ask(client, &["INCRBY", to, &sum]);
                ask(client, &["EXEC"]);
            }
            1 => {
                ask(client, &["EVAL", script, "2", from, to, &sum]);
            }
            2 => {
                let value = format!("{seed}-{round}");
                let words = ["same{a}", "same{b}", "same{c}", "same{d}"];
                let words = words.iter().flat_map(|key| [*key, &value]);
                let words: Vec<&str> = std::iter::once("MSET").chain(words).collect();
                ask(client, &words);
            }
            3 => {
                ask(client, &["INCR", &format!("{from}:seen")]);
            }
            _ => {
                ask(client, &["RENAME", "moved{a}", "moved{b}"]);
                ask(client, &["SET", "moved{a}", &sum]);
            }
        }
    }
}

/// What a reader of the replica finds wrong; how often it has looked.
fn read_until(client: &mut Connection, is_over: &AtomicBool) -> u64 {
    let names = accounts();
    let all: Vec<&str> = std::iter::once("MGET")
        .chain(names.iter().map(String::as_str))
        .collect();
    let same = ["MGET", "same{a}", "same{b}", "same{c}", "same{d}"];
    let mut looks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let Reply::Array(values) = ask(client, &all) else {
            panic!("MGET has a list");
        };
        let number = |value: &Reply| match value {
            Reply::Bulk(text) => String::from_utf8_lossy(text).parse::<i64>().expect("money"),
            other => panic!("an account is gone: {other:?}"),
        };
        let sum: i64 = values.iter().map(number).sum();
        assert_eq!(sum, MONEY, "half of a transaction: {values:?}");
        let Reply::Array(values) = ask(client, &same) else {
            panic!("MGET has a list");
        };
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        looks += 1;
    }
    looks
}

#[test]
fn readers_see_what_several_cores_change_as_one() {
    for shards in [2, 5] {
        for mut primary in [Side::stock(&[]), Side::primary(3, &[])] {
            for name in accounts() {
                primary.ask(&format!("SET {name} 1000"));
            }
            let mut replica = Side::basalt(shards, &[]);
            replica.follow(primary.port());
            replica.wait_until_linked();
            settle(&mut primary, &mut replica);
            let is_over = &AtomicBool::new(false);
            thread::scope(|scope| {
                let mut reader = replica.server.client();
                let reads = scope.spawn(move || read_until(&mut reader, is_over));
                let writers: Vec<_> = (0..3)
                    .map(|seed| {
                        let mut client = primary.server.client();
                        scope.spawn(move || move_money(&mut client, seed + 1, 1500))
                    })
                    .collect();
                for writer in writers {
                    writer.join().expect("it writes");
                }
                is_over.store(true, Ordering::Relaxed);
                let looks = reads.join().expect("what it reads is whole");
                assert!(looks > 20, "it has looked {looks} times");
            });
            settle(&mut primary, &mut replica);
            assert_eq!(primary.told("sync_full"), "1");
        }
    }
}

/// Sixty megabytes wait for the replica: as long as it applies them, its own clients are
/// answered between, and see how far it is.
#[test]
fn clients_are_served_while_a_replica_catches_up() {
    const AT_ONCE: usize = 1000;
    let mut primary = Side::primary(1, &["repl-backlog-size 200mb"]);
    let mut replica = Side::basalt(1, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    settle(&mut primary, &mut replica);
    replica.signal("-STOP");
    let value = "v".repeat(64);
    let mut writer = primary.server.client();
    for round in 0..600 {
        let mut requests = Vec::new();
        for index in 0..AT_ONCE {
            let key = format!("key:{}", (round * 7919 + index * 31) % 200_000);
            requests.extend(request(&["SET", &key, &value]));
        }
        writer.send_bytes(&requests).expect("it takes them");
        for _ in 0..AT_ONCE {
            assert_eq!(writer.read().expect("it answers"), status("OK"));
        }
    }
    let end = primary.offset();
    replica.signal("-CONT");
    let mut seen = BTreeSet::new();
    replica.wait_until("it has everything", |side| {
        let offset: u64 = side.told("slave_repl_offset").parse().expect("a number");
        seen.insert(offset);
        offset >= end
    });
    // With its one core taken for all of it, a client sees two or three.
    assert!(seen.len() >= 10, "it was answered at {seen:?} of {end}");
    settle(&mut primary, &mut replica);
}

/// PFCOUNT is no write, and in the stream for the count that it keeps in its key.
#[test]
fn counts_are_applied_in_their_keys_order() {
    for mut primary in [Side::stock(&[]), Side::primary(3, &[])] {
        let mut replica = Side::basalt(4, &[]);
        replica.follow(primary.port());
        replica.wait_until_linked();
        let mut writer = primary.server.client();
        for round in 0..100 {
            let mut requests = Vec::new();
            for key in 0..10 {
                let key = format!("count:{key}");
                requests.extend(request(&["SET", &key, "no count"]));
                requests.extend(request(&["DEL", &key]));
                requests.extend(request(&["PFADD", &key, &round.to_string()]));
                requests.extend(request(&["PFCOUNT", &key]));
                requests.extend(request(&["PFADD", &key, &format!("x{round}")]));
            }
            writer.send_bytes(&requests).expect("it takes them");
            for _ in 0..50 {
                writer.read().expect("it answers");
            }
        }
        settle(&mut primary, &mut replica);
        let log = replica.server.log();
        assert!(!log.contains("CRITICAL"), "{log}");
    }
}

#[test]
fn the_primary_is_one_client_of_all_cores() {
    let mut primary = Side::stock(&[]);
    let mut replica = Side::basalt(4, &[]);
    replica.follow(primary.port());
    replica.wait_until_linked();
    write(&mut primary.server.client(), &mut Dice::new(9), 500);
    settle(&mut primary, &mut replica);
    let list = |side: &mut Side, line: &str| match side.ask(line) {
        Reply::Bulk(text) => String::from_utf8(text).expect("it is text"),
        other => panic!("{line}: {other:?}"),
    };
    let masters = list(&mut replica, "CLIENT LIST TYPE master");
    assert_eq!(masters.lines().count(), 1, "{masters}");
    assert!(masters.contains("flags=M"), "{masters}");
    let all = list(&mut replica, "CLIENT LIST");
    assert_eq!(all.lines().count(), 2, "{all}");
    assert_eq!(replica.told("connected_clients"), "2");
    for _ in 0..3 {
        assert_eq!(replica.ask("CLIENT KILL TYPE master"), Reply::Integer(1));
        replica.wait_until("the link is back", |side| {
            side.told("master_link_status") == "up"
        });
        write(&mut primary.server.client(), &mut Dice::new(10), 500);
        settle(&mut primary, &mut replica);
    }
    assert_eq!(primary.told("sync_full"), "1");
    assert_eq!(replica.ask("REPLICAOF NO ONE"), status("OK"));
    assert_eq!(replica.told("connected_clients"), "1");
}
