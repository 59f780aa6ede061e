//! Entries against a sorted map.

use std::collections::BTreeMap;

use super::stage::*;
use crate::base::Random;
use crate::value::Rules;
use crate::value::stream::*;

/// What a trim by whole nodes may take: it stops somewhere before the exact
/// one, and never in the middle of a node.
fn check_nodes_trim(stream: &mut Stream, keep: Keep, exact: usize) -> usize {
    let firsts: Vec<Id> = stream.entries().nodes().map(|(id, _)| id).collect();
    let before: Vec<Id> = stream.entries().iter().map(|entry| entry.id).collect();
    let precision = Precision::Nodes { limit: None };
    let count = stream.entries_mut().trim(keep, precision).count as usize;
    assert!(count <= exact);
    let left: Vec<Id> = stream.entries().nodes().map(|(id, _)| id).collect();
    assert!(firsts.ends_with(&left), "only whole nodes go");
    if let Some(next) = left.get(1) {
        let of_first = before[count..].iter().filter(|id| *id < next).count();
        let is_done = count == exact;
        assert!(
            is_done || count + of_first > exact,
            "a node that could go stays"
        );
    }
    count
}

fn play(seed: u64, steps: usize) {
    let mut random = Random::new(seed);
    let (mut stream, mut model) = (Stream::default(), BTreeMap::<Id, Texts>::new());
    let mut clock = 1;
    for step in 0..steps {
        let any = id(random.below(clock + 2), random.below(3));
        match random.below(12) {
            0..6 => {
                clock += random.below(2);
                let texts = texts(&mut random);
                let entries = stream.entries_mut();
                let new = entries
                    .choose_id(WantedId::Now(clock))
                    .expect("ids are left");
                entries.add(new, texts.iter().map(Vec::as_slice), &RULES);
                model.insert(new, texts);
            }
            6 => {
                let count = stream.entries_mut().delete([any].into_iter());
                assert_eq!(count, u64::from(model.remove(&any).is_some()));
            }
            7 => {
                let keep = random.below(40) as usize;
                let exact = model.len().saturating_sub(keep);
                let count = match random.below(2) {
                    0 => {
                        let keep = Keep::Newest(keep as u64);
                        let count = stream.entries_mut().trim(keep, Precision::Exact).count;
                        assert_eq!(count as usize, exact);
                        exact
                    }
                    _ => check_nodes_trim(&mut stream, Keep::Newest(keep as u64), exact),
                };
                model = model.into_iter().skip(count).collect();
            }
            8 => {
                let exact = model.range(..any).count();
                let keep = Keep::From(any);
                let count = match random.below(2) {
                    0 => {
                        let count = stream.entries_mut().trim(keep, Precision::Exact).count;
                        assert_eq!(count as usize, exact);
                        exact
                    }
                    _ => check_nodes_trim(&mut stream, keep, exact),
                };
                model = model.into_iter().skip(count).collect();
            }
            _ => {
                let end = id(random.below(clock + 2), random.below(3));
                let entries = stream.entries();
                let own = |range: (Id, Id)| {
                    let range = (range.0 <= range.1).then(|| model.range(range.0..=range.1));
                    let range = range.into_iter().flatten();
                    range
                        .map(|(id, texts)| (*id, texts.clone()))
                        .collect::<Vec<_>>()
                };
                let forward = listed(entries.range(any, end, Direction::Forward));
                assert_eq!(forward, own((any, end)), "seed {seed}, step {step}");
                let mut backward = listed(entries.range(any, end, Direction::Backward));
                backward.reverse();
                assert_eq!(backward, forward, "seed {seed}, step {step}");
                assert_eq!(entries.contains(any), model.contains_key(&any));
            }
        }
        let entries = stream.entries();
        assert_eq!(
            entries.len(),
            model.len() as u64,
            "seed {seed}, step {step}"
        );
        assert!(entries.nodes.is_sound(), "seed {seed}, step {step}");
        let first = model.keys().next().copied().unwrap_or_default();
        assert_eq!(
            entries.history().first_id,
            first,
            "seed {seed}, step {step}"
        );
        assert_eq!(entries.newest(), model.keys().next_back().copied());
    }
    let all: Vec<_> = model.into_iter().collect();
    assert_eq!(listed(stream.entries().iter()), all, "seed {seed}");
    assert_eq!(
        listed(reloaded(&stream).entries().iter()),
        all,
        "seed {seed}"
    );
}

#[test]
fn entries_are_what_a_sorted_map_has() {
    for seed in 0..40 {
        play(seed, 400);
    }
}

#[test]
fn many_blocks_are_trimmed_and_freed_in_steps() {
    const RULES: Rules = Rules {
        stream_node_max_entries: 2,
        ..Rules::DEFAULT
    };
    let mut stream = stream_of(2000, &RULES);
    assert_eq!(stream.entries().node_count(), 1000);
    let trimmed = stream
        .entries_mut()
        .trim(Keep::Newest(201), Precision::Exact);
    assert_eq!(trimmed.count, 1799);
    assert_eq!(stream.entries().len(), 201);
    assert_eq!(stream.entries().history().first_id, id(1800, 0));
    let mut cut = trimmed
        .cut
        .expect("900 nodes are too many to be freed at once");
    assert!(cut.weight() >= 899);
    let mut steps = 1;
    while cut.free_step(100) {
        steps += 1;
    }
    assert_eq!(steps, 9);
    assert!(stream.entries().nodes.is_sound());
}

#[test]
fn a_limit_stops_before_the_node_that_would_pass_it() {
    let rules = Rules {
        stream_node_max_entries: 3,
        ..Rules::DEFAULT
    };
    let mut stream = stream_of(10, &rules);
    let mut trim = |limit| {
        let precision = Precision::Nodes { limit: Some(limit) };
        let keep = Keep::Newest(0);
        stream.entries_mut().trim(keep, precision).count
    };
    assert_eq!(trim(2), 0);
    assert_eq!(trim(5), 3);
    assert_eq!(trim(7), 7);
}

#[test]
fn a_node_is_closed_by_its_entries_or_its_bytes() {
    let nodes = |entries, bytes, len| {
        let rules = Rules {
            stream_node_max_entries: entries,
            stream_node_max_bytes: bytes,
            ..Rules::DEFAULT
        };
        stream_of(len, &rules).entries().node_count()
    };
    assert_eq!(nodes(100, 4096, 100), 1);
    assert_eq!(nodes(100, 4096, 101), 2);
    assert_eq!(nodes(0, 0, 10_000), 1);
    assert_eq!(nodes(1, 0, 5), 5);
    assert_eq!(nodes(0, 1, 5), 5);
}

#[test]
fn ids_grow_and_end() {
    let mut stream = Stream::default();
    let entries = stream.entries_mut();
    let choose = |entries: &Entries, wanted| entries.choose_id(wanted);
    assert_eq!(choose(entries, WantedId::Of(0)), Ok(id(0, 1)));
    assert_eq!(
        choose(entries, WantedId::Exactly(Id::MIN)),
        Err(IdFault::NotAbove)
    );
    entries.set_history(id(5, u64::MAX), None, None);
    assert_eq!(choose(entries, WantedId::Of(5)), Err(IdFault::NotAbove));
    assert_eq!(choose(entries, WantedId::Of(4)), Err(IdFault::NotAbove));
    assert_eq!(choose(entries, WantedId::Of(6)), Ok(id(6, 0)));
    assert_eq!(choose(entries, WantedId::Now(5)), Ok(id(6, 0)));
    assert_eq!(choose(entries, WantedId::Now(9)), Ok(id(9, 0)));
    entries.set_history(Id::MAX, None, None);
    assert_eq!(choose(entries, WantedId::Now(5)), Err(IdFault::Exhausted));
    assert_eq!(id(3, 0).previous(), Some(id(2, u64::MAX)));
    assert_eq!(id(3, u64::MAX).next(), Some(id(4, 0)));
    assert_eq!((Id::MIN.previous(), Id::MAX.next()), (None, None));
    assert_eq!(Id::from_bytes(id(7, 9).to_bytes()), id(7, 9));
}

/// Bytes as stock 7.0.15 dumps them: `XADD s 1-1 a 1`, `XADD s 1-2 a 300`,
/// `XADD s 2-0 b x`, `XDEL s 1-1`.
#[test]
fn the_radix_tree_is_as_large_as_that_of_stock() {
    let nodes = |ids: &[Id]| radix::nodes_over(ids.iter().copied());
    assert_eq!(nodes(&[]), 1);
    assert_eq!(nodes(&[id(1, 0)]), 2);
    // A way to where they part, that place, and for each a way and a leaf.
    assert_eq!(nodes(&[id(3, 1), id(5, 2)]), 6);
    // They part at the last byte: no way leads to a leaf.
    assert_eq!(nodes(&[id(3, 1), id(3, 2)]), 4);
    assert_eq!(nodes(&[id(3, 1), id(3, 2), id(3, 3)]), 5);
    assert_eq!(nodes(&[id(3, 1), id(3, 2), id(4, 0)]), 8);
    assert_eq!(nodes(&[id(3, 1), id(4, 0), id(4, 1)]), 8);
    // And here at the first.
    assert_eq!(nodes(&[id(0, 1), id(u64::MAX, 2)]), 5);
}

#[test]
fn a_count_of_added_entries_begins_again_behind_the_last_number() {
    let mut stream = stream_of(1, &Rules::DEFAULT);
    let entries = stream.entries_mut();
    entries.set_history(id(1, 0), Some(u64::MAX), None);
    add(entries, id(2, 0), &[b"f", b"v"], &Rules::DEFAULT);
    assert_eq!(entries.history().added, 0);
}
