//! Both forms against a sorted vector.

use proptest::prelude::*;

use super::*;
use crate::base::Random;
use crate::value::Rules;
use crate::value::listpack::Listpack;

#[derive(Clone, Debug)]
enum Step {
    Insert(u8, i8),
    Remove(u8),
    RemoveRanks(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<u8>(), -5..5_i8).prop_map(|(member, score)| Step::Insert(member, score)),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => (0..40_usize, 0..6_usize).prop_map(|(at, count)| Step::RemoveRanks(at, count)),
    ]
}

/// Half of the names are numbers, which a packed list stores as such.
fn name(member: u8) -> Vec<u8> {
    if member.is_multiple_of(2) {
        member.to_string().into_bytes()
    } else {
        format!("m{member}").into_bytes()
    }
}

fn all(set: &SortedSet, towards: Towards) -> Vec<(f64, Vec<u8>)> {
    let mut all = Vec::new();
    set.visit(0..set.len(), towards, |score, member| {
        all.push((score, member.to_vec()));
    });
    all
}

fn check(set: &SortedSet, model: &[(f64, Vec<u8>)]) {
    assert_eq!(all(set, Towards::Highest), model);
    let mut back = all(set, Towards::Lowest);
    back.reverse();
    assert_eq!(back, model);
    for (rank, (score, member)) in model.iter().enumerate() {
        assert_eq!(set.rank(member), Some((rank, *score)));
        assert_eq!(set.score(member), Some(*score));
    }
    let below = model.iter().filter(|(score, _)| *score < 0.0).count();
    assert_eq!(set.partition(|score, _| score < 0.0), below);
    let mut scanned = Vec::new();
    let mut next = Some(0);
    while let Some(position) = next {
        next = set.scan(position, |score, member| {
            scanned.push((score, member.to_vec()))
        });
    }
    scanned.sort_by(|one, other| one.partial_cmp(other).expect("scores are numbers"));
    assert_eq!(scanned, model);
}

proptest! {
    #[test]
    fn a_sorted_set_is_a_sorted_vector(
        steps in prop::collection::vec(step(), 0..120),
        entries in prop_oneof![Just(0_usize), Just(16), Just(1000)],
    ) {
        let rules = Rules { zset_max_listpack_entries: entries, ..Rules::DEFAULT };
        let mut set = SortedSet::default();
        let mut model: Vec<(f64, Vec<u8>)> = Vec::new();
        for step in steps {
            match step {
                Step::Insert(member, score) => {
                    let (member, score) = (name(member), f64::from(score) / 2.0);
                    let known = model.iter().position(|(_, own)| *own == member);
                    let before = known.map(|at| model.remove(at).0);
                    prop_assert_eq!(set.insert(&member, score, &rules), before);
                    let item = (score, member);
                    let at = model.partition_point(|own| *own < item);
                    model.insert(at, item);
                }
                Step::Remove(member) => {
                    let member = name(member);
                    let known = model.iter().position(|(_, own)| *own == member);
                    prop_assert_eq!(set.remove(&member), known.map(|at| model.remove(at).0));
                }
                Step::RemoveRanks(at, count) => {
                    let start = at.min(model.len());
                    let end = (at + count).min(model.len());
                    model.drain(start..end);
                    prop_assert_eq!(set.remove_ranks(start..end), end - start);
                }
            }
        }
        check(&set, &model);
        check(&set.clone(), &model);
        if let Some(pack) = set.packed() {
            let read = Listpack::from_bytes(pack.bytes()).expect("it is our own");
            let read = SortedSet::from_packed(read, &rules).expect("it is our own");
            check(&read, &model);
        }
    }
}

/// The set that these make when they are added one after the other.
fn added(members: &[(u8, i8)], rules: &Rules) -> SortedSet {
    let mut set = SortedSet::default();
    for (member, score) in members {
        set.insert(&name(*member), f64::from(*score), rules);
    }
    set
}

proptest! {
    #[test]
    fn a_set_made_at_once_is_the_one_that_is_filled(
        mut members in prop::collection::vec((any::<u8>(), -5..5_i8), 0..120),
        order in 0..3_u8,
        entries in prop_oneof![Just(0_usize), Just(16), Just(1000)],
        longest in prop_oneof![Just(3_usize), Just(64)],
    ) {
        let rules = Rules {
            zset_max_listpack_entries: entries,
            zset_max_listpack_value: longest,
            ..Rules::DEFAULT
        };
        members.sort_by_key(|(member, _)| *member);
        members.dedup_by_key(|(member, _)| *member);
        match order {
            0 => members.sort_by_key(|(_, score)| *score),
            1 => members.sort_by_key(|(_, score)| -*score),
            _ => {}
        }
        let filled = added(&members, &rules);
        let each = |(member, score): &(u8, i8)| Ok::<_, ()>((name(*member), f64::from(*score)));
        let made = SortedSet::collect(members.iter().map(each), members.len() / 2, &rules);
        let made = made.expect("there is no fault").expect("each is there once");
        prop_assert_eq!(made.encoding(), filled.encoding());
        prop_assert_eq!(all_of(&made), all_of(&filled));
        let twice = members.iter().chain(members.first()).map(each);
        let twice = SortedSet::collect(twice, 0, &rules).expect("there is no fault");
        prop_assert_eq!(twice.is_none(), !members.is_empty());
        // A part of it, in either direction.
        let ranks = made.len() / 4..made.len() / 2;
        for towards in [Towards::Highest, Towards::Lowest] {
            let mut filled = SortedSet::default();
            made.visit(ranks.clone(), towards, |score, member| {
                filled.insert(member, score, &rules);
            });
            let part = made.range(ranks.clone(), towards, entries, &rules);
            prop_assert_eq!(part.encoding(), filled.encoding());
            prop_assert_eq!(all_of(&part), all_of(&filled));
        }
    }
}

/// With the signs of zeros.
fn all_of(set: &SortedSet) -> Vec<(u64, Vec<u8>)> {
    let all = all(set, Towards::Highest).into_iter();
    all.map(|(score, member)| (score.to_bits(), member))
        .collect()
}

#[test]
fn a_zero_keeps_its_sign_unless_it_passes_through_the_packed_form() {
    let rules = Rules {
        zset_max_listpack_entries: 3,
        ..Rules::DEFAULT
    };
    let zeros = |count: u8| {
        let members = (0..count).map(|number| Ok::<_, ()>(([number], -0.0)));
        let set = SortedSet::collect(members, 0, &rules);
        set.expect("there is no fault").expect("each is there once")
    };
    let signs = |set: &SortedSet| {
        let all = all(set, Towards::Highest).into_iter();
        all.filter(|(score, _)| score.is_sign_negative()).count()
    };
    assert_eq!((signs(&zeros(3)), signs(&zeros(4))), (0, 4));
    let set = zeros(9);
    let part =
        |count, packed_first| signs(&set.range(0..count, Towards::Lowest, packed_first, &rules));
    assert_eq!((part(3, 0), part(4, 0)), (0, 4));
    // What is added one by one.
    for count in 0..9 {
        let mut one_by_one = SortedSet::default();
        set.visit(0..count, Towards::Lowest, |score, member| {
            one_by_one.insert(member, score, &rules);
        });
        assert_eq!(part(count, 3), signs(&one_by_one), "{count}");
    }
}

#[test]
fn a_set_beyond_a_threshold_is_a_table() {
    let mut set = SortedSet::default();
    for number in 0..128_u32 {
        set.insert(&number.to_le_bytes(), 1.5, &Rules::DEFAULT);
    }
    assert_eq!(set.encoding(), "listpack");
    set.insert(b"one more", 1.5, &Rules::DEFAULT);
    assert_eq!(set.encoding(), "skiplist");
    let mut set = SortedSet::default();
    set.insert(&[b'x'; 64], 1.0, &Rules::DEFAULT);
    assert_eq!(set.encoding(), "listpack");
    set.insert(&[b'x'; 65], 1.0, &Rules::DEFAULT);
    assert_eq!(set.encoding(), "skiplist");
}

#[test]
fn packed_lists_that_are_no_sorted_sets_are_refused() {
    let pack = |texts: &[&str]| {
        let mut pack = Listpack::new();
        texts
            .iter()
            .for_each(|text| pack.push_back(text.as_bytes()));
        SortedSet::from_packed(pack, &Rules::DEFAULT)
    };
    assert!(pack(&["a", "1", "b", "1.5"]).is_some());
    for wrong in [
        &["a"][..],
        &["a", "x"],
        &["a", "nan"],
        &["a", "1", "b"],
        &["b", "1", "a", "1"],
        &["a", "1", "a", "2"],
        &["a", "1", "a", "1"],
    ] {
        assert!(pack(wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn ranks_are_drawn_from_all_of_them() {
    let mut random = Random::new(5);
    let mut set = SortedSet::default();
    assert_eq!(set.draw_rank(&mut random), None);
    for number in 0..10_u8 {
        set.insert(&[number], 0.0, &Rules::DEFAULT);
    }
    let mut drawn = [0; 10];
    for _ in 0..1000 {
        drawn[set.draw_rank(&mut random).expect("it is not empty")] += 1;
    }
    assert!(drawn.iter().all(|&times| times > 50), "{drawn:?}");
}
