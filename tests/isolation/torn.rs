//! Several keys that are always written together are never seen apart.

use std::thread;

use super::{Dice, SHARDS, ask, exec, node, rounds, seed, text, texts};

/// Keys on many cores.
const KEYS: usize = 10;

fn keys() -> Vec<String> {
    (0..KEYS).map(|key| format!("key-{key}")).collect()
}

fn all_equal(values: &[String]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

#[test]
fn keys_written_together_are_seen_together() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let pairs = |value: &str| -> String {
            let pairs = keys().into_iter().map(|key| format!("{key} {value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        let mget = format!("MGET {}", keys().join(" "));
        ask(&mut node.client(), &format!("MSET {}", pairs("start")));
        thread::scope(|scope| {
            for client in 0..3 {
                scope.spawn(move || {
                    let mut dice = Dice::new(seed, client);
                    let mut wire = super::Connection::open(port).expect("the node is there");
                    for round in 0..rounds(150) {
                        let value = format!("{client}-{round}");
                        match dice.below(3) {
                            0 => {
                                ask(&mut wire, &format!("MSET {}", pairs(&value)));
                            }
                            1 => {
                                let sets: Vec<String> = keys()
                                    .iter()
                                    .map(|key| format!("SET {key} {value}"))
                                    .collect();
                                exec(&mut wire, &sets);
                            }
                            _ => {
                                let dels = format!("DEL {}", keys().join(" "));
                                exec(&mut wire, &[dels, format!("MSETNX {}", pairs(&value))]);
                            }
                        }
                    }
                });
            }
            for client in 3..6 {
                let mget = &mget;
                scope.spawn(move || {
                    let mut dice = Dice::new(seed, client);
                    let mut wire = super::Connection::open(port).expect("the node is there");
                    for _ in 0..rounds(200) {
                        let values = if dice.below(2) == 0 {
                            texts(&ask(&mut wire, mget))
                        } else {
                            let gets: Vec<String> =
                                keys().iter().map(|key| format!("GET {key}")).collect();
                            let replies = exec(&mut wire, &gets).expect("nothing is watched");
                            replies.iter().map(text).collect()
                        };
                        assert!(all_equal(&values), "{shards} shards, torn: {values:?}");
                        assert!(!values[0].is_empty(), "the keys are always there");
                    }
                });
            }
        });
    }
}
