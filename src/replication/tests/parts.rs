//! Histories, transfers and units, each by itself.

use proptest::prelude::*;

use crate::replication::Unsorted;
use crate::replication::history::{History, Resume};
use crate::replication::id::ReplicationId;
use crate::replication::transfer::{Framing, Part, Transfer};
use crate::replication::units::Units;

fn id(digit: u8) -> ReplicationId {
    ReplicationId::parse(&[digit; 40]).expect("a digit")
}

#[test]
fn a_name_has_forty_hexadecimal_digits() {
    assert_eq!(ReplicationId::parse(&[b'A'; 40]), Some(id(b'a')));
    assert_eq!(ReplicationId::parse(&[b'a'; 39]), None);
    assert_eq!(ReplicationId::parse(&[b'a'; 41]), None);
    assert_eq!(ReplicationId::parse(&[b'g'; 40]), None);
}

#[test]
fn a_history_goes_on_from_its_own_bytes_and_from_those_it_shares() {
    let mut history = History::at(id(b'a'), 100);
    history.rename(id(b'b'));
    history.offset = 150;
    let backlog = 51..151;
    let check = |digit, from, continues| {
        let asked = Resume {
            id: id(digit),
            from,
        };
        assert_eq!(
            history.continues(&asked, backlog.clone()),
            continues,
            "{asked:?}"
        );
    };
    check(b'b', 151, true);
    check(b'b', 152, false);
    check(b'b', 51, true);
    check(b'b', 50, false);
    // What the old name has beyond the change is not here.
    check(b'a', 101, true);
    check(b'a', 102, false);
    check(b'a', 51, true);
    check(b'c', 100, false);
}

/// All pieces of a transfer offered in cuts of this size, and the bytes behind.
fn received(bytes: &[u8], cut: usize) -> Option<(Framing, Vec<u8>, Vec<u8>)> {
    let mut transfer = Transfer::new();
    let (mut framing, mut file) = (None, Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + cut).min(bytes.len());
        let mut offered = &bytes[at..end];
        at = end;
        loop {
            match transfer.on_bytes(offered) {
                Part::Begins {
                    framing: found,
                    used,
                } => {
                    framing = Some(found);
                    offered = &offered[used..];
                    if offered.is_empty() {
                        break;
                    }
                }
                Part::Piece(piece) => {
                    file.extend(piece);
                    break;
                }
                Part::Ends { piece, used } => {
                    file.extend(piece);
                    let mut rest = offered[used..].to_vec();
                    rest.extend_from_slice(&bytes[at..]);
                    return Some((framing?, file, rest));
                }
                Part::Nothing => break,
                Part::Refused(_) | Part::Broken(_) => return None,
            }
        }
    }
    None
}

#[test]
fn a_transfer_ends_where_its_header_says_however_it_is_cut() {
    let mark = *b"0123456789012345678901234567890123456789";
    let mut marked = b"\n\n$EOF:".to_vec();
    marked.extend_from_slice(&mark);
    // A beginning of the mark stands in the file.
    marked.extend_from_slice(b"\r\nREDIS");
    marked.extend_from_slice(&mark[..39]);
    marked.push(b'x');
    let file = marked[49..].to_vec();
    marked.extend_from_slice(&mark);
    for cut in 1..marked.len() {
        let got = received(&marked, cut);
        assert_eq!(
            got,
            Some((Framing::Mark(mark), file.clone(), Vec::new())),
            "{cut}"
        );
    }
    let counted = b"\n$7\r\nREDIS00*1\r\n";
    for cut in 1..counted.len() {
        let got = received(counted, cut);
        let expected = (Framing::Length(7), b"REDIS00".to_vec(), b"*1\r\n".to_vec());
        assert_eq!(got, Some(expected), "{cut}");
    }
}

#[test]
fn a_transfer_that_is_none_is_told_from_one_that_is_refused() {
    assert_eq!(
        Transfer::new().on_bytes(b"\n-ERR no memory\r\n"),
        Part::Refused("ERR no memory".to_owned())
    );
    assert_eq!(
        Transfer::new().on_bytes(b"HTTP/1.1 400\r\n"),
        Part::Broken("HTTP/1.1 400".to_owned())
    );
    for line in ["$\r\n", "$-1\r\n", "$0\r\n", "$EOF:short\r\n", "$1x\r\n"] {
        let part = Transfer::new().on_bytes(line.as_bytes());
        assert!(matches!(part, Part::Broken(_)), "{line}: {part:?}");
    }
    let part = Transfer::new().on_bytes(&[b'$'; 2000]);
    assert!(matches!(part, Part::Broken(_)), "{part:?}");
}

/// A request, as the stream has it.
fn command(words: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    crate::replication::greeting::request(&mut bytes, &words);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However the stream is cut: what came out are whole units, in order, and
    /// the end stands behind them.
    #[test]
    fn units_come_out_whole(
        kinds in prop::collection::vec(0..5u8, 1..30),
        cuts in prop::collection::vec(1..40usize, 1..30),
    ) {
        let (mut stream, mut ends) = (Vec::new(), vec![0]);
        for kind in kinds {
            match kind {
                0 => stream.extend(command("SET key value")),
                1 => {
                    stream.extend(command("multi"));
                    stream.extend(command("SELECT 3"));
                    stream.extend(command("INCR k"));
                    stream.extend(command("EXEC"));
                }
                2 => stream.extend(command("REPLCONF GETACK *")),
                3 => stream.extend(command("PING")),
                _ => stream.push(b'\n'),
            }
            ends.push(stream.len());
        }
        let mut units = Units::new(1000);
        let mut got = Vec::new();
        let (mut at, mut cut) = (0, cuts.iter().cycle());
        while at < stream.len() {
            let end = (at + cut.next().expect("endless")).min(stream.len());
            if let Some(portion) = units.on_bytes(&stream[at..end], &mut Unsorted).expect("it is a stream") {
                got.extend(portion.bytes);
            }
            at = end;
            prop_assert_eq!(units.end(), 1000 + got.len() as u64);
            prop_assert_eq!(units.received(), 1000 + at as u64);
            let last = ends.iter().rev().find(|end| **end <= at);
            prop_assert_eq!(Some(&got.len()), last);
        }
        prop_assert_eq!(got, stream);
    }
}

#[test]
fn what_is_no_stream_is_found() {
    for bytes in [&b"SET k v\r\n"[..], b"*1\r\n+PING\r\n", b"*x\r\n"] {
        let mut units = Units::new(0);
        assert!(units.on_bytes(bytes, &mut Unsorted).is_err(), "{bytes:?}");
    }
}
