//! What commands tell, as `tests/effects/cases.txt` has it from stock Redis:
//! the keys they touch and the events they publish.

#[path = "../../tests/effects/cases.rs"]
#[expect(dead_code, reason = "tests/effects writes the file, too")]
pub(super) mod cases;

use std::sync::Arc;

use crate::config::EventClass;
use crate::shard::Watch;

use super::check::Node;
use super::event::Event;
use cases::Case;

const CASES: &str = include_str!("../../tests/effects/cases.txt");

/// The keys whose watches are looked at: database and name.
const KEYS: [(usize, &str); 5] = [(0, "k"), (0, "j"), (0, "i"), (1, "k"), (1, "j")];

#[test]
fn commands_tell_what_stock_tells() {
    let mut differences = Vec::new();
    for shards in [1, 3] {
        let mut node = Node::new(shards);
        // Who waits, and what EXEC runs, is a server's affair.
        let here = |case: &&Case| !case.text.contains('&') && !case.text.contains("MULTI");
        for case in cases::parse(CASES).iter().filter(here) {
            let got = tell(&mut node, case);
            if got != case.told {
                let (text, told) = (&case.text, &case.told);
                differences.push(format!(
                    "{text}\n  wanted {told:?}\n  got    {got:?} with {shards} shards"
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What the last request of a case tells here.
fn tell(node: &mut Node, case: &Case) -> Vec<String> {
    node.listen("");
    node.play("FLUSHALL");
    for request in case.before() {
        if request[0] == b"..." {
            node.clock.now += 20;
        } else {
            node.say(request);
        }
    }
    let watches: Vec<Arc<Watch>> = KEYS.iter().map(|key| watch(node, *key)).collect();
    node.listen("AnmE");
    node.events.clear();
    node.say(case.last());
    let mut told = Vec::new();
    let touched: Vec<String> = KEYS
        .iter()
        .zip(&watches)
        .filter(|((_, name), watch)| {
            let (shard, key) = node.shard_of(name.as_bytes());
            !shard.observers.is_watched(&key, watch)
        })
        .map(|((database, name), _)| named(*database, name))
        .collect();
    if !touched.is_empty() {
        told.push(format!("touched {}", touched.join(" ")));
    }
    told.extend(node.events.iter().map(written));
    told
}

fn watch(node: &mut Node, (database, name): (usize, &str)) -> Arc<Watch> {
    let watch = Arc::new(Watch {
        database,
        keys: vec![name.as_bytes().into()],
        ends_ms: None,
    });
    let (shard, key) = node.shard_of(name.as_bytes());
    shard.observers.watch(&key, &watch);
    watch
}

fn written(event: &Event) -> String {
    let key = event.key.escape_ascii().to_string();
    let letter = match event.class {
        EventClass::Generic => 'g',
        EventClass::String => '$',
        EventClass::List => 'l',
        EventClass::Set => 's',
        EventClass::Hash => 'h',
        EventClass::SortedSet => 'z',
        EventClass::Expired => 'x',
        EventClass::Evicted => 'e',
        EventClass::Stream => 't',
        EventClass::Module => 'd',
        EventClass::New => 'n',
        EventClass::Miss => 'm',
    };
    format!("{letter} {} {}", event.name, named(event.database, &key))
}

/// A key of database 0 by its name, another with its database.
fn named(database: usize, key: &str) -> String {
    match database {
        0 => key.to_owned(),
        _ => format!("{database}:{key}"),
    }
}
