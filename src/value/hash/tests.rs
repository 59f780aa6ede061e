//! Hashes against a naive model, and the limits of their forms.

use std::collections::BTreeMap;

use super::{Fate, Hash};
use crate::base::Random;
use crate::value::Rules;

const RULES: Rules = Rules {
    hash_max_listpack_entries: 8,
    ..Rules::DEFAULT
};

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

/// What is alive, in order.
fn listed(hash: &Hash, now: u64) -> Vec<(Vec<u8>, Vec<u8>, Option<u64>)> {
    let mut all = Vec::new();
    hash.each_with_deadline(now, |field, value, deadline| {
        all.push((field.to_vec(), value.to_vec(), deadline));
    });
    all.sort();
    all
}

fn play(seed: u64, fields: u64, steps: usize) {
    let mut random = Random::new(seed);
    let (mut hash, mut model) = (Hash::default(), Model::new());
    let mut now = 1000;
    for step in 0..steps {
        let field = format!("f{}", random.below(fields)).into_bytes();
        let value = format!("{}", random.below(500)).into_bytes();
        now += random.below(3);
        model.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline >= now));
        let told = match random.below(10) {
            0..4 => {
                let is_new = model.insert(field.clone(), (value.clone(), None)).is_none();
                hash.set(&field, &value, Fate::Clear, now, &RULES) == is_new
            }
            4 => {
                let deadline = model.get(&field).and_then(|(_, deadline)| *deadline);
                let is_new = model
                    .insert(field.clone(), (value.clone(), deadline))
                    .is_none();
                hash.set(&field, &value, Fate::Keep, now, &RULES) == is_new
            }
            5 if step > steps / 3 => {
                let deadline = now + random.below(40);
                let known = model.get_mut(&field);
                let is_there = known.map(|known| known.1 = Some(deadline)).is_some();
                hash.set_deadline(&field, Fate::Until(deadline), now, &RULES) == is_there
            }
            6 => {
                hash.sweep(now, 3, |_| {});
                true
            }
            _ => hash.remove(&field, now) == model.remove(&field).is_some(),
        };
        assert!(told, "seed {seed}, step {step}");
        let expected: Vec<_> = model
            .iter()
            .map(|(field, (value, deadline))| (field.clone(), value.clone(), *deadline))
            .collect();
        assert_eq!(listed(&hash, now), expected, "seed {seed}, step {step}");
        if step % 30 == 0 {
            let mut copy = hash.clone();
            assert_eq!(listed(&copy, now), expected, "seed {seed}, step {step}");
            assert_eq!(copy.next_deadline(), hash.next_deadline());
            // The copy's fields end by themselves.
            while copy.is_due(now + 100) {
                copy.sweep(now + 100, 5, |_| {});
            }
            assert!(!copy.has_deadlines() && listed(&hash, now) == expected);
        }
        let got = hash.get(&field, now).map(|value| value.to_vec());
        let wanted = model.get(&field).map(|(value, _)| value.clone());
        assert_eq!(got, wanted, "seed {seed}, step {step}");
        let earliest = model.values().filter_map(|(_, deadline)| *deadline).min();
        if let Some(earliest) = earliest {
            let told = hash.next_deadline().expect("a field has a deadline");
            assert!(told <= earliest, "seed {seed}, step {step}");
        }
    }
}

#[test]
fn a_hash_is_what_a_sorted_map_is() {
    for seed in 0..20 {
        play(seed, 6, 300);
        play(seed, 200, 600);
    }
}

fn numbered(len: u64) -> Hash {
    let mut hash = Hash::default();
    for number in 0..len {
        let field = number.to_string();
        hash.set(field.as_bytes(), b"v", Fate::Clear, 0, &RULES);
    }
    hash
}

#[test]
fn a_hash_that_was_given_room_is_the_one_that_is_filled() {
    for len in [0, 1, 8, 9, 10, 500] {
        let mut hash = Hash::with_room(len, &RULES);
        for number in 0..len as u64 {
            let field = number.to_string();
            assert!(hash.set(field.as_bytes(), b"v", Fate::Clear, 0, &RULES));
        }
        let filled = numbered(len as u64);
        assert_eq!(hash.encoding(), filled.encoding(), "{len}");
        assert_eq!(listed(&hash, 0), listed(&filled, 0), "{len}");
    }
}

#[test]
fn the_form_changes_beyond_each_limit() {
    assert_eq!(numbered(8).encoding(), "listpack");
    assert_eq!(numbered(9).encoding(), "hashtable");
    let mut hash = numbered(1);
    hash.set(b"f", &[b'x'; 64], Fate::Clear, 0, &RULES);
    assert_eq!(hash.encoding(), "listpack");
    hash.set(&[b'x'; 65], b"v", Fate::Clear, 0, &RULES);
    assert_eq!(hash.encoding(), "hashtable");
    let mut hash = numbered(1);
    hash.set_deadline(b"0", Fate::Until(5), 0, &RULES);
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn a_field_lives_through_its_last_millisecond() {
    let mut hash = numbered(1);
    assert!(hash.set_deadline(b"0", Fate::Until(5), 0, &RULES));
    assert!(hash.get(b"0", 5).is_some() && !hash.is_due(5));
    assert!(hash.get(b"0", 6).is_none() && hash.is_due(6));
    assert!(!hash.remove(b"0", 6));
}

#[test]
fn a_sweep_in_steps_takes_out_all_that_is_due() {
    let mut hash = numbered(1000);
    for number in 0..1000_u64 {
        let deadline = if number % 2 == 0 { 10 } else { 20 + number };
        let field = number.to_string();
        hash.set_deadline(field.as_bytes(), Fate::Until(deadline), 0, &RULES);
    }
    let mut removed = 0;
    for _ in 0..1000 {
        removed += hash.sweep(11, 1, |_| {});
    }
    assert_eq!((removed, hash.len()), (500, 500));
    assert_eq!(hash.next_deadline(), Some(21));
    assert_eq!(hash.sweep(100_000, 10_000, |_| {}), 500);
    assert!(hash.is_empty() && hash.next_deadline().is_none());
}

#[test]
fn every_field_is_drawn_about_as_often() {
    for len in [8, 100] {
        let hash = numbered(len);
        let mut random = Random::new(3);
        let mut drawn = BTreeMap::new();
        for _ in 0..len * 1000 {
            let (field, _) = hash.draw(0, &mut random).expect("it is not empty");
            *drawn.entry(field.to_vec()).or_insert(0) += 1;
        }
        assert_eq!(drawn.len(), len as usize);
        assert!(drawn.values().all(|times| (850..1150).contains(times)));
    }
}

#[test]
fn distinct_fields_are_distinct_and_alive() {
    let mut random = Random::new(5);
    for (len, count) in [(8, 3), (100, 10), (100, 90), (100, 200), (5, 0)] {
        let mut hash = numbered(len);
        let drawn = hash.draw_distinct(count, 0, &mut random);
        let mut names: Vec<_> = drawn.iter().map(|(field, _)| field.to_vec()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count.min(len as usize));
        hash.set_deadline(b"0", Fate::Until(5), 0, &RULES);
        let alive = hash.draw_distinct(len as usize, 6, &mut random);
        assert!(alive.iter().all(|(field, _)| !field.eq_bytes(b"0")));
        assert_eq!(alive.len(), len as usize - 1);
    }
}
