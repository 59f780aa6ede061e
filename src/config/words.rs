//! A line of `redis.conf` cut into words, and words quoted back into a line.
//!
//! Words are separated by white space. Double quotes take `\n \r \t \b \a`,
//! `\xHH` and an escaped character; single quotes take `\'` only. A closing
//! quote must end its word.

/// Cuts `line` into words; none when a quote is not closed or is followed by
/// something else than white space.
pub fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = take_word(rest)?;
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Some(words)
}

/// `word` in double quotes where it needs them, so that `split` gives it back.
pub fn quoted(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return word.to_vec();
    }
    in_quotes(word)
}

/// `word` in double quotes, so that `split` gives it back.
pub fn in_quotes(word: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in word {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\t' => text.extend(b"\\t"),
            b' '..=b'~' => text.push(*byte),
            _ => text.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    text.push(b'"');
    text
}

fn take_word(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        match first {
            b'"' => {
                rest = take_quoted(after, &mut word)?;
                return ends_word(rest).then_some((word, rest));
            }
            b'\'' => {
                rest = take_single(after, &mut word)?;
                return ends_word(rest).then_some((word, rest));
            }
            _ if first.is_ascii_whitespace() || *first == 0 => break,
            _ => word.push(*first),
        }
        rest = after;
    }
    // A zero byte ends the line, as in stock.
    Some((word, if rest.first() == Some(&0) { &[] } else { rest }))
}

fn ends_word(rest: &[u8]) -> bool {
    rest.first().is_none_or(u8::is_ascii_whitespace)
}

fn take_quoted<'a>(text: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

fn take_single<'a>(text: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut rest = text;
    loop {
        rest = match rest {
            [b'\'', after @ ..] => return Some(after),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
            [] => return None,
        };
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit
            .to_ascii_lowercase()
            .wrapping_sub(b'a')
            .wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{quoted, split};

    fn check(line: &str, expected: Option<&[&str]>) {
        let expected: Option<Vec<Vec<u8>>> =
            expected.map(|words| words.iter().map(|word| word.as_bytes().to_vec()).collect());
        assert_eq!(split(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn words_are_cut_and_unquoted() {
        check("", Some(&[]));
        check("  port\t 6379 ", Some(&["port", "6379"]));
        check(r#"a "b c" 'd "e'"#, Some(&["a", "b c", "d \"e"]));
        check(r#"port "63\x30""#, Some(&["port", "630"]));
        check(r#""\n\t\q" '\'\n'"#, Some(&["\n\tq", "'\\n"]));
        check(r#"save "" "#, Some(&["save", ""]));
        check(r#"ab"c d""#, Some(&["abc d"]));
    }

    #[test]
    fn open_quotes_are_refused() {
        for line in [r#"dir "abc"#, "dir 'abc", r#"dir "abc"d"#, r#"dir "abc\"#] {
            check(line, None);
        }
    }

    proptest! {
        #[test]
        fn quoting_and_cutting_are_inverse(
            words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 0..5)
        ) {
            let line = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(&b' ');
            prop_assert_eq!(split(&line), Some(words));
        }
    }
}
