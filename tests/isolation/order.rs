//! One connection's requests happen in the order they were sent, whatever
//! cores they go to.

use std::thread;

use super::{Connection, Dice, SHARDS, node, rounds, seed, wire};

/// A pipeline of writes over many cores with reads of everything so far
/// between them: each read sees all writes before it, and none behind.
#[test]
fn a_pipeline_sees_its_own_writes() {
    let seed = seed();
    for &shards in SHARDS {
        let node = node(shards, seed);
        let port = node.port();
        thread::scope(|scope| {
            for client in 0..4 {
                scope.spawn(move || {
                    let mut dice = Dice::new(seed, client);
                    let mut wire = Connection::open(port).expect("the node is there");
                    for _ in 0..rounds(30) {
                        pipeline(&mut wire, &mut dice, client);
                    }
                });
            }
        });
    }
}

fn pipeline(wire: &mut Connection, dice: &mut Dice, client: usize) {
    const KEYS: usize = 5;
    let name = |key: usize| format!("{client}:{key}");
    let all: Vec<String> = (0..KEYS).map(name).collect();
    let mut del = vec!["DEL".to_owned()];
    del.extend(all.iter().cloned());
    let mut bytes = wire::request(&del);
    let mut now = vec![String::new(); KEYS];
    let mut expected = Vec::new();
    for step in 0..40 {
        let key = dice.below(KEYS);
        match dice.below(4) {
            0 => {
                let mut mget = vec!["MGET".to_owned()];
                mget.extend(all.iter().cloned());
                bytes.extend(wire::request(&mget));
                expected.push(Some(now.clone()));
            }
            1 => {
                bytes.extend(wire::request(&["MULTI"]));
                bytes.extend(wire::request(&["APPEND", &name(key), "x"]));
                bytes.extend(wire::request(&["EXEC"]));
                now[key].push('x');
                expected.extend([None, None, None]);
            }
            _ => {
                let value = step.to_string();
                bytes.extend(wire::request(&["SET", &name(key), &value]));
                now[key] = value;
                expected.push(None);
            }
        }
    }
    wire.send_bytes(&bytes).expect("the node reads");
    wire.read().expect("DEL is answered");
    for (at, expected) in expected.iter().enumerate() {
        let reply = wire.read().expect("every request is answered");
        if let Some(expected) = expected {
            assert_eq!(&super::texts(&reply), expected, "request {at}");
        }
    }
}
