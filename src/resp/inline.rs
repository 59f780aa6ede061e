//! A line of words as a person types it: quotes, escapes, white space.
//!
//! The same rules serve inline requests and configuration files. Recorded from stock 7.0.15: a
//! word ends at space, `\t`, `\r`, `\n` or the line's end, but vertical tab and form feed only
//! separate words (they neither end an unquoted word nor begin one); quotes may open within a word
//! but must close at its end; in double quotes `\n \r \t \b \a \xHH` mean a byte and any other
//! escaped byte itself; in single quotes only `\'` is an escape.

/// Splits `line` into words. `None`: a quote is open at the end or closes within a word.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let blank = rest.iter().take_while(|&&byte| is_space(byte)).count();
        rest = rest.get(blank..).unwrap_or_default();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, used) = one_word(rest)?;
        words.push(word);
        rest = rest.get(used..).unwrap_or_default();
    }
}

/// The word `text` begins with, and how many bytes it took.
fn one_word(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut word = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let quoted = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => double_quoted(text.get(at + 1..)?, &mut word)?,
            b'\'' => single_quoted(text.get(at + 1..)?, &mut word)?,
            _ => {
                word.push(byte);
                at += 1;
                continue;
            }
        };
        at += 1 + quoted;
        // A closing quote ends the word: `"a"b` is an error, not `ab`.
        if text.get(at).is_some_and(|&next| !is_space(next)) {
            return None;
        }
        break;
    }
    Some((word, at))
}

/// Reads up to and including the closing `"`; returns the bytes taken.
fn double_quoted(text: &[u8], word: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' if text.get(at + 1).is_some() => {
                let (byte, used) = escaped(text.get(at + 1..)?)?;
                word.push(byte);
                at += 1 + used;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// The byte an escape means, and how many bytes after the backslash it took.
fn escaped(text: &[u8]) -> Option<(u8, usize)> {
    if let [b'x', high, low, ..] = *text
        && let (Some(high), Some(low)) = (hex_digit(high), hex_digit(low))
    {
        return Some((high << 4 | low, 3));
    }
    let byte = match *text.first()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    };
    Some((byte, 1))
}

/// Reads up to and including the closing `'`; returns the bytes taken.
fn single_quoted(text: &[u8], word: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match *text.get(at)? {
            b'\'' => return Some(at + 1),
            b'\\' if text.get(at + 1) == Some(&b'\'') => {
                word.push(b'\'');
                at += 2;
            }
            byte => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &[u8], expected: &[&[u8]]) {
        let words = split_words(line).expect("the line is well formed");
        assert_eq!(words, expected, "{:?}", String::from_utf8_lossy(line));
    }

    #[test]
    fn words_are_separated_by_any_space() {
        check(b"", &[]);
        check(b" \t\x0b\x0c\r\n ", &[]);
        check(b"set  key\tvalue\r", &[b"set", b"key", b"value"]);
        check(b"\x0bECHO a\x0bb", &[b"ECHO", b"a\x0bb"]);
    }

    #[test]
    fn double_quotes_take_escapes() {
        check(
            br#"ECHO "\x41\xzz\n\q\a\b\t\r\"""#,
            &[b"ECHO", b"Axzz\nq\x07\x08\t\r\""],
        );
        check(br#"a"b c""#, &[b"ab c"]);
        check(br#""" x"#, &[b"", b"x"]);
    }

    #[test]
    fn single_quotes_take_only_their_own_escape() {
        check(br"'a\'b\n'", &[br"a'b\n"]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [
            &br#"a "b"#[..],
            b"'a",
            br#""a"b"#,
            b"'a'b",
            br#""a\"#,
            br#""a\""#,
        ] {
            assert!(split_words(line).is_none(), "{line:?}");
        }
    }
}
