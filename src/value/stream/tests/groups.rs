//! Groups: what is pending, claimed and freed.

use std::collections::BTreeMap;

use super::stage::*;
use crate::base::Random;
use crate::value::Rules;
use crate::value::stream::*;

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
