//! Longest common subsequences, beside a table of lengths walked as stock walks its own.

use proptest::prelude::*;

use crate::value::subsequence::*;

fn lengths(first: &[u8], second: &[u8]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; second.len() + 1]; first.len() + 1];
    for (at, byte) in first.iter().enumerate() {
        for (other_at, other) in second.iter().enumerate() {
            table[at + 1][other_at + 1] = if byte == other {
                table[at][other_at] + 1
            } else {
                table[at][other_at + 1].max(table[at + 1][other_at])
            };
        }
    }
    table
}

/// Places in both texts of each byte of the subsequence.
fn walked(first: &[u8], second: &[u8]) -> Vec<(usize, usize)> {
    let table = lengths(first, second);
    let (mut at, mut other_at) = (first.len(), second.len());
    let mut pairs = Vec::new();
    while at > 0 && other_at > 0 {
        if first[at - 1] == second[other_at - 1] {
            at -= 1;
            other_at -= 1;
            pairs.push((at, other_at));
        } else if table[at - 1][other_at] > table[at][other_at - 1] {
            at -= 1;
        } else {
            other_at -= 1;
        }
    }
    pairs.reverse();
    pairs
}

fn paired(matches: &[Match]) -> Vec<(usize, usize)> {
    let pairs = matches.iter().rev();
    pairs
        .flat_map(|found| found.in_first().zip(found.in_second()))
        .collect()
}

/// As stock 7.0.15 answers.
#[test]
fn matches_are_those_of_lcs() {
    let (first, second) = (b"ohmytext", b"mynewtext");
    assert_eq!(common_text(first, second), b"mytext");
    assert_eq!(common_len(first, second), 6);
    let found: Vec<_> = matches(first, second)
        .iter()
        .map(|found| (found.in_first(), found.in_second(), found.len()))
        .collect();
    assert_eq!(found, [(4..8, 5..9, 4), (2..4, 0..2, 2)]);
}

#[test]
fn nothing_in_common_is_nothing() {
    for (first, second) in [("", ""), ("a", ""), ("", "a"), ("abc", "xyz")] {
        let (first, second) = (first.as_bytes(), second.as_bytes());
        assert_eq!(common_len(first, second), 0);
        assert_eq!(common_text(first, second), b"");
        assert_eq!(matches(first, second), []);
    }
}

/// Answers of stock 7.0.15 with proto-max-bulk-len at 1 MiB.
#[test]
fn the_table_that_stock_would_need_is_the_limit() {
    let limit = 1 << 20;
    for (first, second) in [(511, 511), (0, 262_143), (1, 131_071), (1023, 255)] {
        assert_eq!(admit(first, second, limit), Ok(()));
        let beyond = Err(LcsFault::TooMuchMemory);
        assert_eq!(admit(first, second + 1, limit), beyond);
        assert_eq!(admit(second + 1, first, limit), beyond);
    }
    let most = u32::MAX as usize;
    assert_eq!(admit(0, most - 2, u64::MAX), Ok(()));
    assert_eq!(admit(0, most - 1, u64::MAX), Err(LcsFault::TooLong));
    assert_eq!(admit(most, 0, u64::MAX), Err(LcsFault::TooLong));
}

fn text(letters: u8) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..letters, 0..200)
}

proptest! {
    #[test]
    fn the_same_subsequence_is_chosen(
        (first, second) in prop_oneof![Just(2_u8), Just(4), Just(30)].prop_flat_map(|letters| (text(letters), text(letters))),
    ) {
        let expected = walked(&first, &second);
        let found = matches(&first, &second);
        prop_assert_eq!(&paired(&found), &expected);
        prop_assert_eq!(common_len(&first, &second), expected.len());
        let bytes: Vec<u8> = expected.iter().map(|&(at, _)| first[at]).collect();
        prop_assert_eq!(common_text(&first, &second), bytes);
        for pair in found.windows(2) {
            let (later, earlier) = (&pair[0], &pair[1]);
            let touch = earlier.in_first().end == later.in_first().start
                && earlier.in_second().end == later.in_second().start;
            prop_assert!(!touch, "{:?} {:?}", earlier, later);
        }
    }
}
