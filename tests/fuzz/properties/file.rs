//! RDB files of any bytes: found to be the same whether they come at once or in pieces, and never
//! a panic. A value that is taken is written, read again, and has the same digest. The first byte says how large the pieces are; sums are not looked at, so that they do
//! not stop the fuzzer.

use super::payload::check_value;
use super::rules::RULES;
use basalt::snapshot::{Checksum, FilePart, FileReader};

/// What was found, as texts, how many values of it were taken, and what was wrong in the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub parts: Vec<String>,
    pub values: usize,
    pub fault: Option<String>,
}

fn find(file: &[u8], piece_bytes: usize) -> Found {
    let mut reader = FileReader::new(file.len() as u64, 16, Checksum::Off);
    let mut found = Found::default();
    for piece in file.chunks(piece_bytes) {
        reader.on_bytes(piece);
        loop {
            match reader.next_part() {
                Ok(Some(FilePart::Record(record))) => {
                    found.parts.push(format!("{record:?}"));
                    match record.decode(&RULES) {
                        Ok((_, value)) => {
                            if !value.is_empty() {
                                check_value(&value);
                            }
                            found.values += 1;
                        }
                        Err(fault) => found.parts.push(format!("{fault:?}")),
                    }
                }
                Ok(Some(part)) => found.parts.push(format!("{part:?}")),
                Ok(None) => break,
                Err(fault) => {
                    found.fault = Some(format!("{fault:?}"));
                    return found;
                }
            }
        }
    }
    let fault = reader.on_end().err();
    found.fault = fault.map(|fault| format!("{fault:?}"));
    found
}

/// What is in a file, which is the same in pieces of any size.
pub fn found(file: &[u8], piece_bytes: usize) -> Found {
    let at_once = find(file, file.len().max(1));
    assert_eq!(at_once, find(file, piece_bytes));
    at_once
}

pub fn check(input: &[u8]) {
    if let Some((&piece, file)) = input.split_first() {
        found(file, usize::from(piece) + 1);
    }
}
