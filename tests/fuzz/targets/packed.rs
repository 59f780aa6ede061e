//! The packed forms of any bytes, each judged alone: listpacks, ziplists, zipmaps. The first byte
//! says which. None panics; a listpack that is taken can be walked both ways,
//! as can a stream's node.

#![no_main]

use basalt::snapshot::{Ziplist, Zipmap};
use basalt::value::listpack::Listpack;
use basalt::value::stream::{Direction, Id, Stream};
use libfuzzer_sys::fuzz_target;

/// A listpack that is taken as a stream's node can be walked, too.
fn walk_node(pack: Listpack) {
    let mut stream = Stream::default();
    let entries = stream.entries_mut();
    if entries.push_saved(Id { ms: 1, seq: 1 }, pack).is_some() {
        let len = entries.len();
        for direction in [Direction::Forward, Direction::Backward] {
            let walk = entries.range(Id::MIN, Id::MAX, direction);
            assert_eq!(walk.count() as u64, len);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&which, bytes)) = input.split_first() else {
        return;
    };
    match which % 3 {
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
        _ => {
            if let Some(pack) = Listpack::from_bytes(bytes.to_vec()) {
                assert_eq!(pack.iter().count(), pack.len());
                assert_eq!(pack.iter().rev().count(), pack.len());
                walk_node(pack);
            }
        }
    }
});
