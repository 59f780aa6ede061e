//! Nodes in stock's bytes, as they are saved, spent and read again.

use super::stage::*;
use crate::base::Random;
use crate::value::Rules;
use crate::value::listpack::{Item, Listpack};
use crate::value::stream::*;

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
            let Some(pack) = Listpack::from_bytes(&bytes) else {
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

/// A node that stock saves as well, with each number in more bytes than it needs.
fn wide(pack: &Listpack) -> Vec<u8> {
    let mut bytes = vec![0; 6];
    for item in pack.iter() {
        match item {
            Item::Int(number) => {
                bytes.push(0xf3);
                bytes.extend((number as i32).to_le_bytes());
                bytes.push(5);
            }
            Item::Text(text) => {
                bytes.push(0x80 | text.len() as u8);
                bytes.extend(text);
                bytes.push(1 + text.len() as u8);
            }
        }
    }
    bytes.push(0xff);
    let total = bytes.len() as u32;
    bytes[..4].copy_from_slice(&total.to_le_bytes());
    bytes[4..6].copy_from_slice(&(pack.len() as u16).to_le_bytes());
    bytes
}

#[test]
fn a_node_of_wide_numbers_is_trimmed_as_any_other() {
    let stream = stream_of(5, &Rules::DEFAULT);
    let (first, pack) = stream.entries().nodes().next().expect("there is a node");
    let mut other = Stream::default();
    let entries = other.entries_mut();
    let wide = Listpack::from_bytes(&wide(pack)).expect("it is a listpack");
    entries.push_saved(first, wide).expect("it is a node");
    assert_eq!(entries.trim(Keep::Newest(2), Precision::Exact).count, 3);
    assert_eq!(entries.delete([id(5, 0)].into_iter()), 1);
    assert_eq!(ids(entries), [4]);
}

/// A stream of 1-0, which is deleted by a trim, and 9-0, which was by name.
fn spent() -> Stream {
    let mut stream = Stream::default();
    let entries = stream.entries_mut();
    add(entries, id(1, 0), &[b"f", b"v"], &Rules::DEFAULT);
    add(entries, id(9, 0), &[b"f", b"v"], &Rules::DEFAULT);
    entries.delete([id(9, 0)].into_iter());
    let trimmed = entries.trim(Keep::From(id(5, 0)), Precision::Exact);
    assert_eq!(trimmed.count, 1);
    stream
}

#[test]
fn a_node_stays_that_a_trim_has_spent() {
    let stream = spent();
    assert_eq!(stream.entries().node_count(), 1);
    assert_eq!(stream.entries().newest(), None);
    let mut stream = reloaded(&stream);
    let entries = stream.entries_mut();
    assert_eq!(entries.node_count(), 1);
    // A trim to a length that there is looks at nothing.
    assert_eq!(entries.trim(Keep::Newest(0), Precision::Exact).count, 0);
    assert_eq!(entries.node_count(), 1);
    add(entries, id(10, 0), &[b"f", b"v"], &Rules::DEFAULT);
    assert_eq!((ids(entries), entries.node_count()), (vec![10], 1));
    assert_eq!(
        entries.trim(Keep::From(id(11, 0)), Precision::Exact).count,
        1
    );
    assert_eq!(entries.node_count(), 0);
}

#[test]
fn ids_are_given_again_where_only_deleted_entries_have_them() {
    // 1-0 is left, 9-0 deleted, and forgotten; then the last id goes back.
    let mut stream = stream_of(1, &Rules::DEFAULT);
    let entries = stream.entries_mut();
    add(entries, id(9, 0), &[b"f", b"v"], &Rules::DEFAULT);
    entries.delete([id(9, 0)].into_iter());
    entries.set_history(id(3, 0), None, Some(id(1, 0)));
    for ms in [4, 9, 12] {
        add(entries, id(ms, 0), &[b"f", b"v"], &Rules::DEFAULT);
    }
    let mut stream = reloaded(&stream);
    let entries = stream.entries_mut();
    assert_eq!(ids(entries), [1, 4, 9, 12]);
    for ms in [4, 9] {
        let walk = |direction| entries.range(id(ms, 0), id(ms, 0), direction).count();
        assert_eq!(
            (walk(Direction::Forward), walk(Direction::Backward)),
            (1, 1)
        );
        assert_eq!(entries.delete([id(ms, 0)].into_iter()), 1);
    }
    assert_eq!(ids(entries), [1, 12]);
    // A spent node does not stand before ids that are given again.
    let mut stream = spent();
    let entries = stream.entries_mut();
    entries.set_history(id(0, 5), None, Some(id(0, 1)));
    add(entries, id(0, 7), &[b"f", b"v"], &Rules::DEFAULT);
    assert_eq!(entries.delete([id(0, 7)].into_iter()), 1);
    assert!(entries.nodes.is_sound());
}
