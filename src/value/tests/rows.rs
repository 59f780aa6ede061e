//! Cuts of lists and streams: the nodes come as they stood at the cut, whatever changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::base::Random;
use crate::memory::{Taking, Walked};
use crate::value::list::{End, List, Part};
use crate::value::stream::{Id, Keep, Precision, Stream, WantedId};
use crate::value::{Compound, CutElement, KeepElements, Rules};

const RULES: Rules = Rules {
    list_max_listpack_size: 2,
    stream_node_max_entries: 2,
    ..Rules::DEFAULT
};

/// Nodes, as bytes.
type Nodes = Vec<Vec<u8>>;

#[derive(Default)]
struct Kept {
    nodes: Nodes,
    aside: BTreeMap<u32, Vec<u8>>,
    has_ended: bool,
    taking: Option<Taking>,
}

struct Keeper(Arc<Mutex<Kept>>);

fn bytes(element: CutElement<'_>) -> Vec<u8> {
    match element {
        CutElement::Part(Part::Packed(pack)) => pack.bytes().to_vec(),
        CutElement::Part(Part::Plain(text)) => text.to_vec(),
        CutElement::Node(id, pack) => [&id.to_bytes()[..], pack.bytes()].concat(),
        other => panic!("{other:?} is no node"),
    }
}

impl KeepElements for Keeper {
    fn keep(&mut self, element: CutElement<'_>) {
        self.0
            .lock()
            .expect("no test panics with it")
            .nodes
            .push(bytes(element));
    }

    fn aside(&mut self, number: u32, element: CutElement<'_>) {
        let twice = self
            .0
            .lock()
            .expect("no test panics with it")
            .aside
            .insert(number, bytes(element));
        assert!(twice.is_none(), "a node is kept once");
    }

    fn recall(&mut self, number: u32) {
        let kept = &mut *self.0.lock().expect("no test panics with it");
        kept.nodes.extend(kept.aside.remove(&number));
    }

    fn begin_walk(&mut self) {}

    fn taking(&self) -> Taking {
        self.0
            .lock()
            .expect("no test panics with it")
            .taking
            .unwrap_or(Taking::Now)
    }

    fn end(self: Box<Self>) {
        self.0.lock().expect("no test panics with it").has_ended = true;
    }
}

fn nodes_of(value: &Compound) -> Nodes {
    match value {
        Compound::List(list) => list
            .parts()
            .map(|part| bytes(CutElement::Part(part)))
            .collect(),
        Compound::Stream(stream) => {
            let nodes = stream.entries().nodes();
            nodes
                .map(|(id, pack)| bytes(CutElement::Node(id, pack)))
                .collect()
        }
        _ => panic!("it is no row of nodes"),
    }
}

fn begin(value: &mut Compound) -> Arc<Mutex<Kept>> {
    let kept = Arc::new(Mutex::new(Kept::default()));
    value.begin_cut(Box::new(Keeper(Arc::clone(&kept))));
    kept
}

/// Changes a list a little; `shrinks` in a hundred changes take something off.
fn change_list(list: &mut List, dice: &mut Random, shrinks: u64) {
    let text = dice.below(30).to_string().into_bytes();
    let end = if dice.below(2) == 0 {
        End::Front
    } else {
        End::Back
    };
    let at = dice.below(list.len() as u64 + 1) as usize;
    if dice.below(100) < shrinks {
        let count = match dice.below(40) {
            0 => dice.below(2_000) as usize,
            _ => 1 + dice.below(5) as usize,
        };
        match dice.below(60) {
            0 => drop(list.remove_equal(&text, end, usize::MAX, &RULES)),
            1..10 => drop(list.remove_equal(&text, end, 1, &RULES)),
            10..20 => drop(list.remove(0, count, &RULES)),
            20..30 => drop(list.remove(list.len().saturating_sub(count), count, &RULES)),
            _ => drop(list.remove(at, count, &RULES)),
        }
    } else {
        match dice.below(8) {
            0 => list.push(end, [&vec![b'l'; 9_000][..]].into_iter(), &RULES),
            1 | 2 => list.insert(at, &text, &RULES),
            3 | 4 => drop(list.set(at, &text, &RULES)),
            _ => list.push(end, [&text[..]].into_iter(), &RULES),
        }
    }
}

fn change_stream(stream: &mut Stream, dice: &mut Random, shrinks: u64) {
    let entries = stream.entries_mut();
    let last = entries.history().last_id;
    if dice.below(100) < shrinks {
        let id = Id {
            ms: dice.below(last.ms + 1),
            seq: 0,
        };
        let most = if dice.below(40) == 0 { 1_000 } else { 3 };
        let count = dice.below(most);
        let keep = match dice.below(4) {
            0 => Keep::From(id.min(Id { ms: 300, seq: 0 })),
            _ => Keep::Newest(entries.len().saturating_sub(count)),
        };
        match dice.below(5) {
            0 => drop(entries.trim(keep, Precision::Exact)),
            1 => drop(entries.trim(keep, Precision::Nodes { limit: None })),
            2 => entries.set_history(entries.newest().unwrap_or_default(), None, None),
            _ => drop(entries.delete([id].into_iter())),
        }
    } else {
        let id = entries
            .choose_id(WantedId::Now(last.ms + 1))
            .expect("ids are left");
        entries.add(id, [&b"f"[..], b"v"].into_iter(), &RULES);
    }
}

fn change(value: &mut Compound, dice: &mut Random, shrinks: u64) {
    match value {
        Compound::List(list) => change_list(list, dice, shrinks),
        Compound::Stream(stream) => change_stream(stream, dice, shrinks),
        _ => panic!("it is no row of nodes"),
    }
}

fn play(seed: u64) {
    let dice = &mut Random::new(seed);
    let mut value: Compound = match seed % 2 {
        0 => List::default().into(),
        _ => Stream::default().into(),
    };
    for _ in 0..4 {
        let before = dice.below(if cfg!(miri) { 40 } else { 3_000 });
        (0..before).for_each(|_| change(&mut value, dice, 20));
        if dice.below(4) == 0 {
            // One that is given up, half-way or not begun.
            let kept = begin(&mut value);
            (0..dice.below(200)).for_each(|_| change(&mut value, dice, 50));
            value.walk_cut(dice.below(100) as usize);
            (0..dice.below(200)).for_each(|_| change(&mut value, dice, 50));
            kept.lock().expect("no test panics with it").taking = Some(Taking::NoMore);
            while dice.below(4) > 0 && value.is_cut() {
                value.walk_cut(1);
            }
        }
        let expected = nodes_of(&value);
        let kept = begin(&mut value);
        let (pace, shrinks) = (dice.below(30), dice.below(100));
        while value.is_cut() {
            (0..pace).for_each(|_| change(&mut value, dice, shrinks));
            match dice.below(1_000) {
                0 => value = List::default().into(),
                1 => drop(value.clone()),
                _ => drop(value.walk_cut(1 + dice.below(3) as usize)),
            }
        }
        let kept = &mut *kept.lock().expect("no test panics with it");
        // A packed list is not cut.
        assert!(kept.has_ended || expected.len() <= 1, "seed {seed}");
        assert!(kept.aside.is_empty(), "seed {seed} recalls all");
        if kept.has_ended {
            assert!(kept.nodes == expected, "seed {seed}: the nodes are others");
        }
    }
}

#[test]
fn nodes_come_as_they_stood_whatever_changes() {
    let seeds = if cfg!(miri) { 4 } else { 400 };
    (0..seeds).for_each(play);
}

#[test]
fn who_changes_a_list_copies_a_node_of_it() {
    let mut value: Compound = List::default().into();
    let Compound::List(list) = &mut value else {
        panic!("it was just made");
    };
    (0..20_000)
        .for_each(|at: u32| list.push(End::Back, [&at.to_le_bytes()[..]].into_iter(), &RULES));
    let expected = nodes_of(&value);
    let kept = begin(&mut value);
    let Compound::List(list) = &mut value else {
        panic!("it was just made");
    };
    list.set(9_000, b"x", &RULES);
    list.push(End::Front, [&b"x"[..]].into_iter(), &RULES);
    list.insert(12_001, b"x", &RULES);
    // What is cut out of it is not copied, but two nodes at its ends.
    let removed = list.remove(2_001, 5_000, &RULES);
    assert!(
        removed.is_some_and(|removed| removed.is_empty()),
        "it is kept"
    );
    list.remove(3, list.len(), &RULES);
    assert!(kept.lock().expect("no test panics with it").aside.len() <= 10);
    let mut steps = 0;
    while value.walk_cut(1) != Walked::Over {
        steps += 1;
    }
    assert!(steps >= expected.len());
    assert!(kept.lock().expect("no test panics with it").nodes == expected);
}

#[test]
fn a_cut_that_is_given_up_frees_what_it_kept_in_steps() {
    let mut value: Compound = List::default().into();
    (0..20_000).for_each(|_| change(&mut value, &mut Random::new(1), 0));
    let kept = begin(&mut value);
    let Compound::List(list) = &mut value else {
        panic!("it was just made");
    };
    list.remove(1, 100_000, &RULES);
    kept.lock().expect("no test panics with it").taking = Some(Taking::Later);
    assert_eq!(value.walk_cut(1), Walked::Waits);
    let again = begin(&mut value);
    let mut steps = 0;
    while value.walk_cut(1) != Walked::Over {
        steps += 1;
    }
    assert!(steps > 20, "{steps}");
    assert_eq!(
        again.lock().expect("no test panics with it").nodes,
        nodes_of(&value)
    );
}
