//! Keys that one client steps forward are never seen to go back, whoever asks
//! whom: what one was told, everybody who asks afterwards is told.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::thread;

use super::{Dice, SHARDS, ask, exec, node, rounds, seed, text, texts};

/// Keys on many cores, in the order they are stepped in.
const KEYS: usize = 8;

fn key(at: usize) -> String {
    format!("step-{at}")
}

/// What anybody was told of each key.
struct Known([AtomicI64; KEYS]);

impl Known {
    fn least(&self, at: &[usize]) -> Vec<i64> {
        at.iter().map(|at| self.0[*at].load(SeqCst)).collect()
    }

    /// Checks what keys held at one moment, which was asked for when they were
    /// known to hold `least`.
    fn check(&self, at: &[usize], least: &[i64], values: &[String]) {
        let number = |value: &String| value.parse::<i64>().expect("steps are numbers");
        let values: Vec<i64> = values.iter().map(number).collect();
        let context = format!("{at:?}: {values:?}, though {least:?} were seen");
        assert!(
            values.iter().zip(least).all(|(is, least)| is >= least),
            "{context}"
        );
        assert!(
            values.windows(2).all(|pair| pair[0] >= pair[1]),
            "{context}"
        );
        assert!(values[0] <= values[values.len() - 1] + 1, "{context}");
        for (at, value) in at.iter().zip(values) {
            self.0[*at].fetch_max(value, SeqCst);
        }
    }
}

#[test]
fn nobody_sees_a_key_as_it_was_before_somebody_saw_it() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        let known = &Known(Default::default());
        let all = || 0..KEYS;
        let mset = |value: i64| {
            let pairs = all().map(|at| format!("{} {value}", key(at)));
            format!("MSET {}", pairs.collect::<Vec<_>>().join(" "))
        };
        ask(&mut node.client(), &mset(0));
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut dice = Dice::new(seed, 0);
                let mut wire = super::Connection::open(port).expect("the node is there");
                for value in 1..rounds(300) as i64 {
                    if dice.below(2) == 0 {
                        ask(&mut wire, &mset(value));
                        for step in &known.0 {
                            step.fetch_max(value, SeqCst);
                        }
                    } else {
                        for at in all() {
                            ask(&mut wire, &format!("SET {} {value}", key(at)));
                            known.0[at].fetch_max(value, SeqCst);
                        }
                    }
                }
            });
            for client in 1..6 {
                scope.spawn(move || {
                    let mut dice = Dice::new(seed, client);
                    let mut wire = super::Connection::open(port).expect("the node is there");
                    for _ in 0..rounds(500) {
                        let mut at: Vec<usize> = all().filter(|_| dice.below(2) == 0).collect();
                        if at.is_empty() || dice.below(2) == 0 {
                            at = vec![dice.below(KEYS)];
                        }
                        let least = known.least(&at);
                        let names: Vec<String> = at.iter().map(|at| key(*at)).collect();
                        let values = match (names.len(), dice.below(4)) {
                            (1, _) => vec![text(&ask(&mut wire, &format!("GET {}", names[0])))],
                            (_, 0) => {
                                let gets: Vec<String> =
                                    names.iter().map(|key| format!("GET {key}")).collect();
                                let replies = exec(&mut wire, &gets);
                                let replies = replies.expect("nothing is watched");
                                replies.iter().map(text).collect()
                            }
                            _ => texts(&ask(&mut wire, &format!("MGET {}", names.join(" ")))),
                        };
                        known.check(&at, &least, &values);
                    }
                });
            }
        });
    }
}
