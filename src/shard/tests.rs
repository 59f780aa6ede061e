//! What observers are told, and that nothing of them is left behind.

use std::sync::Arc;

use crate::base::HashKey;
use crate::keyspace::Key;
use crate::resp::{OwnedArgs, Version};

use super::{Awaited, Observer, Observers, Shard, Wait, Watch};

const LIST: &[Awaited] = &[Awaited::List];

fn shard() -> Box<Shard> {
    Shard::new(0, 16, HashKey([1, 2]))
}

fn wait(keys: &[&str]) -> Arc<Wait> {
    let words = ["BLPOP"].into_iter().chain(keys.iter().copied());
    Arc::new(Wait {
        core: 0,
        session: 0,
        entry: 0,
        database: 0,
        version: Version::Two,
        no_touch: false,
        words: OwnedArgs::new(words),
        keys: 1..keys.len() + 1,
        awaited: Awaited::List,
        until_ms: None,
        claim: crate::base::Claim::default(),
    })
}

fn ready(observers: &mut Observers) -> Vec<String> {
    let next = || observers.next_ready();
    std::iter::from_fn(next)
        .map(|ready| format!("{} {}", ready.database, ready.key().bytes.escape_ascii()))
        .collect()
}

#[test]
fn waits_are_met_in_the_order_of_their_tickets() {
    let mut shard = shard();
    let key = shard.keyspace.key(b"k");
    let (first, second) = (wait(&["k"]), wait(&["k"]));
    let observers = &mut shard.observers;
    observers.wait(&key, 7, &second);
    observers.wait(&key, 3, &first);
    assert_eq!(observers.next_ticket(), 8);
    let (ticket, met) = observers.waiting(0, &key, LIST, None).expect("two wait");
    assert!(ticket == 3 && Arc::ptr_eq(&met, &first));
    let (ticket, met) = observers
        .waiting(0, &key, LIST, Some(3))
        .expect("one more waits");
    assert!(ticket == 7 && Arc::ptr_eq(&met, &second));
    assert!(observers.waiting(0, &key, LIST, Some(7)).is_none());
    assert!(
        observers.waiting(1, &key, LIST, None).is_none(),
        "in database 0"
    );
    let others = Awaited::met_by(Some("zset"));
    assert!(observers.waiting(0, &key, others, None).is_none());
}

#[test]
fn a_key_is_ready_once_until_it_is_looked_at() {
    let mut shard = shard();
    let key = |text: &'static str| -> Key<'static> { shard.keyspace.key(text.as_bytes()) };
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let observers = &mut shard.observers;
    observers.wait(&a, 0, &wait(&["a"]));
    observers.wait(&b, 1, &wait(&["b"]));
    for touched in [&b, &a, &b, &c] {
        observers.touch(0, touched);
    }
    observers.touch(1, &a);
    assert!(observers.has_ready());
    assert_eq!(ready(observers), ["0 b", "0 a"]);
    observers.touch(0, &a);
    assert_eq!(ready(observers), ["0 a"]);
}

fn watch(keys: &[&str]) -> Arc<Watch> {
    Arc::new(Watch {
        database: 0,
        keys: keys.iter().map(|key| key.as_bytes().into()).collect(),
        ends_ms: None,
    })
}

#[test]
fn a_watch_ends_by_a_touch_of_its_key_in_its_database() {
    let mut shard = shard();
    let key = shard.keyspace.key(b"k");
    let other = shard.keyspace.key(b"other");
    let watch = watch(&["k"]);
    let observers = &mut shard.observers;
    observers.watch(&key, &watch);
    observers.touch(1, &key);
    observers.touch(0, &other);
    assert!(observers.is_watched(&key, &watch));
    observers.touch(0, &key);
    assert!(!observers.is_watched(&key, &watch));
    assert!(observers.is_idle(), "it has been told, and is forgotten");
}

#[test]
fn a_whole_database_touches_what_is_there() {
    let mut shard = shard();
    let (a, b) = (shard.keyspace.key(b"a"), shard.keyspace.key(b"b"));
    let (there, not_there) = (watch(&["a"]), watch(&["b"]));
    let observers = &mut shard.observers;
    observers.watch(&a, &there);
    observers.watch(&b, &not_there);
    observers.wait(&a, 0, &wait(&["a"]));
    observers.touch_all(0, |key| key.bytes == b"a");
    observers.touch_all(3, |_| true);
    assert!(!observers.is_watched(&a, &there));
    assert!(observers.is_watched(&b, &not_there));
    assert_eq!(ready(observers), ["0 a"]);
}

#[test]
fn who_is_forgotten_leaves_no_room_behind() {
    let mut shard = shard();
    let key = shard.keyspace.key(b"k");
    let (first, second) = (wait(&["k"]), wait(&["k"]));
    let watch = watch(&["k"]);
    let observers = &mut shard.observers;
    observers.wait(&key, 0, &first);
    observers.wait(&key, 1, &second);
    observers.watch(&key, &watch);
    observers.touch(0, &key);
    observers.watch(&key, &watch);
    observers.forget(&key, &Observer::Wait(first));
    observers.forget(&key, &Observer::Watch(watch));
    assert!(!observers.is_idle());
    observers.forget(&key, &Observer::Wait(second));
    assert!(observers.is_idle());
    assert!(observers.waiting(0, &key, LIST, None).is_none());
    assert_eq!(ready(observers), ["0 k"], "nobody is met there");
}
