//! `user default …`: stock's CONFIG REWRITE leaves such a line in every file it
//! writes. It is taken where it says what is so here: that the user may do
//! everything, and whose password `requirepass` is.

/// A password as a digest: 32 bytes.
pub(super) type Digest = [u8; 32];

/// The digests of passwords that the rules of the default user name; `None` if they
/// say what is not so here.
pub(super) fn passwords(rules: &[Vec<u8>]) -> Option<Vec<Digest>> {
    let mut digests = Vec::new();
    for rule in rules {
        match rule.to_ascii_lowercase().as_slice() {
            b"on" | b"nopass" | b"sanitize-payload" | b"~*" | b"allkeys" | b"&*"
            | b"allchannels" | b"+@all" | b"allcommands" => {}
            [b'#', digits @ ..] => digests.push(digest(digits)?),
            _ => return None,
        }
    }
    Some(digests)
}

fn digest(digits: &[u8]) -> Option<Digest> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let mut digest = Digest::default();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(digest)
}

/// Whether a line of a file is about this user.
pub(super) fn is_default_user(words: &[Vec<u8>]) -> bool {
    let [directive, name, ..] = words else {
        return false;
    };
    directive.eq_ignore_ascii_case(b"user") && name == b"default"
}
