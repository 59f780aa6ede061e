//! Sets beside a model that sorts texts, and integers beside stock's bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Intset, Set, difference, intersection};
use crate::base::Random;
use crate::value::Rules;

/// Rules under which a few members go through all forms.
const TIGHT: Rules = Rules {
    set_max_intset_entries: 6,
    set_max_listpack_entries: 4,
    set_max_listpack_value: 3,
    ..Rules::DEFAULT
};

fn set_of(members: &[&str], rules: &Rules) -> Set {
    let mut set = Set::default();
    for member in members {
        set.insert(member.as_bytes(), rules);
    }
    set
}

fn texts(set: &Set) -> BTreeSet<Vec<u8>> {
    set.iter().map(|item| item.to_vec()).collect()
}

#[track_caller]
fn check_encoding(members: &[&str], encoding: &str) {
    assert_eq!(set_of(members, &TIGHT).encoding(), encoding, "{members:?}");
}

#[test]
fn the_form_follows_the_members() {
    check_encoding(&["1", "2", "3", "4", "5", "6"], "intset");
    check_encoding(&["1", "2", "3", "4", "5", "6", "7"], "hashtable");
    check_encoding(&["1", "2", "3", "a"], "listpack");
    check_encoding(&["1", "2", "3", "4", "a"], "hashtable");
    check_encoding(&["a", "b", "c", "1"], "listpack");
    check_encoding(&["a", "b", "c", "d", "e"], "hashtable");
    check_encoding(&["abc"], "listpack");
    check_encoding(&["abcd"], "hashtable");
    check_encoding(&["1", "abcd"], "hashtable");
    // An integer may be longer than a packed text, until it is to be packed.
    check_encoding(&["1234"], "intset");
    check_encoding(&["1234", "a"], "hashtable");
    check_encoding(&["-123", "a"], "hashtable");
}

#[test]
fn many_members_at_once_decide_the_first_form() {
    let check = |len: usize, encoding: &str| {
        let mut set = Set::default();
        let added = set.extend(vec![b"1".as_slice(); len].into_iter(), &TIGHT);
        assert_eq!((added, set.len()), (1, 1));
        assert_eq!(set.encoding(), encoding, "{len} members");
    };
    check(1, "intset");
    check(6, "intset");
    check(7, "hashtable");
    let mut packed = set_of(&["a"], &TIGHT);
    packed.extend([b"a".as_slice(); 4].into_iter(), &TIGHT);
    assert_eq!(packed.encoding(), "listpack");
    packed.extend([b"a".as_slice(); 5].into_iter(), &TIGHT);
    assert_eq!(packed.encoding(), "hashtable");
}

#[test]
fn integers_are_kept_as_stock_keeps_them() {
    let mut integers = Intset::default();
    assert!(integers.insert(2) && integers.insert(-1) && !integers.insert(2));
    assert_eq!(integers.bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 2, 0]);
    assert!(integers.insert(65_536));
    assert_eq!(integers.bytes()[..8], [4, 0, 0, 0, 3, 0, 0, 0]);
    assert!(integers.insert(i64::MIN));
    assert_eq!(integers.bytes()[..8], [8, 0, 0, 0, 4, 0, 0, 0]);
    assert_eq!(
        integers.iter().collect::<Vec<_>>(),
        [i64::MIN, -1, 2, 65_536]
    );
    assert!(integers.remove(i64::MIN) && !integers.remove(i64::MIN));
    assert_eq!(integers.bytes()[0], 8, "the width only grows");
}

#[test]
fn bytes_that_are_no_set_of_integers_are_refused() {
    let check = |bytes: &[u8], is_valid: bool| {
        let set = Intset::from_bytes(bytes);
        assert_eq!(set.is_some(), is_valid, "{bytes:?}");
    };
    check(&[2, 0, 0, 0, 1, 0, 0, 0, 7, 0], true);
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 7, 0, 8, 0], true);
    check(&[4, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0], true);
    // Empty, out of order, twice the same, cut off, too long, of another width.
    check(&[], false);
    check(&[2, 0, 0, 0], false);
    check(&[2, 0, 0, 0, 0, 0, 0, 0], false);
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 8, 0, 7, 0], false);
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 7, 0, 7, 0], false);
    check(&[2, 0, 0, 0, 1, 0, 0, 0, 7], false);
    check(&[2, 0, 0, 0, 1, 0, 0, 0, 7, 0, 8, 0], false);
    check(&[3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0], false);
    check(&[0, 0, 0, 0, 1, 0, 0, 0], false);
    check(&[2, 1, 0, 0, 1, 0, 0, 0, 7, 0], false);
    check(&[8, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], false);
}

/// Every member of a set of `len` comes up about as often as any other.
#[track_caller]
fn check_fair(len: usize, mut draw: impl FnMut(&Set, &mut Random, &mut dyn FnMut(Vec<u8>))) {
    for prefix in ["", "m"] {
        let mut set = Set::default();
        for number in 0..len {
            set.insert(format!("{prefix}{number}").as_bytes(), &Rules::DEFAULT);
        }
        let mut random = Random::new(7);
        let mut counts = vec![0_u32; len];
        let mut drawn = 0;
        while drawn < len * 400 {
            draw(&set, &mut random, &mut |text| {
                let text = String::from_utf8(text).expect("written above");
                let number: usize = text[prefix.len()..].parse().expect("written above");
                counts[number] += 1;
                drawn += 1;
            });
        }
        let expected = drawn as f64 / len as f64;
        let chi_square: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - expected).powi(2) / expected)
            .sum();
        // Its mean is len - 1, its deviation the root of twice that: five of them.
        let limit = len as f64 + 5.0 * (2.0 * len as f64).sqrt();
        assert!(
            chi_square < limit,
            "{len} members {prefix}0…, {}: {chi_square} is not below {limit}",
            set.encoding()
        );
    }
}

#[test]
fn every_member_is_drawn_about_as_often() {
    for len in [10, 100, 600] {
        check_fair(len, |set, random, drawn| {
            drawn(set.draw(random).expect("it is not empty").to_vec());
        });
    }
}

#[test]
fn every_member_is_among_several_drawn_about_as_often() {
    for (len, count) in [(10, 3), (100, 40), (600, 50), (600, 400)] {
        check_fair(len, |set, random, drawn| {
            let mut all = BTreeSet::new();
            set.draw_distinct(count, random, |item| {
                assert!(all.insert(item.to_vec()), "drawn twice");
                drawn(item.to_vec());
            });
            assert_eq!(all.len(), count);
        });
    }
}

#[test]
fn every_member_is_taken_about_as_often() {
    for (len, count) in [(10, 1), (10, 3), (100, 40), (600, 50)] {
        check_fair(len, |set, random, drawn| {
            let mut rest = set.clone();
            rest.take(count, random, |item| drawn(item.to_vec()));
            assert_eq!(rest.len(), len - count);
        });
    }
}

#[test]
fn a_walk_meets_what_stays_while_the_set_grows_and_shrinks() {
    let mut set = Set::default();
    for number in 0..100 {
        set.insert(format!("stays{number}").as_bytes(), &Rules::DEFAULT);
    }
    let mut met = BTreeSet::new();
    let mut next = Some(0);
    let mut step = 0;
    while let Some(position) = next {
        next = set.scan(position, |item| {
            met.insert(item.to_vec());
        });
        for number in 0..20 {
            let member = format!("comes{}", step * 20 + number);
            if step % 20 < 10 {
                set.insert(member.as_bytes(), &Rules::DEFAULT);
            } else {
                set.remove(format!("comes{}", (step - 10) * 20 + number).as_bytes());
            }
        }
        step += 1;
    }
    let stays = met.iter().filter(|member| member.starts_with(b"stays"));
    assert_eq!(stays.count(), 100);
}

#[test]
fn freeing_in_steps_comes_to_an_end() {
    let mut set = Set::default();
    for number in 0..5000 {
        set.insert(format!("m{number}").as_bytes(), &Rules::DEFAULT);
    }
    let mut steps = 0;
    while set.free_step(100) {
        steps += 1;
    }
    assert!(set.is_empty() && steps > 20, "{steps} steps");
}

fn members() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("-?[0-9]{1,5}|[a-c]{0,4}", 0..30)
}

fn model_of(members: &[String]) -> (Set, BTreeSet<Vec<u8>>) {
    let mut set = Set::default();
    let mut model = BTreeSet::new();
    for member in members {
        let is_new = set.insert(member.as_bytes(), &TIGHT);
        assert_eq!(is_new, model.insert(member.clone().into_bytes()));
    }
    (set, model)
}

proptest! {
    #[test]
    fn members_are_those_of_a_sorted_set(added in members(), removed in members()) {
        let (mut set, mut model) = model_of(&added);
        for member in &removed {
            prop_assert_eq!(set.contains(member.as_bytes()), model.contains(member.as_bytes()));
            prop_assert_eq!(set.remove(member.as_bytes()), model.remove(member.as_bytes()));
        }
        prop_assert_eq!(set.len(), model.len());
        prop_assert_eq!(set.is_empty(), model.is_empty());
        if let Some(integers) = set.as_intset().filter(|set| !set.is_empty()) {
            let read_back = Intset::from_bytes(integers.bytes());
            prop_assert_eq!(read_back.as_ref(), Some(integers));
        }
        prop_assert_eq!(texts(&set.clone()), texts(&set));
        prop_assert_eq!(texts(&set), model);
    }

    #[test]
    fn a_set_made_of_others_has_the_form_of_its_members_added(left in members(), right in members(), removed in members()) {
        let (mut left, right) = (model_of(&left), model_of(&right));
        // A table that has become small is one no more in what is made of it.
        for member in &removed {
            left.0.remove(member.as_bytes());
        }
        let added = |sets: &[&Set]| {
            let mut set = Set::default();
            sets.iter().flat_map(|set| set.iter()).for_each(|item| {
                set.insert_item(item, &TIGHT);
            });
            set
        };
        let check = |made: &Set, sets: &[&Set]| {
            let added = added(sets);
            assert_eq!(texts(made), texts(&added), "{sets:?}");
            assert_eq!(made.encoding(), added.encoding(), "{sets:?}");
        };
        let (left, right, none) = (&left.0, &right.0, &Set::default());
        check(&Set::union(&[left], &TIGHT), &[left]);
        check(&Set::union(&[left, right, left], &TIGHT), &[left, right]);
        check(&Set::union(&[none, left], &TIGHT), &[left]);
        check(&Set::of_difference(left, &[], &TIGHT), &[left]);
        prop_assert_eq!(texts(&Set::of_intersection(vec![left], &TIGHT)), texts(left));
        let mut given_room = Set::with_room(left.len(), &TIGHT);
        left.iter().for_each(|item| {
            given_room.insert_item(item, &TIGHT);
        });
        check(&given_room, &[left]);
    }

    #[test]
    fn sets_are_combined_as_sorted_sets_are(left in members(), right in members(), third in members()) {
        let (left, right, third) = (model_of(&left), model_of(&right), model_of(&third));
        let sets = vec![&left.0, &right.0, &third.0];
        let common: BTreeSet<Vec<u8>> =
            left.1.iter().filter(|text| right.1.contains(*text) && third.1.contains(*text)).cloned().collect();
        let found: Vec<Vec<u8>> = intersection(sets.clone()).map(|item| item.to_vec()).collect();
        prop_assert_eq!(found.len(), common.len());
        prop_assert_eq!(texts(&Set::of_intersection(sets.clone(), &TIGHT)), common);
        let only_left: BTreeSet<Vec<u8>> =
            left.1.iter().filter(|text| !right.1.contains(*text) && !third.1.contains(*text)).cloned().collect();
        let found: Vec<Vec<u8>> =
            difference(&left.0, &sets[1..], &TIGHT).map(|item| item.to_vec()).collect();
        prop_assert_eq!(found.len(), only_left.len());
        prop_assert_eq!(texts(&Set::of_difference(&left.0, &sets[1..], &TIGHT)), only_left);
        let all: BTreeSet<Vec<u8>> = left.1.iter().chain(&right.1).chain(&third.1).cloned().collect();
        prop_assert_eq!(texts(&Set::union(&sets, &TIGHT)), all);
    }
}
