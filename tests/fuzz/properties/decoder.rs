//! The request decoder on any bytes: it never panics, and finds the same requests whether the
//! bytes come at once or in pieces. The first byte says how large the pieces are.

use basalt::resp::{Args, Decoded, Decoder, Limits, ProtocolFault};

type Found = (Vec<Vec<Vec<u8>>>, Option<ProtocolFault>);

fn requests(input: &[u8], piece_bytes: usize) -> Found {
    let limits = Limits {
        query_bytes_max: 1 << 20,
        ..Limits::default()
    };
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    let mut found = Vec::new();
    let mut start = 0;
    let mut end = 0;
    while end < input.len() {
        end = input.len().min(end + piece_bytes);
        loop {
            let bytes = &input[start..end];
            match decoder.decode(bytes, &mut spans, &limits) {
                Ok(Decoded::Request { consumed }) => {
                    let args = Args::new(bytes, &spans);
                    found.push(args.iter().map(<[u8]>::to_vec).collect());
                    spans.clear();
                    start += consumed;
                }
                Ok(Decoded::Inline { consumed, args }) => {
                    found.push(args);
                    start += consumed;
                }
                Ok(Decoded::Empty { consumed }) => start += consumed,
                Ok(Decoded::Incomplete { wanted_total }) => {
                    assert!(wanted_total > bytes.len());
                    break;
                }
                Err(fault) => return (found, Some(fault)),
            }
        }
    }
    (found, None)
}

pub fn check(input: &[u8]) {
    let Some((&piece, input)) = input.split_first() else {
        return;
    };
    let at_once = requests(input, input.len().max(1));
    let in_pieces = requests(input, usize::from(piece) + 1);
    assert_eq!(at_once, in_pieces);
}
