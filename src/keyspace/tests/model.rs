//! Random runs against a sorted map, and walks while keys come and go.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::stage::{Stage, scaled};
use crate::keyspace::{ExpireCursor, Lifetime, OwnedContent};
use crate::memory::INLINE_MAX;

fn text_of(content: &OwnedContent) -> Vec<u8> {
    match content {
        OwnedContent::Int(number) => number.to_string().into_bytes(),
        OwnedContent::Text(text) => text.to_vec(),
        OwnedContent::Compound(_) => panic!("only strings were set"),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, Value, Life),
    Number(u16, i64),
    Append(u16, Value),
    Deadline(u16, Option<u64>),
    Remove(u16),
    /// Take from one key, put to another.
    Move(u16, u16),
    Copy(u16, u16),
    Pass(u64),
    Expire(usize),
    Fill(u16, u16),
    Drain(u16, u16),
    Clear,
    Scan(usize),
}

#[derive(Clone, Debug)]
struct Value(Vec<u8>);

#[derive(Clone, Copy, Debug)]
enum Life {
    Keep,
    Forever,
    For(u64),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => proptest::collection::vec(any::<u8>(), 0..90),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => (INLINE_MAX - 2..INLINE_MAX + 3).prop_map(|len| vec![b'x'; len]),
        1 => (100..3000usize).prop_map(|len| vec![b'y'; len]),
    ]
    .prop_map(Value)
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..64u16;
    let life = prop_oneof![
        Just(Life::Keep),
        Just(Life::Forever),
        (1..200u64).prop_map(Life::For)
    ];
    prop_oneof![
        6 => (key(), value(), life).prop_map(|(key, value, life)| Step::Set(key, value, life)),
        1 => (key(), any::<i64>()).prop_map(|(key, number)| Step::Number(key, number)),
        2 => (key(), value()).prop_map(|(key, tail)| Step::Append(key, tail)),
        2 => (key(), proptest::option::of(1..200u64)).prop_map(|(key, ms)| Step::Deadline(key, ms)),
        3 => key().prop_map(Step::Remove),
        1 => (key(), key()).prop_map(|(from, to)| Step::Move(from, to)),
        1 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => (1..60u64).prop_map(Step::Pass),
        1 => (1..40usize).prop_map(Step::Expire),
        2 => (0..2000u16, 1..300u16).prop_map(|(from, count)| Step::Fill(from, count)),
        2 => (0..2000u16, 1..600u16).prop_map(|(from, count)| Step::Drain(from, count)),
        1 => Just(Step::Clear),
        3 => (1..60usize).prop_map(Step::Scan),
    ]
}

/// What a database should hold: value, deadline.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// A walk in progress: which keys it owes, which it has shown.
#[derive(Default)]
struct Walk {
    cursor: u64,
    owed: BTreeSet<Vec<u8>>,
}

struct Pair {
    real: Stage,
    model: Model,
    walk: Walk,
    /// Keys are `{t}N`, all in one slot, or `key:N`.
    is_one_slot: bool,
}

impl Pair {
    fn name(&self, number: u16) -> Vec<u8> {
        let prefix = if self.is_one_slot { "{t}" } else { "key:" };
        format!("{prefix}{number}").into_bytes()
    }

    fn settle(&mut self) {
        let now = self.real.clock.now;
        self.model
            .retain(|_, (_, deadline)| deadline.is_none_or(|deadline| now <= deadline));
        let model = &self.model;
        self.walk.owed.retain(|key| model.contains_key(key));
    }

    fn put(&mut self, name: Vec<u8>, value: Vec<u8>, deadline: Option<u64>) {
        self.model.insert(name, (value, deadline));
    }

    fn apply(&mut self, step: &Step) {
        let clock = self.real.clock;
        match step {
            Step::Set(key, Value(value), life) => {
                let name = self.name(*key);
                let kept = self.model.get(&name).and_then(|(_, deadline)| *deadline);
                let (lifetime, deadline) = match life {
                    Life::Keep => (Lifetime::Keep, kept),
                    Life::Forever => (Lifetime::Forever, None),
                    Life::For(ms) => (Lifetime::Until(clock.now + ms), Some(clock.now + ms)),
                };
                if value.len() % 2 == 0 {
                    self.real.set_for(&name, value, lifetime);
                } else {
                    let key = self.real.keyspace.key(&name);
                    let db = self.real.keyspace.db_mut(0);
                    db.set_owned(key, value.clone(), lifetime, &clock);
                }
                self.put(name, value.clone(), deadline);
            }
            Step::Number(key, number) => {
                let name = self.name(*key);
                let key = self.real.keyspace.key(&name);
                self.real
                    .db()
                    .set_int(key, *number, Lifetime::Forever, &clock);
                self.put(name, number.to_string().into_bytes(), None);
            }
            Step::Append(key, Value(tail)) => {
                let name = self.name(*key);
                self.real.append(&name, tail);
                self.model
                    .entry(name)
                    .or_insert((Vec::new(), None))
                    .0
                    .extend(tail);
            }
            Step::Deadline(key, ms) => {
                let name = self.name(*key);
                let deadline = ms.map(|ms| clock.now + ms);
                let key = self.real.keyspace.key(&name);
                let was = self.real.db().set_deadline(key, deadline, &clock);
                let expected = self.model.get_mut(&name).map(|held| held.1 = deadline);
                assert_eq!(was, expected.is_some());
            }
            Step::Remove(key) => self.remove(*key),
            Step::Move(from, to) | Step::Copy(from, to) => {
                let (from, to) = (self.name(*from), self.name(*to));
                let (key, target) = (self.real.keyspace.key(&from), self.real.keyspace.key(&to));
                let db = self.real.keyspace.db_mut(0);
                let taken = if matches!(step, Step::Move(..)) {
                    let expected = self.model.remove(&from);
                    (db.take(key, &clock), expected)
                } else {
                    (db.copy_of(key, &clock), self.model.get(&from).cloned())
                };
                let (Some(owned), Some(held)) = taken else {
                    assert!(taken.0.is_none() && taken.1.is_none());
                    return;
                };
                assert_eq!((text_of(&owned.content), owned.deadline), held);
                db.put(target, owned, &clock);
                self.model.insert(to, held);
            }
            Step::Pass(ms) => self.real.clock.now += ms,
            Step::Expire(buckets) => {
                let mut cursor = ExpireCursor::default();
                self.real
                    .db()
                    .expire_step(&mut cursor, *buckets, &clock, |_| {});
            }
            Step::Fill(from, count) => {
                for number in *from..from + count {
                    let name = self.name(number);
                    self.real.set(&name, &name);
                    self.put(name.clone(), name, None);
                }
            }
            Step::Drain(from, count) => (*from..from + count).for_each(|key| self.remove(key)),
            Step::Clear => {
                let mut discarded = self.real.db().clear();
                while discarded.free_step(3) {}
                self.model.clear();
            }
            Step::Scan(count) => self.scan(*count),
        }
    }

    fn remove(&mut self, key: u16) {
        let name = self.name(key);
        assert_eq!(self.real.remove(&name), self.model.remove(&name).is_some());
    }

    fn scan(&mut self, count: usize) {
        let clock = self.real.clock;
        if self.walk.cursor == 0 {
            self.walk.owed = self.model.keys().cloned().collect();
        }
        let (model, owed) = (&self.model, &mut self.walk.owed);
        self.walk.cursor =
            self.real
                .keyspace
                .db(0)
                .scan(self.walk.cursor, count, &clock, |found| {
                    assert!(model.contains_key(found.key()));
                    owed.remove(found.key());
                });
        if self.walk.cursor == 0 {
            assert!(
                self.walk.owed.is_empty(),
                "never visited: {:?}",
                self.walk.owed
            );
        }
    }

    fn compare(&mut self) {
        let clock = self.real.clock;
        for (name, (value, deadline)) in &self.model {
            let key = self.real.keyspace.key(name);
            let found = self.real.keyspace.db_mut(0).find(key, &clock);
            let found = found.expect("the model has it");
            assert_eq!(
                found.text().expect("only strings were set").to_vec(),
                *value
            );
            assert_eq!(found.deadline(), *deadline);
        }
        let mut cursor = ExpireCursor::default();
        let all = usize::MAX;
        self.real.db().expire_step(&mut cursor, all, &clock, |_| {});
        let volatile = self
            .model
            .values()
            .filter(|(_, deadline)| deadline.is_some())
            .count();
        let db = self.real.db();
        assert_eq!(db.len(), self.model.len());
        assert_eq!(db.expires_len(), volatile);
        let mut seen = BTreeSet::new();
        let cursor = db.scan(0, usize::MAX, &clock, |found| {
            assert!(seen.insert(found.key().to_vec()), "visited twice at rest");
        });
        assert_eq!(cursor, 0);
        assert!(seen.iter().eq(self.model.keys()));
        let by_slot: usize = (0..16_384).map(|slot| db.slot_len(slot)).sum();
        assert_eq!(by_slot, self.model.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(300, 3) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_database_does_what_a_sorted_map_does(
        is_one_slot: bool,
        steps in proptest::collection::vec(step(), 1..scaled(60, 20)),
    ) {
        let mut pair = Pair { real: Stage::new(), model: Model::new(), walk: Walk::default(), is_one_slot };
        for step in &steps {
            pair.settle();
            pair.apply(step);
            pair.settle();
        }
        pair.compare();
    }

}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: scaled(60, 2) as u32,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Keys that stay are shown once at least while others come and go.
    #[test]
    fn a_scan_shows_every_key_that_stays(
        staying in 1..scaled(400, 40) as u32,
        grown in 0..scaled(20, 3),
        count in 1..50usize,
        is_shrinking: bool,
    ) {
        let mut stage = Stage::new();
        let name = |kind: &str, number: u32| format!("{{t}}{kind}{number}").into_bytes();
        let crowd = if is_shrinking { scaled(4000, 300) as u32 } else { 0 };
        (0..staying).for_each(|number| stage.set(&name("stays", number), b"1"));
        (0..crowd).for_each(|number| stage.set(&name("goes", number), b"1"));
        let (mut cursor, mut shown, mut next) = (0, BTreeSet::new(), crowd);
        loop {
            let clock = stage.clock;
            cursor = stage.db().scan(cursor, count, &clock, |found| {
                shown.insert(found.key().to_vec());
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..grown * 10 {
                if is_shrinking {
                    next = next.saturating_sub(1);
                    stage.remove(&name("goes", next));
                } else {
                    stage.set(&name("comes", next), b"1");
                    next += 1;
                    if next > 20_000 { break; }
                }
            }
            if next > 20_000 { break; }
        }
        if cursor == 0 {
            prop_assert!((0..staying).all(|number| shown.contains(&name("stays", number))));
        }
    }
}
