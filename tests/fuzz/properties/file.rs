//! RDB files of any bytes: found to be the same whether they come at once or in pieces, and never
//! a panic. The first byte says how large the pieces are; sums are not looked at, so that they do
//! not stop the fuzzer.

use super::rules::RULES;
use basalt::snapshot::{Checksum, FilePart, FileReader};

/// What was found, as texts, and what was wrong in the end.
fn parts(file: &[u8], piece_bytes: usize) -> (Vec<String>, Option<String>) {
    let mut reader = FileReader::new(file.len() as u64, 16, Checksum::Off);
    let mut found = Vec::new();
    for piece in file.chunks(piece_bytes) {
        reader.on_bytes(piece);
        loop {
            match reader.next_part() {
                Ok(Some(FilePart::Record(record))) => {
                    found.push(format!("{record:?}"));
                    match record.decode(&RULES) {
                        Ok(value) => drop(value),
                        Err(fault) => found.push(format!("{fault:?}")),
                    }
                }
                Ok(Some(part)) => found.push(format!("{part:?}")),
                Ok(None) => break,
                Err(fault) => return (found, Some(format!("{fault:?}"))),
            }
        }
    }
    let fault = reader.on_end().err();
    (found, fault.map(|fault| format!("{fault:?}")))
}

pub fn check(input: &[u8]) {
    let Some((&piece, file)) = input.split_first() else {
        return;
    };
    let at_once = parts(file, file.len().max(1));
    let in_pieces = parts(file, usize::from(piece) + 1);
    assert_eq!(at_once, in_pieces);
}
