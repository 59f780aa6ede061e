//! The packed forms of any bytes, each judged alone: listpacks, ziplists, zipmaps. The first byte
//! says which. None panics; a listpack that is taken can be walked both ways.

#![no_main]

use basalt::snapshot::{Ziplist, Zipmap};
use basalt::value::listpack::Listpack;
use libfuzzer_sys::fuzz_target;

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
            }
        }
    }
});
