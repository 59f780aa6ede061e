//! Promises one by one.

use std::collections::BTreeMap;

use super::stage::{Stage, at, scaled};
use crate::base::Random;
use crate::keyspace::{Evictor, ExpireCursor, Lifetime, Overdue, Policy, View};
use crate::value::sorted_set::SortedSet;
use crate::value::{Rules, Typed};

#[test]
fn a_slot_grows_past_segments_and_shrinks_to_nothing() {
    let mut stage = Stage::new();
    let keys = scaled(40_000, 60) as u32;
    let name = |number: u32| format!("{{t}}{number}").into_bytes();
    let before = crate::memory::used_memory();
    for number in 0..keys {
        stage.set(&name(number), &number.to_le_bytes());
    }
    for number in 0..keys {
        assert_eq!(stage.get(&name(number)), Some(number.to_le_bytes().into()));
    }
    assert_eq!(
        stage.db().slot_len(crate::base::slot_of(b"t")),
        keys as usize
    );
    for number in (0..keys).rev().step_by(2).chain((0..keys).rev()) {
        stage.remove(&name(number));
    }
    assert!(stage.db().is_empty());
    assert!(before > 0);
}

#[test]
fn an_expired_key_is_gone_and_counted() {
    let mut stage = Stage::new();
    stage.set_for(b"k", b"v", Lifetime::Until(2_000));
    stage.clock = at(2_000);
    assert_eq!(stage.get(b"k"), Some(b"v".to_vec()));
    stage.clock = at(2_001);
    assert_eq!(stage.get(b"k"), None);
    assert_eq!((stage.db().len(), stage.keyspace.expired_keys()), (0, 1));
}

#[test]
fn an_expired_key_is_left_and_not_found_while_clients_are_paused() {
    let mut stage = Stage::new();
    stage.set_for(b"k", b"v", Lifetime::Until(2_000));
    stage.clock = at(2_001);
    stage.clock.overdue = Overdue::Left;
    let (key, clock) = (stage.keyspace.key(b"k"), stage.clock);
    assert_eq!(stage.get(b"k"), None);
    assert!(!stage.db().has(key, &clock));
    assert_eq!((stage.db().len(), stage.keyspace.expired_keys()), (1, 0));
    // Who writes finds its place free.
    stage.set(b"k", b"w");
    assert_eq!(stage.get(b"k"), Some(b"w".to_vec()));
    assert_eq!((stage.db().len(), stage.keyspace.expired_keys()), (1, 1));
}

#[test]
fn a_walk_ends_after_so_many_keys_also_where_their_time_has_come() {
    let mut stage = Stage::new();
    for number in 0..50_u8 {
        stage.set_for(&[b't', number], b"v", Lifetime::Until(2_000));
    }
    stage.clock = at(2_001);
    let clock = stage.clock;
    let cursor = stage.db().scan(0, 10, &clock, |_| {});
    assert_ne!(cursor, 0, "it went through all of them");
}

#[test]
fn an_expired_key_does_not_lend_its_lifetime() {
    let mut stage = Stage::new();
    stage.set_for(b"k", b"v", Lifetime::Until(2_000));
    stage.clock = at(3_000);
    stage.set_for(b"k", b"w", Lifetime::Keep);
    let key = stage.keyspace.key(b"k");
    let clock = stage.clock;
    let found = stage.db().find(key, &clock).expect("it was just set");
    assert_eq!(found.deadline(), None);
}

#[test]
fn encodings_are_those_of_stock() {
    let mut stage = Stage::new();
    let cases: [(&[u8], &str); 6] = [
        (b"12", "int"),
        (b"-9223372036854775808", "int"),
        (b"012", "embstr"),
        (&[b'a'; 44], "embstr"),
        (&[b'a'; 45], "raw"),
        (&[b'a'; 5000], "raw"),
    ];
    for (value, encoding) in cases {
        stage.set(b"k", value);
        assert_eq!(stage.encoding(b"k"), encoding);
    }
    stage.set(b"k", b"1");
    stage.append(b"k", b"2");
    assert_eq!(stage.encoding(b"k"), "raw");
    assert_eq!(stage.get(b"k"), Some(b"12".to_vec()));
    stage.append(b"new", b"x");
    assert_eq!(stage.encoding(b"new"), "raw");
}

#[test]
fn a_long_text_moves_without_a_copy() {
    let mut stage = Stage::new();
    let text = vec![b'x'; 100_000];
    let address = text.as_ptr();
    let (one, two) = (stage.keyspace.key(b"one"), stage.keyspace.key(b"two"));
    let clock = stage.clock;
    stage.db().set_owned(one, text, Lifetime::Forever, &clock);
    assert!(stage.db().set_deadline(one, Some(9_000), &clock));
    let owned = stage.db().take(one, &clock).expect("it was just set");
    assert_eq!(owned.deadline, Some(9_000));
    stage.db().put(two, owned, &clock);
    stage.db().edit(two, &clock, 0, 0..1, |text| text[0] = b'y');
    let found = stage.db().find(two, &clock).expect("it was just put");
    let Some(View::Text(text)) = found.text() else {
        panic!("a long text is a text");
    };
    assert_eq!((text.as_ptr(), text[0]), (address, b'y'));
    assert!(found.bytes() > 100_000);
}

#[test]
fn memory_usage_counts_the_classes_of_the_allocator() {
    let mut stage = Stage::new();
    stage.set(b"key:1234567", &[b'x'; 64]);
    let key = stage.keyspace.key(b"key:1234567");
    assert_eq!(stage.db().entry_bytes(key, 0), Some(80 + 11));
}

#[test]
fn a_cleared_database_is_empty_at_once_and_freed_in_steps() {
    let mut stage = Stage::new();
    let keys = scaled(5_000, 300) as u32;
    for number in 0..keys {
        stage.set_for(&number.to_le_bytes(), b"v", Lifetime::Until(9_000));
    }
    let mut discarded = stage.db().clear();
    assert!(stage.db().is_empty());
    stage.set(b"k", b"v");
    let mut steps = 0;
    while discarded.free_step(10) {
        steps += 1;
    }
    assert!(steps > 10);
    assert_eq!(stage.db().len(), 1);
}

#[test]
fn what_was_cut_out_of_a_value_is_freed_in_steps_wherever_it_goes() {
    let mut stage = Stage::new();
    let (one, two) = (stage.keyspace.key(b"one"), stage.keyspace.key(b"two"));
    let (clock, rules) = (stage.clock, Rules::DEFAULT);
    let members = scaled(5_000, 500) as u32;
    let mut set = SortedSet::default();
    for number in 0..members {
        set.insert(&number.to_le_bytes(), f64::from(number), &rules);
    }
    stage
        .db()
        .set_compound(one, set.into(), Lifetime::Forever, &clock);
    let compound = stage.db().compound_mut(one, &clock);
    let compound = compound.and_then(Result::ok).expect("it was just set");
    let set = SortedSet::of_mut(compound).expect("it is a sorted set");
    set.remove_ranks(1..set.len() / 2);
    assert!(compound.is_mending());
    assert!(!stage.db().prune(one));
    let owned = stage.db().take(one, &clock).expect("it is there");
    stage.db().put(two, owned, &clock);
    let mut steps = 0;
    while stage.keyspace.free_step(10) {
        steps += 1;
    }
    assert!(steps > members / 2 / 10 - 128 / 10, "{steps}");
    let compound = stage.db().compound_mut(two, &clock);
    let compound = compound.and_then(Result::ok).expect("it has moved");
    assert!(!compound.is_mending() && !compound.is_empty());
}

#[test]
fn every_key_is_drawn_by_chance() {
    let mut stage = Stage::new();
    let mut random = Random::new(3);
    let clock = stage.clock;
    assert!(stage.db().random(&mut random, &clock).is_none());
    for number in 0..40 {
        stage.set(format!("key:{number}").as_bytes(), b"v");
    }
    stage.set_for(b"due", b"v", Lifetime::Until(10));
    let mut drawn = BTreeMap::new();
    for _ in 0..scaled(8_000, 200) {
        let found = stage.db().random(&mut random, &clock);
        let key = found.expect("forty keys are alive").key().to_vec();
        *drawn.entry(key).or_insert(0) += 1;
    }
    if !cfg!(miri) {
        assert_eq!(drawn.len(), 40);
        assert!(
            drawn.values().all(|times| (100..320).contains(times)),
            "{drawn:?}"
        );
    }
}

#[test]
fn expiry_removes_all_that_is_due_and_nothing_else() {
    let mut stage = Stage::new();
    let keys = scaled(3_000, 100) as u64;
    for number in 0..keys {
        let deadline = 2_000 + number % 2 * 5_000;
        stage.set_for(&number.to_le_bytes(), b"v", Lifetime::Until(deadline));
        stage.set(format!("key:{number}").as_bytes(), b"v");
    }
    stage.clock = at(3_000);
    let (mut cursor, clock) = (ExpireCursor::default(), stage.clock);
    let mut removed = 0;
    loop {
        let progress = stage
            .db()
            .expire_step(&mut cursor, 7, &clock, |_| removed += 1);
        if progress.is_round {
            break;
        }
        assert_eq!(progress.buckets, 7);
    }
    assert_eq!(removed, keys / 2);
    assert_eq!(stage.db().expires_len() as u64, keys / 2);
    assert_eq!(stage.db().expired(), keys / 2);
    assert_eq!(stage.db().len() as u64, keys + keys / 2);
}

#[test]
fn names_of_policies_are_read_back() {
    for policy in Policy::ALL {
        assert_eq!(Policy::parse(policy.name().as_bytes()), Some(policy));
    }
    assert_eq!(Policy::parse(b"ALLKEYS-LRU"), Some(Policy::AllkeysLru));
    assert_eq!(Policy::parse(b"lru"), None);
}

#[test]
fn the_evictor_prefers_the_old_the_rare_and_the_due() {
    let mut stage = Stage::new();
    let mut random = Random::new(5);
    let keys = scaled(1_000, 60) as u64;
    for number in 0..keys {
        stage.clock = at(1_000_000 + number * 1_000);
        let deadline = Lifetime::Until(1 << 40 | number);
        stage.set_for(format!("{number}").as_bytes(), b"v", deadline);
    }
    stage.clock = at(1_000_000 + keys * 1_000);
    let clock = stage.clock;
    for policy in Policy::ALL {
        let mut evictor = Evictor::default();
        let mut sum = 0;
        for _ in 0..20 {
            let picked = evictor.pick(policy, &stage.keyspace, &clock, 5, &mut random);
            let Some((0, key)) = picked else {
                assert_eq!((policy, picked), (Policy::NoEviction, None));
                continue;
            };
            let number = std::str::from_utf8(&key).expect("keys are numbers");
            sum += number.parse::<u64>().expect("keys are numbers");
        }
        let is_ordered = matches!(
            policy,
            Policy::AllkeysLru | Policy::VolatileLru | Policy::VolatileTtl
        );
        if is_ordered && !cfg!(miri) {
            assert!(sum / 20 < keys / 4, "{policy:?} picked {}", sum / 20);
        }
    }
}

#[test]
fn databases_are_swapped_whole() {
    let mut stage = Stage::new();
    stage.set(b"k", b"v");
    stage.keyspace.swap(0, 1);
    assert_eq!(stage.get(b"k"), None);
    assert_eq!(stage.keyspace.db(1).len(), 1);
}
