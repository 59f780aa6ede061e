//! Lists against a model, and the limits of their two encodings.

use std::collections::VecDeque;
use std::iter::once;
use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{End, List, Node, Part};
use crate::value::Rules;
use crate::value::listpack::Item;

fn rules(list_max_listpack_size: i64) -> Rules {
    Rules {
        list_max_listpack_size,
        ..Rules::DEFAULT
    }
}

fn texts(list: &List) -> Vec<Vec<u8>> {
    list.walk(End::Front, 0).map(Item::to_vec).collect()
}

fn push(list: &mut List, text: &[u8], rules: &Rules) {
    list.push(End::Back, once(text), rules);
}

/// A change to a list and its model; indexes are taken modulo the length.
#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<Vec<u8>>),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveEqual(usize, End, usize),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..8_i64).prop_map(|number| number.to_string().into_bytes()),
        4 => vec(any::<u8>(), 0..30),
        2 => (0..3000_usize).prop_map(|len| vec![b'm'; len]),
        1 => (4000..9000_usize).prop_map(|len| vec![b'l'; len]),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Front), Just(End::Back)]
}

fn step() -> impl Strategy<Value = Step> {
    let index = || any::<usize>();
    prop_oneof![
        3 => (end(), vec(text(), 1..9)).prop_map(|(end, texts)| Step::Push(end, texts)),
        4 => (index(), text()).prop_map(|(index, text)| Step::Insert(index, text)),
        2 => (index(), text()).prop_map(|(index, text)| Step::Set(index, text)),
        2 => (index(), 0..6_usize).prop_map(|(index, count)| Step::Remove(index, count)),
        1 => (index(), end(), 1..4_usize)
            .prop_map(|(index, end, count)| Step::RemoveEqual(index, end, count)),
    ]
}

fn apply(list: &mut List, model: &mut VecDeque<Vec<u8>>, step: Step, rules: &Rules) {
    let len = model.len();
    match step {
        Step::Push(end, texts) => {
            list.push(end, texts.iter().map(Vec::as_slice), rules);
            for text in texts {
                match end {
                    End::Front => model.push_front(text),
                    End::Back => model.push_back(text),
                }
            }
        }
        Step::Insert(index, text) => {
            let index = index % (len + 1);
            list.insert(index, &text, rules);
            model.insert(index, text);
        }
        Step::Set(index, text) => {
            let index = index % (len + 1);
            assert_eq!(list.set(index, &text, rules), index < len);
            if index < len {
                model[index] = text;
            }
        }
        Step::Remove(index, count) => {
            let index = index % (len + 1);
            drop(list.remove(index, count, rules));
            model.drain(index..(index + count).min(len));
        }
        Step::RemoveEqual(index, end, count_max) => {
            let Some(text) = model.get(index % len.max(1)).cloned() else {
                return;
            };
            let mut places: Vec<_> = (0..len).filter(|&at| model[at] == text).collect();
            if end == End::Back {
                places.reverse();
            }
            places.truncate(count_max);
            places.sort_unstable();
            for &place in places.iter().rev() {
                model.remove(place);
            }
            let removed = list.remove_equal(&text, end, count_max, rules);
            assert_eq!(removed, places.len());
        }
    }
}

/// A list made of the parts of another.
fn copied(list: &List, rules: &Rules) -> List {
    let nodes = list.parts().map(|part| match part {
        Part::Packed(pack) => Node::packed(pack.clone()),
        Part::Plain(text) => Node::plain(text.into()),
    });
    List::from_nodes(nodes, rules)
}

proptest! {
    #[test]
    fn a_list_is_a_deque(
        size in prop_oneof![Just(-1_i64), Just(-2), Just(1), Just(3), Just(128)],
        steps in vec(step(), 0..60),
    ) {
        let rules = rules(size);
        let mut list = List::default();
        let mut model = VecDeque::new();
        for step in steps {
            apply(&mut list, &mut model, step, &rules);
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.is_empty(), model.is_empty());
            prop_assert!(texts(&list).iter().eq(&model));
        }
        for index in 0..model.len() {
            let behind: Vec<_> = list.walk(End::Back, index).map(Item::to_vec).collect();
            prop_assert!(behind.iter().rev().eq(model.iter().take(index + 1)));
            prop_assert!(list.get(index).is_some_and(|item| item.eq_bytes(&model[index])));
        }
        prop_assert!(list.get(model.len()).is_none());
        prop_assert!(texts(&copied(&list, &rules)).iter().eq(&model));
        prop_assert!(texts(&list.clone()).iter().eq(&model));
    }
}

#[test]
fn blocks_are_split_and_joined() {
    // One element a node, so 1,000 of them are four blocks.
    let rules = rules(1);
    let mut list = List::default();
    let mut model = VecDeque::new();
    for number in 0..1000_usize {
        let text = number.to_string().into_bytes();
        let index = number * 7919 % (number + 1);
        list.insert(index, &text, &rules);
        model.insert(index, text);
    }
    assert!(texts(&list).iter().eq(&model));
    let removed = list.remove(100, 700, &rules).expect("many are handed back");
    let expected: Vec<_> = model.drain(100..800).collect();
    assert_eq!(texts(&removed), expected);
    assert!(texts(&list).iter().eq(&model));
    for index in (0..list.len()).rev() {
        assert_eq!(list.get(index).map(Item::to_vec).as_ref(), model.get(index));
    }
}

#[test]
fn a_list_goes_to_a_chain_at_its_limit_and_back_at_half() {
    let rules = rules(4);
    let mut list = List::default();
    for _ in 0..4 {
        push(&mut list, b"x", &rules);
    }
    assert_eq!(list.encoding(), "listpack");
    push(&mut list, b"x", &rules);
    assert_eq!(list.encoding(), "quicklist");
    drop(list.remove(3, 2, &rules));
    assert_eq!((list.len(), list.encoding()), (3, "quicklist"));
    drop(list.remove(0, 1, &rules));
    assert_eq!((list.len(), list.encoding()), (2, "listpack"));
}

#[test]
fn a_text_beyond_the_limit_makes_a_chain_and_its_removal_a_packed_list() {
    let rules = Rules::DEFAULT;
    let mut list = List::default();
    push(&mut list, b"small", &rules);
    push(&mut list, &[b'x'; 8181], &rules);
    assert_eq!(list.encoding(), "quicklist");
    assert!(list.set(1, b"small", &rules));
    assert_eq!(list.encoding(), "listpack");
    push(&mut list, &[b'x'; 9000], &rules);
    assert_eq!(list.encoding(), "quicklist");
    assert_eq!(list.remove_equal(&[b'x'; 9000], End::Back, 1, &rules), 1);
    assert_eq!(list.encoding(), "listpack");
    assert_eq!(texts(&list), [b"small", b"small"]);
}

#[test]
fn elements_take_little_more_than_their_text() {
    let rules = Rules::DEFAULT;
    let mut list = List::default();
    for number in 0..100_000 {
        push(&mut list, format!("element:{number:08}").as_bytes(), &rules);
    }
    let each = list.allocated_bytes() / list.len();
    // 16 bytes of text, a byte before and one behind it.
    assert_eq!(each, 18);
}

#[test]
fn a_long_list_is_reached_cut_and_freed_in_small_steps() {
    let rules = Rules::DEFAULT;
    let mut list = List::default();
    for _ in 0..1000 {
        list.push(End::Back, (0..1000).map(|_| &b"0123456789"[..]), &rules);
    }
    // Generous: an unoptimized build on a busy machine. A walk over all
    // elements takes longer than all of these together.
    let start = Instant::now();
    for index in 0..20 {
        assert!(list.get(index * 50_000 + 1).is_some());
        list.insert(index * 50_000, b"new", &rules);
    }
    let mut removed = list
        .remove(10, 999_000, &rules)
        .expect("many are handed back");
    let taken = start.elapsed();
    assert!(taken.as_millis() < 50, "{taken:?}");
    assert_eq!((list.len(), removed.len()), (1020, 999_000));
    let mut steps = 0;
    while removed.free_step(64) {
        steps += 1;
    }
    assert!(removed.is_empty() && steps > 20, "{steps} steps");
}
