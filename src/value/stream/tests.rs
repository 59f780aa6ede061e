//! Streams against naive models: entries in a sorted map, and groups that keep
//! what is pending in a list.

use std::collections::BTreeMap;

use super::*;
use crate::base::Random;
use crate::value::Rules;
use crate::value::listpack::Listpack;

/// Small nodes, so that few entries fill many.
const RULES: Rules = Rules {
    stream_node_max_entries: 4,
    stream_node_max_bytes: 120,
    ..Rules::DEFAULT
};

type Texts = Vec<Vec<u8>>;

fn id(ms: u64, seq: u64) -> Id {
    Id { ms, seq }
}

fn add(entries: &mut Entries, id: Id, texts: &[&[u8]], rules: &Rules) {
    entries.add(id, texts.iter().copied(), rules);
}

/// A stream of entries 1-0 to `len`-0 with a field each.
fn stream_of(len: u64, rules: &Rules) -> Stream {
    let mut stream = Stream::default();
    for ms in 1..=len {
        add(stream.entries_mut(), id(ms, 0), &[b"f", b"v"], rules);
    }
    stream
}

fn listed<'a>(walk: impl Iterator<Item = Entry<'a>>) -> Vec<(Id, Texts)> {
    walk.map(|entry| {
        let texts = entry.fields.flat_map(|(field, value)| [field, value]);
        (entry.id, texts.map(|item| item.to_vec()).collect())
    })
    .collect()
}

fn ids(entries: &Entries) -> Vec<u64> {
    entries.iter().map(|entry| entry.id.ms).collect()
}

/// Some fields with values; often the same fields.
fn texts(random: &mut Random) -> Texts {
    let names: &[&str] = match random.below(4) {
        0 => &["a"],
        1 => &["a", "longer", "7"],
        _ => &["a", "b"],
    };
    let value = |random: &mut Random| match random.below(3) {
        0 => random.below(1 << 40).to_string().into_bytes(),
        1 => Vec::new(),
        _ => vec![b'x'; random.below(50) as usize],
    };
    names
        .iter()
        .flat_map(|name| [name.as_bytes().to_vec(), value(random)])
        .collect()
}

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
        assert!(count + of_first > exact, "a node that could go stays");
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

/// The same stream, its nodes written and read.
fn reloaded(stream: &Stream) -> Stream {
    let mut copy = Stream::default();
    for (id, pack) in stream.entries().nodes() {
        let pack = Listpack::from_bytes(pack.bytes().to_vec()).expect("a node is a listpack");
        let pushed = copy.entries_mut().push_saved(id, pack);
        pushed.expect("a node is taken back");
    }
    let (len, history) = (stream.entries().len(), stream.entries().history());
    let is_true = copy.entries_mut().set_saved(len, history);
    is_true.expect("what is said of the nodes is true");
    assert_eq!(copy.entries().history(), history);
    copy
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
fn nodes_have_stocks_bytes() {
    let mut stream = Stream::default();
    let entries = stream.entries_mut();
    add(entries, id(1, 1), &[b"a", b"1"], &Rules::DEFAULT);
    add(entries, id(1, 2), &[b"a", b"300"], &Rules::DEFAULT);
    add(entries, id(2, 0), &[b"b", b"x"], &Rules::DEFAULT);
    entries.delete([id(1, 1)].into_iter());
    let (first, pack) = entries.nodes().next().expect("there is a node");
    assert_eq!(first, id(1, 1));
    let expected = b"\x38\x00\x00\x00\x16\x00\x02\x01\x01\x01\x01\x01\x81\x61\x02\x00\x01\
        \x03\x01\x00\x01\x00\x01\x01\x01\x04\x01\x02\x01\x00\x01\x01\x01\xc1\x2c\x02\x04\x01\
        \x00\x01\x01\x01\xdf\xff\x02\x01\x01\x81\x62\x02\x81\x78\x02\x06\x01\xff";
    assert_eq!(pack.bytes(), expected);
}

#[test]
fn any_change_of_a_nodes_bytes_is_refused_or_harmless() {
    let mut stream = Stream::default();
    let mut random = Random::new(7);
    for ms in 1..12 {
        let texts = texts(&mut random);
        let entries = stream.entries_mut();
        entries.add(id(ms, 0), texts.iter().map(Vec::as_slice), &Rules::DEFAULT);
    }
    stream.entries_mut().delete([id(3, 0)].into_iter());
    let (first, pack) = stream.entries().nodes().next().expect("there is a node");
    for at in 0..pack.byte_len() {
        for flip in [1, 2, 4, 0x40, 0x80, 0xff] {
            let mut bytes = pack.bytes().to_vec();
            bytes[at] ^= flip;
            let Some(pack) = Listpack::from_bytes(bytes) else {
                continue;
            };
            let mut other = Stream::default();
            let entries = other.entries_mut();
            if entries.push_saved(first, pack).is_some() {
                let len = entries.len();
                assert_eq!(entries.iter().count() as u64, len);
                let backward = entries.range(Id::MIN, Id::MAX, Direction::Backward);
                assert_eq!(backward.count() as u64, len);
                let trimmed = entries.trim(Keep::Newest(1), Precision::Exact);
                assert_eq!(trimmed.count, len - 1);
            }
        }
    }
}

/// A group as a list of what is pending: id, consumer, time, count.
#[derive(Default)]
struct ModelGroup {
    last: u64,
    pending: BTreeMap<u64, (u8, u64, u64)>,
}

#[test]
fn what_is_pending_is_what_a_list_says() {
    for seed in 0..30 {
        play_group(seed);
    }
}

fn play_group(seed: u64) {
    let mut random = Random::new(seed);
    let mut stream = Stream::default();
    assert!(stream.add_group(b"g", Group::new(Id::MIN, Some(0))));
    assert!(!stream.add_group(b"g", Group::default()));
    let (mut model, mut alive) = (ModelGroup::default(), Vec::<u64>::new());
    for now in 1..400 {
        let name = b'a' + random.below(3) as u8;
        let some = random.below(now) + 1;
        if random.below(2) == 0 {
            add(stream.entries_mut(), id(now, 0), &[b"f", b"v"], &RULES);
            alive.push(now);
        }
        if random.below(6) == 0 {
            stream.entries_mut().delete([id(some, 0)].into_iter());
            alive.retain(|ms| *ms != some);
        }
        let (entries, group) = stream.group_mut(b"g").expect("the group is there");
        let known = group.find_consumer(&[name]);
        let consumer = known.unwrap_or_else(|| group.add_consumer(&[name], now));
        match random.below(6) {
            0 | 1 => {
                let count = random.below(3) as usize;
                let mut got = Vec::new();
                let expected = Acknowledgement::Expected;
                let show = |entry: Entry<'_>| got.push(entry.id.ms);
                group.deliver(entries, consumer, count, expected, now, show);
                let new = alive.iter().copied().filter(|ms| *ms > model.last);
                assert_eq!(got, new.take(count).collect::<Vec<_>>(), "seed {seed}");
                for ms in got {
                    model.last = ms;
                    model.pending.insert(ms, (name, now, 1));
                }
            }
            2 => {
                let was = model.pending.remove(&some).is_some();
                assert_eq!(group.acknowledge(id(some, 0)), was, "seed {seed}");
            }
            3 => {
                let claim = Claim {
                    consumer,
                    idle_min_ms: random.below(20),
                    delivered_at: now,
                    deliveries: Deliveries::OneMore,
                    force: random.below(4) == 0,
                };
                let claimed = group.claim(entries, id(some, 0), &claim, now);
                let is_alive = alive.contains(&some);
                let pending = model.pending.get(&some).copied();
                let is_old = pending.is_some_and(|(_, at, _)| now - at >= claim.idle_min_ms);
                let is_taken = is_alive && (is_old || claim.force && pending.is_none());
                assert_eq!(
                    matches!(claimed, Claimed::Taken(_)),
                    is_taken,
                    "seed {seed}"
                );
                if is_taken {
                    let count = pending.map_or(1, |(_, _, count)| count) + 1;
                    model.pending.insert(some, (name, now, count));
                } else if !is_alive {
                    model.pending.remove(&some);
                }
            }
            4 if random.below(5) == 0 => {
                let own = model.pending.values().filter(|(own, ..)| *own == name);
                assert_eq!(group.remove_consumer(&[name]), Some(own.count()));
                model.pending.retain(|_, (own, ..)| *own != name);
            }
            _ => {
                let mut got = Vec::new();
                let show = |id: Id, entry: Option<Entry<'_>>| got.push((id.ms, entry.is_some()));
                let after = id(some, 0);
                group.deliver_again(entries, consumer, after, 2, now, show);
                let own = model.pending.iter().filter(|(_, (own, ..))| *own == name);
                let own = own.filter(|(ms, _)| **ms > some).take(2);
                let own: Vec<_> = own.map(|(ms, _)| (*ms, alive.contains(ms))).collect();
                assert_eq!(got, own, "seed {seed}");
                for (ms, _) in own.iter().filter(|(_, is_alive)| *is_alive) {
                    let pending = model.pending.get_mut(ms).expect("it was just there");
                    *pending = (name, now, pending.2 + 1);
                }
            }
        }
        let pending: Vec<_> = group
            .pending(Id::MIN, Id::MAX)
            .map(|(id, pending)| {
                let name = group.consumer(pending.consumer).name()[0];
                (id.ms, (name, pending.delivered_at, pending.deliveries))
            })
            .collect();
        let expected: Vec<_> = model.pending.iter().map(|(ms, own)| (*ms, *own)).collect();
        assert_eq!(pending, expected, "seed {seed}, at {now}");
        let at_consumers: usize = group.consumers().map(Consumer::pending_len).sum();
        assert_eq!(at_consumers, pending.len(), "seed {seed}, at {now}");
    }
}

#[test]
fn claiming_what_is_stale_goes_on_where_it_stopped() {
    let mut stream = stream_of(5, &Rules::DEFAULT);
    stream.add_group(b"g", Group::new(Id::MIN, None));
    stream.entries_mut().delete([id(2, 0)].into_iter());
    let (entries, group) = stream.group_mut(b"g").expect("the group is there");
    let ann = group.add_consumer(b"ann", 0);
    let bob = group.add_consumer(b"bob", 0);
    for ms in 1..=5 {
        let pending = Pending {
            consumer: ann,
            delivered_at: 0,
            deliveries: 1,
        };
        group.assign(id(ms, 0), pending);
    }
    let claim = Claim {
        consumer: bob,
        idle_min_ms: 10,
        delivered_at: 20,
        deliveries: Deliveries::AsBefore,
        force: false,
    };
    let mut taken = Vec::new();
    let mut show = |id: Id, claimed: Claimed<'_>| {
        if let Claimed::Taken(_) = claimed {
            taken.push(id.ms);
        }
    };
    let stale = group.claim_stale(entries, Id::MIN, 3, &claim, 20, &mut show);
    assert_eq!((stale.next, stale.changed), (id(4, 0), 3));
    let stale = group.claim_stale(entries, stale.next, 3, &claim, 20, &mut show);
    assert_eq!((stale.next, stale.changed), (Id::MIN, 2));
    assert_eq!(taken, [1, 3, 4, 5]);
    assert_eq!(group.pending_len(), 4);
}

#[test]
fn a_group_is_freed_in_steps() {
    let mut stream = stream_of(300, &Rules::DEFAULT);
    stream.add_group(b"g", Group::new(Id::MIN, None));
    let (entries, group) = stream.group_mut(b"g").expect("the group is there");
    let consumer = group.add_consumer(b"ann", 0);
    group.deliver(entries, consumer, 300, Acknowledgement::Expected, 0, drop);
    assert!(stream.allocated_bytes() > 300 * 32);
    let mut cut = stream.remove_group(b"g").expect("the group is there");
    assert!(stream.group(b"g").is_none());
    let mut steps = 1;
    while cut.free_step(50) {
        steps += 1;
    }
    assert!((12..16).contains(&steps), "{steps} steps");
    assert_eq!(ids(stream.entries()).len(), 300);
}

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
