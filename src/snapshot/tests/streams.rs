//! Streams: payloads of stock, all forms that were ever written, and broken ones.

use crate::snapshot::*;
use crate::value::stream::{Acknowledgement, Group, Id, Stream};
use crate::value::{Compound, Rules};

/// Three entries, 1-1 to 2-0, the first of which is deleted.
const NODE: &[u8] = b"\x38\x00\x00\x00\x16\x00\x02\x01\x01\x01\x01\x01\x81\x61\x02\x00\x01\
    \x03\x01\x00\x01\x00\x01\x01\x01\x04\x01\x02\x01\x00\x01\x01\x01\xc1\x2c\x02\x04\x01\
    \x00\x01\x01\x01\xdf\xff\x02\x01\x01\x81\x62\x02\x81\x78\x02\x06\x01\xff";

fn id(ms: u64, seq: u64) -> Id {
    Id { ms, seq }
}

fn read(kind: Kind, body: &[u8]) -> Result<Stream, Malformed> {
    match read_value(kind, &mut &body[..], &Rules::DEFAULT)? {
        Restored::Compound(Compound::Stream(stream)) => Ok(stream),
        other => panic!("{other:?} is no stream"),
    }
}

/// A body of one node, and what follows it.
fn body(node: &[u8], rest: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![1];
    write_string(&mut out, &id(1, 1).to_bytes(), Compression::Off);
    write_string(&mut out, node, Compression::Off);
    out.extend_from_slice(&rest.concat());
    out
}

/// Length 2, last id 2-0.
const ENTRIES_1: &[u8] = b"\x02\x02\x00";
/// The same with first id, largest deleted id, entries added.
const ENTRIES_2: &[u8] = b"\x02\x02\x00\x01\x02\x01\x01\x03";

/// One id that is pending, 2-0, at time 7, given once.
fn pending() -> Vec<u8> {
    let mut out = vec![1];
    out.extend_from_slice(&id(2, 0).to_bytes());
    out.extend_from_slice(&7_u64.to_le_bytes());
    out.push(1);
    out
}

/// One consumer, `c`, seen at 8, with these bytes behind, and 2-0 pending.
fn consumer(more: &[u8]) -> Vec<u8> {
    let mut out = b"\x01\x01c".to_vec();
    out.extend_from_slice(&8_u64.to_le_bytes());
    out.extend_from_slice(more);
    out.push(1);
    out.extend_from_slice(&id(2, 0).to_bytes());
    out
}

#[test]
fn a_stream_is_read_from_all_its_kinds() {
    let first = body(
        NODE,
        &[ENTRIES_1, b"\x01\x01g\x02\x00", &pending(), &consumer(b"")],
    );
    let group = b"\x01\x01g\x02\x00\x03";
    let second = body(NODE, &[ENTRIES_2, group, &pending(), &consumer(b"")]);
    let active = 9_u64.to_le_bytes();
    let third = body(NODE, &[ENTRIES_2, group, &pending(), &consumer(&active)]);
    for (kind, body, deleted, added, active) in [
        (Kind::Stream1, first, Id::MIN, 2, 8),
        (Kind::Stream2, second, id(1, 1), 3, 8),
        (Kind::Stream3, third, id(1, 1), 3, 9),
    ] {
        let stream = read(kind, &body).expect("the body is whole");
        let history = stream.entries().history();
        assert_eq!(stream.entries().len(), 2, "{kind:?}");
        assert_eq!(history.last_id, id(2, 0), "{kind:?}");
        assert_eq!(history.first_id, id(1, 2), "{kind:?}");
        assert_eq!(history.max_deleted_id, deleted, "{kind:?}");
        assert_eq!(history.added, added, "{kind:?}");
        let group = stream.group(b"g").expect("there is a group");
        assert_eq!(group.entries_read, Some(added), "{kind:?}");
        let consumer = group.consumers().next().expect("there is a consumer");
        assert_eq!(consumer.seen_at, 8, "{kind:?}");
        assert_eq!(consumer.active_at, Some(active), "{kind:?}");
        let (id, given) = group
            .pending(Id::MIN, Id::MAX)
            .next()
            .expect("one is pending");
        assert_eq!((id.ms, given.delivered_at, given.deliveries), (2, 7, 1));
        for end in 0..body.len() {
            assert!(read(kind, &body[..end]).is_err(), "{kind:?} to {end}");
        }
        let mut changed = body.clone();
        for at in 0..body.len() {
            for bit in 0..8 {
                changed[at] ^= 1 << bit;
                if let Ok(stream) = read(kind, &changed) {
                    let len = stream.entries().len();
                    assert_eq!(stream.entries().iter().count() as u64, len);
                }
                changed[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn contradictions_are_refused() {
    let no_groups: &[u8] = b"\x00";
    let check = |rest: &[&[u8]]| {
        let body = body(NODE, rest);
        assert!(read(Kind::Stream2, &body).is_err(), "{rest:x?}");
    };
    assert!(read(Kind::Stream2, &body(NODE, &[ENTRIES_2, no_groups])).is_ok());
    // Another length; a last id before the last entry.
    check(&[b"\x03\x02\x00\x01\x02\x01\x01\x03", no_groups]);
    check(&[b"\x02\x01\x09\x01\x02\x01\x01\x03", no_groups]);
    // Pending at nobody, or at a consumer only; a group, a consumer, an id twice.
    let group: &[u8] = b"\x01\x01g\x02\x00\x03";
    check(&[ENTRIES_2, group, &pending(), b"\x00"]);
    check(&[ENTRIES_2, group, b"\x00", &consumer(b"")]);
    let twice = b"\x02\x01g\x02\x00\x03\x00\x00\x01g\x02\x00\x03\x00\x00";
    check(&[ENTRIES_2, twice]);
    let one = &consumer(b"")[1..];
    check(&[ENTRIES_2, group, &pending(), b"\x02", one, one]);
    let id = &pending()[1..];
    check(&[ENTRIES_2, group, b"\x02", id, id, &consumer(b"")]);
}

#[test]
fn what_is_written_is_read_back() {
    let rules = Rules {
        stream_node_max_entries: 7,
        ..Rules::DEFAULT
    };
    let mut stream = Stream::default();
    for ms in 1..100 {
        let value = ms.to_string();
        let texts = [b"field".as_slice(), value.as_bytes()];
        stream
            .entries_mut()
            .add(id(ms, ms), texts.into_iter(), &rules);
    }
    stream
        .entries_mut()
        .delete([id(3, 3), id(99, 99)].into_iter());
    for name in [b"one".as_slice(), b"two"] {
        stream.add_group(name, Group::new(Id::MIN, None));
        let (entries, group) = stream.group_mut(name).expect("the group is there");
        for (consumer, count) in [(b"a", 10), (b"b", 20)] {
            let consumer = group.add_consumer(consumer, 5);
            group.deliver(entries, consumer, count, Acknowledgement::Expected, 6, drop);
        }
        group.add_consumer(b"idle", 7);
    }
    let compound = Compound::from(stream);
    let mut body = Vec::new();
    write_value(&mut body, Value::from(&compound), Compression::On);
    let again = Compound::from(read(Kind::Stream2, &body).expect("it was just written"));
    let mut other = Vec::new();
    write_value(&mut other, Value::from(&again), Compression::On);
    assert_eq!(body, other);
    let digest = |compound| digest_of(Digest::default(), Value::from(compound), false);
    assert_eq!(digest(&compound), digest(&again));
}
