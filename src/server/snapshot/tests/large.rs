//! Large values, kept some elements at a time, wherever they go meanwhile.

use std::sync::Arc;

use super::attack::{Snapshot, begin, end};
use super::play::Play;
use crate::base::{HashKey, Random};
use crate::config::Settings;
use crate::keyspace::{Clock, Keyspace, Overdue, Touch};
use crate::memory::{Taking, Walked};
use crate::server::save::Manner;
use crate::value::hash::{Fate, Hash};
use crate::value::{Compound, Rules, Typed};

const CLOCK: Clock = Clock {
    now: 1,
    touch: Touch::Leave,
    overdue: Overdue::Left,
};

const FIELDS: usize = 3_000;

/// Buckets of such a hash are fewer, and more than this many.
const STEPS: usize = FIELDS / 10;

fn hash_of<'a>(keyspace: &'a mut Keyspace, name: &[u8]) -> Option<&'a mut Hash> {
    let key = keyspace.key(name);
    let compound = keyspace.db_mut(0).compound_mut(key, &CLOCK)?;
    Hash::of_mut(compound.expect("it is no string"))
}

fn set(hash: &mut Hash, number: usize, value: &[u8]) {
    let field = format!("field:{number}");
    hash.set(field.as_bytes(), value, Fate::Clear, 1, &Rules::DEFAULT);
}

/// A shard with large hashes of these names, and a snapshot of it.
fn begun(names: &[&[u8]], room: usize) -> (Box<Keyspace>, Snapshot) {
    let mut play = Play::new(0, "");
    for name in names {
        let key = play.keyspace.key(name);
        let mut hash = Hash::default();
        (0..FIELDS).for_each(|number| set(&mut hash, number, b"a value of twenty bytes"));
        let database = play.keyspace.db_mut(0);
        let created = database.compound_or_new(key, &CLOCK, || Compound::from(hash));
        assert!(created.is_ok_and(|compound| compound.can_be_cut(64 << 10)));
    }
    let manner = Arc::new(Manner::of(&Settings::default()));
    let snapshot = begin(std::slice::from_mut(&mut play), &manner, room);
    (play.keyspace, snapshot)
}

/// Walks until the snapshot is whole; how many steps of one bucket that takes.
fn walk(keyspaces: &mut [&mut Keyspace], mut snapshot: Snapshot) -> usize {
    let mut steps = 0;
    while !snapshot.writer.catch_up().expect("nothing fails") {
        for keyspace in &mut *keyspaces {
            if keyspace.is_cut() {
                keyspace.walk_cut(1);
            }
        }
        steps += 1;
        assert!(steps < 100 * FIELDS, "the snapshot comes to no end");
    }
    end(snapshot, &mut Random::new(0));
    steps
}

#[test]
fn who_changes_a_large_value_keeps_a_bucket_of_it() {
    let (mut keyspace, snapshot) = begun(&[b"large"], 1 << 20);
    let before = snapshot.lane.waiting();
    let hash = hash_of(&mut keyspace, b"large").expect("it is there");
    (0..100).for_each(|number| set(hash, number, b"another"));
    // Each change keeps about six fields of 35 bytes at most.
    assert!(snapshot.lane.waiting() - before < 100 * 1_000);
    assert!(walk(&mut [&mut keyspace], snapshot) > STEPS);
}

#[test]
fn a_large_value_that_went_is_kept_before_it_is_freed() {
    let (mut keyspace, snapshot) = begun(&[b"gone", b"renamed", b"over"], 1 << 20);
    let [gone, renamed, new, over] =
        [&b"gone"[..], b"renamed", b"new", b"over"].map(|name| keyspace.key(name));
    let database = keyspace.db_mut(0);
    database.remove(gone, &CLOCK);
    let value = database.take(renamed, &CLOCK).expect("it is there");
    database.put(new, value, &CLOCK);
    database.set(over, b"a text", crate::keyspace::Lifetime::Forever, &CLOCK);
    let waiting = snapshot.lane.waiting();
    assert!(waiting < 10_000, "{waiting} bytes were kept at once");
    // Freeing does not take what is still to be kept.
    while keyspace.free_step(1_000) {}
    assert_eq!(keyspace.unfreed(), 2);
    assert!(walk(&mut [&mut keyspace], snapshot) > 3 * STEPS);
    while keyspace.free_step(1_000) {}
    assert_eq!(keyspace.unfreed(), 0);
}

#[test]
fn a_large_value_that_came_to_another_shard_is_walked_there() {
    let (mut here, snapshot) = begun(&[b"one", b"two"], 1 << 20);
    let mut there = Keyspace::new(1, HashKey([3, 4]));
    for _ in 0..STEPS {
        here.walk_cut(1);
    }
    for name in [b"one", b"two"] {
        let key = here.key(name);
        let value = here.db_mut(0).take(key, &CLOCK).expect("it is there");
        let key = there.key(name);
        assert!(!there.is_cut() || name == b"two");
        there.db_mut(0).put(key, value, &CLOCK);
        assert!(there.is_cut());
    }
    while here.walk_cut(1) != Walked::Over {}
    let hash = hash_of(&mut there, b"one").expect("it is there");
    (0..FIELDS).for_each(|number| set(hash, number, b"another"));
    walk(&mut [&mut here, &mut there], snapshot);
}

#[test]
fn what_flushall_throws_away_is_kept_in_steps_or_at_once() {
    for is_sync in [false, true] {
        let (mut keyspace, snapshot) = begun(&[b"one", b"two"], 1 << 20);
        // One is begun before, and half of it is kept.
        for _ in 0..STEPS / 2 {
            keyspace.walk_cut(1);
        }
        let mut discarded = keyspace.db_mut(0).clear();
        assert!(discarded.is_cut());
        if is_sync {
            drop(discarded);
        } else {
            let mut steps = 0;
            while discarded.free_step(1) {
                steps += 1;
            }
            assert!(steps > STEPS, "{steps}");
        }
        walk(&mut [&mut keyspace], snapshot);
    }
}

#[test]
fn a_snapshot_that_is_given_up_leaves_no_cut_in_a_value() {
    let (mut keyspace, snapshot) = begun(&[b"one", b"two", b"three"], 1 << 20);
    for name in [&b"one"[..], b"two"] {
        let hash = hash_of(&mut keyspace, name).expect("it is there");
        set(hash, 1, b"another");
    }
    let key = keyspace.key(b"two");
    keyspace.db_mut(0).remove(key, &CLOCK);
    drop(snapshot);
    assert_eq!(keyspace.walk_cut(1), Walked::Over);
    assert!(!keyspace.is_cut());
    for name in [&b"one"[..], b"three"] {
        let key = keyspace.key(name);
        let found = keyspace.db(0).peek(key, 1).expect("it is there");
        assert!(found.compound().is_some_and(|compound| !compound.is_cut()));
    }
    while keyspace.free_step(1_000) {}
    assert_eq!(keyspace.unfreed(), 0);
}

#[test]
fn values_that_change_while_another_is_written_do_not_stop_the_walk() {
    // The first key of the list is walked last.
    let names: [&[u8]; 3] = [b"one", b"two", b"three"];
    let (mut keyspace, mut snapshot) = begun(&names, 40_000);
    while !keyspace
        .db(0)
        .peek(keyspace.key(b"one"), 1)
        .is_some_and(|found| found.compound().is_some_and(Compound::is_cut))
    {
        keyspace.walk_cut(1);
        snapshot.writer.catch_up().expect("nothing fails");
    }
    for name in names {
        let hash = hash_of(&mut keyspace, name).expect("it is there");
        (0..FIELDS).for_each(|number| set(hash, number, b"another"));
    }
    // All of it waits, many times its room.
    assert!(keyspace.is_cut_far_behind());
    let found = keyspace.db(0).peek(keyspace.key(b"one"), 1);
    let compound = found
        .and_then(|found| found.compound())
        .expect("it is there");
    assert_eq!(compound.taking(), Some(Taking::MuchLater));
    walk(&mut [&mut keyspace], snapshot);
}
