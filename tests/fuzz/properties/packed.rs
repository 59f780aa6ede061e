//! The packed forms of any bytes, each judged alone: listpacks, ziplists, zipmaps, sets of
//! integers, LZF. The first byte says which. None panics; a listpack that is taken can be walked
//! both ways, and a stream's node trimmed, saved, read again and emptied; a set of integers is in
//! order, and one after every change; what LZF takes has the length it was said to have.

use basalt::base::lzf;
use basalt::snapshot::{Ziplist, Zipmap};
use basalt::value::listpack::Listpack;
use basalt::value::set::Intset;
use basalt::value::stream::{Direction, Id, Keep, Precision, Stream};

/// A listpack that is taken as a stream's node can be walked, trimmed and emptied, too.
fn use_node(pack: &Listpack) {
    let mut stream = Stream::default();
    let entries = stream.entries_mut();
    if entries.push_saved(FIRST, pack.clone()).is_none() {
        return;
    }
    let ids: Vec<Id> = entries.iter().map(|entry| entry.id).collect();
    let len = ids.len() as u64;
    assert_eq!(entries.len(), len);
    let backward = entries.range(Id::MIN, Id::MAX, Direction::Backward);
    assert!(backward.map(|entry| entry.id).eq(ids.iter().rev().copied()));
    let trimmed = entries.trim(Keep::Newest(len / 2), Precision::Exact);
    assert_eq!(trimmed.count, len - len / 2);
    let (gone, left) = ids.split_at(trimmed.count as usize);
    assert_eq!(entries.delete(gone.iter().copied()), 0);
    if let Some(middle) = left.get(left.len() / 2) {
        let trimmed = entries.trim(Keep::From(*middle), Precision::Exact);
        assert_eq!(trimmed.count, left.len() as u64 / 2);
    }
    assert!(saved_again(&stream).entries().iter().count() as u64 == stream.entries().len());
    let entries = stream.entries_mut();
    let left = entries.len();
    assert_eq!(entries.delete(ids.into_iter()), left);
    assert!(entries.is_empty());
}

/// The same nodes, as they are dumped and restored.
fn saved_again(stream: &Stream) -> Stream {
    let mut again = Stream::default();
    for (id, pack) in stream.entries().nodes() {
        let pack = Listpack::from_bytes(pack.bytes()).expect("it was one");
        let pushed = again.entries_mut().push_saved(id, pack);
        pushed.expect("it was a node");
    }
    again
}

const FIRST: Id = Id { ms: 1, seq: 1 };

/// A set of integers that is taken is one whatever is put in and taken out.
fn use_intset(mut set: Intset) {
    let before: Vec<i64> = set.iter().collect();
    assert!(before.is_sorted_by(|left, right| left < right));
    assert_eq!(before.len(), set.len());
    for integer in [0, -1, i64::from(i16::MAX) + 1, i64::MIN, before[0]] {
        let is_new = !before.contains(&integer);
        assert_eq!(set.contains(integer), !is_new);
        assert_eq!(set.insert(integer), is_new);
        let again = Intset::from_bytes(set.bytes()).expect("it was one");
        assert!(again.contains(integer) && again.iter().eq(set.iter()));
        if is_new {
            assert!(set.remove(integer));
        }
        assert!(set.iter().eq(before.iter().copied()));
    }
}

/// What is decompressed can be compressed, and is the same again.
fn use_lzf(bytes: &[u8]) {
    let Some((len, compressed)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len));
    let Some(text) = lzf::decompress(compressed, len) else {
        return;
    };
    assert_eq!(text.len(), len);
    let mut again = Vec::new();
    if lzf::compress(&text, &mut again) {
        assert_eq!(lzf::decompress(&again, len), Some(text));
    }
}

pub fn check(input: &[u8]) {
    let Some((&which, bytes)) = input.split_first() else {
        return;
    };
    match which % 5 {
        0 => {
            if let Ok(ziplist) = Ziplist::new(bytes) {
                ziplist.for_each(drop);
            }
        }
        1 => {
            if let Ok(zipmap) = Zipmap::new(bytes) {
                zipmap.for_each(drop);
            }
        }
        3 => {
            if let Some(set) = Intset::from_bytes(bytes) {
                use_intset(set);
            }
        }
        4 => use_lzf(bytes),
        _ => {
            if let Some(pack) = Listpack::from_bytes(bytes) {
                assert_eq!(pack.iter().count(), pack.len());
                assert_eq!(pack.iter().rev().count(), pack.len());
                use_node(&pack);
            }
        }
    }
}
