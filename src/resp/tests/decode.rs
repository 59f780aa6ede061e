//! Requests out of bytes: cut anywhere, broken in every way.

use crate::resp::{Args, Decoded, Decoder, Limits, OwnedArgs, ProtocolFault, Reply, Span, Version};
use proptest::prelude::*;

type Words = Vec<Vec<u8>>;

/// All requests in `input`, offered in pieces that end at `cuts`; the fault that ended them.
fn requests(
    input: &[u8],
    cuts: impl Iterator<Item = usize>,
    limits: &Limits,
) -> (Vec<Words>, Option<ProtocolFault>) {
    let mut decoder = Decoder::new();
    // One buffer for all clients: an unfinished request must not need it.
    let mut spans = vec![Span { start: 9, len: 9 }];
    let mut found = Vec::new();
    let mut start = 0;
    for end in cuts.chain([input.len()]) {
        loop {
            let bytes = &input[start..end];
            match decoder.decode(bytes, &mut spans, limits) {
                Ok(Decoded::Request { consumed }) => {
                    // The words before belong to other requests, and stay.
                    assert_eq!(spans[0], Span { start: 9, len: 9 });
                    let args = Args::new(bytes, &spans[1..]);
                    found.push(args.iter().map(<[u8]>::to_vec).collect());
                    start += consumed;
                }
                Ok(Decoded::Inline { consumed, args }) => {
                    found.push(args);
                    start += consumed;
                }
                Ok(Decoded::Empty { consumed }) => start += consumed,
                Ok(Decoded::Incomplete { wanted_total }) => {
                    assert!(wanted_total > bytes.len(), "asks for more than it has");
                    break;
                }
                Err(fault) => return (found, Some(fault)),
            }
            spans.truncate(1);
        }
    }
    (found, None)
}

fn whole(input: &[u8]) -> (Vec<Words>, Option<ProtocolFault>) {
    requests(input, std::iter::empty(), &Limits::default())
}

/// `words` as a client sends them.
fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut request = Reply::new(&mut out, Version::Two);
    request.array(words.len());
    words.iter().for_each(|word| request.bulk(word));
    out
}

fn check(input: &[u8], expected: &[&[&str]]) {
    let expected: Vec<Words> = expected
        .iter()
        .map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect())
        .collect();
    assert_eq!(whole(input), (expected.clone(), None));
    let cut_everywhere = requests(input, 0..input.len(), &Limits::default());
    assert_eq!(cut_everywhere, (expected.clone(), None), "byte by byte");
    for cut in 0..input.len() {
        let found = requests(input, [cut].into_iter(), &Limits::default());
        assert_eq!(found, (expected.clone(), None), "cut at {cut}");
    }
}

fn check_fault(input: &[u8], line: &str) {
    let (_, fault) = whole(input);
    let mut out = Vec::new();
    fault.expect("the input is broken").write(&mut out);
    let text = String::from_utf8_lossy(&out).into_owned();
    assert_eq!(text, format!("-ERR Protocol error: {line}\r\n"));
}

#[test]
fn requests_are_the_same_wherever_the_input_is_cut() {
    check(
        b"*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\nPING\r\nget 'a b'\n",
        &[&["PING"], &["SET", "k", "hello\r\nworld"], &["PING"], &["get", "a b"]],
    );
    check(b"*2\r\n$0\r\n\r\n$3\r\n\r\n*\r\n", &[&["", "\r\n*"]]);
}

#[test]
fn what_asks_nothing_is_skipped() {
    check(
        b"*0\r\n*-1\r\n*-10\r\n\r\n\n \t\r\n*1\r\n$4\r\nPING\r\n",
        &[&["PING"]],
    );
}

#[test]
fn bytes_after_a_carriage_return_are_not_looked_at() {
    check(
        b"*1\rx$4\ryPINGzz*1\r\n$4\r\nPONG\r\n",
        &[&["PING"], &["PONG"]],
    );
}

#[test]
fn faults_have_the_texts_of_stock() {
    for broken in [
        "*abc",
        "*",
        "*-",
        "*-0",
        "*01",
        "*+1",
        "* 1",
        "*2147483648",
        "*1\n",
    ] {
        check_fault(
            format!("{broken}\r\n").as_bytes(),
            "invalid multibulk length",
        );
    }
    for broken in [
        "-1",
        "+1",
        "",
        "01",
        "x",
        "536870913",
        "99999999999999999999",
    ] {
        check_fault(
            format!("*1\r\n${broken}\r\n").as_bytes(),
            "invalid bulk length",
        );
    }
    check_fault(b"*1\r\nfoo\r\n", "expected '$', got 'f'");
    check_fault(b"*1\r\n\r\n", "expected '$', got ' '");
    check_fault(b"*1\r\n\n$\r\n", "expected '$', got ' '");
    check_fault(b"PING \"a\r\n", "unbalanced quotes in request");
    check_fault(&[b'a'; 65537], "too big inline request");
    check_fault(
        &[&b"*"[..], &[b'1'; 65536]].concat(),
        "too big mbulk count string",
    );
    check_fault(
        &[&b"*1\r\n$"[..], &[b'1'; 65536]].concat(),
        "too big bulk count string",
    );
    check_fault(
        &[&b"*1\r\nx"[..], &[b'1'; 65536]].concat(),
        "too big bulk count string",
    );
}

#[test]
fn lines_of_64_kib_may_still_end() {
    for unfinished in [
        vec![b'a'; 65536],
        [&b"*"[..], &[b'1'; 65535]].concat(),
        [&b"*1\r\n$"[..], &[b'1'; 65535]].concat(),
    ] {
        assert_eq!(whole(&unfinished), (Vec::new(), None));
    }
}

#[test]
fn strangers_send_ten_words_of_sixteen_kib() {
    let strict = Limits {
        authenticated: false,
        ..Limits::default()
    };
    let fault = |input: &[u8]| requests(input, std::iter::empty(), &strict).1;
    assert_eq!(fault(b"*10\r\n$16384\r\n"), None);
    let words = fault(b"*11\r\n");
    assert_eq!(words, Some(ProtocolFault::UnauthenticatedMultibulkLength));
    let bytes = fault(b"*1\r\n$16385\r\n");
    assert_eq!(bytes, Some(ProtocolFault::UnauthenticatedBulkLength));
}

#[test]
fn a_big_bulk_is_announced_at_once() {
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    let head = b"*2\r\n$3\r\nGET\r\n$100000000\r\nabc";
    let decoded = decoder.decode(head, &mut spans, &Limits::default());
    let wanted_total = head.len() - 3 + 100_000_000 + 2;
    assert_eq!(decoded, Ok(Decoded::Incomplete { wanted_total }));
    assert!(decoder.is_mid_request());
    decoder.reset();
    let decoded = decoder.decode(b"PING\r\n", &mut spans, &Limits::default());
    assert!(matches!(decoded, Ok(Decoded::Inline { consumed: 6, .. })));
}

#[test]
fn a_request_beyond_the_query_limit_is_a_silent_fault() {
    let limits = Limits {
        query_bytes_max: 1000,
        ..Limits::default()
    };
    let (_, fault) = requests(b"*1\r\n$995\r\n", std::iter::empty(), &limits);
    assert_eq!(fault, Some(ProtocolFault::QueryTooLong));
    assert!(ProtocolFault::QueryTooLong.is_silent());
}

/// A million words in pieces must not be read again from the start for every piece.
#[test]
fn many_words_in_many_pieces_take_linear_time() {
    let words = vec![b"x".to_vec(); 200_000];
    let input = encoded(&words);
    let cuts = (0..input.len()).step_by(100);
    let started = std::time::Instant::now();
    let (found, fault) = requests(&input, cuts, &Limits::default());
    assert_eq!((found.len(), fault), (1, None));
    assert_eq!(found[0].len(), words.len());
    // Read again each time it would be 14,000 x 200,000 / 2 words: minutes.
    assert!(started.elapsed().as_secs() < 10);
}

fn some_requests() -> impl Strategy<Value = Vec<Words>> {
    let word = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => proptest::collection::vec(any::<u8>(), 90..1100),
    ];
    proptest::collection::vec(proptest::collection::vec(word, 1..15), 1..6)
}

proptest! {
    #[test]
    fn encoded_requests_are_found_again(
        expected in some_requests(),
        mut cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let input: Vec<u8> = expected.iter().flat_map(|words| encoded(words)).collect();
        prop_assert_eq!(whole(&input), (expected.clone(), None));
        let mut ends: Vec<usize> = cuts.drain(..).map(|cut| cut.index(input.len())).collect();
        ends.sort_unstable();
        let found = requests(&input, ends.into_iter(), &Limits::default());
        prop_assert_eq!(found, (expected, None));
    }

    #[test]
    fn garbage_is_read_the_same_in_pieces(
        input in proptest::collection::vec(
            prop_oneof![
                prop::sample::select(&b"*$\r\n0123456789-\"'\\x "[..]).boxed(),
                any::<u8>().boxed(),
            ],
            0..200,
        ),
    ) {
        let at_once = whole(&input);
        let in_pieces = requests(&input, 0..input.len(), &Limits::default());
        prop_assert_eq!(at_once, in_pieces);
    }
}

#[test]
fn owned_words_read_like_borrowed_ones() {
    let owned = OwnedArgs::new(["a", "bc"]);
    assert_eq!(owned.args().iter().collect::<Vec<_>>(), [&b"a"[..], b"bc"]);
}
