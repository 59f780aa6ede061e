//! Lua's words: just enough of its lexer to know what a script names.

/// One word of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a [u8]),
    /// A string without escapes, as written; `None` if it has some.
    Text(Option<&'a [u8]>),
    Number,
    /// Any other sign or operator.
    Sign(&'a [u8]),
}

/// All words of a script; `None` if it is not Lua as far as words go.
pub(super) fn tokens(script: &[u8]) -> Option<Vec<Token<'_>>> {
    let mut rest = skip_shebang(script);
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else {
            return Some(tokens);
        };
        if let Some(comment) = rest.strip_prefix(b"--") {
            rest = skip_comment(comment)?;
            continue;
        }
        let (token, len) = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let len = run(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                (Token::Name(&rest[..len]), len)
            }
            b'0'..=b'9' => (Token::Number, number(rest)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => (Token::Number, number(rest)),
            b'"' | b'\'' => quoted(rest, first)?,
            b'[' => match long(rest) {
                Some((text, len)) => (Token::Text(Some(text)), len),
                // One that never ends, or no Lua.
                None if rest.get(1) == Some(&b'=') || is_long_open(rest) => return None,
                None => (Token::Sign(b"["), 1),
            },
            _ => {
                let len = sign(rest);
                (Token::Sign(&rest[..len]), len)
            }
        };
        tokens.push(token);
        rest = &rest[len..];
    }
}

fn skip_shebang(script: &[u8]) -> &[u8] {
    if !script.starts_with(b"#") {
        return script;
    }
    let end = script.iter().position(|&byte| byte == b'\n');
    end.map_or(b"", |end| &script[end..])
}

/// What follows a comment whose dashes are gone.
fn skip_comment(comment: &[u8]) -> Option<&[u8]> {
    if comment.first() == Some(&b'[')
        && let Some((_, len)) = long(comment)
    {
        return Some(&comment[len..]);
    }
    if is_long_open(comment) {
        // One that never ends.
        return None;
    }
    let end = comment.iter().position(|&byte| byte == b'\n');
    Some(end.map_or(b"", |end| &comment[end..]))
}

fn is_long_open(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"[") else {
        return false;
    };
    let level = run(rest, |byte| byte == b'=');
    rest.get(level) == Some(&b'[')
}

/// `[==[…]==]`: its text, and its length with the brackets.
fn long(text: &[u8]) -> Option<(&[u8], usize)> {
    if !is_long_open(text) {
        return None;
    }
    let level = run(&text[1..], |byte| byte == b'=');
    let open = level + 2;
    let mut close = vec![b']'];
    close.resize(level + 1, b'=');
    close.push(b']');
    let body = &text[open..];
    let end = body
        .windows(close.len())
        .position(|window| window == close)?;
    Some((&body[..end], open + end + close.len()))
}

fn quoted(text: &[u8], quote: u8) -> Option<(Token<'_>, usize)> {
    let mut at = 1;
    let mut is_plain = true;
    loop {
        match *text.get(at)? {
            b'\\' => {
                is_plain = false;
                at += 2;
            }
            b'\n' => return None,
            byte if byte == quote => break,
            _ => at += 1,
        }
    }
    let inner = is_plain.then_some(&text[1..at]);
    Some((Token::Text(inner), at + 1))
}

/// Hexadecimal digits, exponents and all: letters and points behind a digit.
fn number(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(&byte) = text.get(len) {
        let is_sign = matches!(byte, b'+' | b'-') && matches!(text[len - 1], b'e' | b'E');
        let ends_at_range = byte == b'.' && text.get(len + 1) == Some(&b'.');
        if !(byte.is_ascii_alphanumeric() || byte == b'.' || len > 0 && is_sign) || ends_at_range {
            break;
        }
        len += 1;
    }
    len.max(1)
}

fn sign(text: &[u8]) -> usize {
    const LONG: [&[u8]; 6] = [b"...", b"..", b"==", b"~=", b"<=", b">="];
    let found = LONG.iter().find(|sign| text.starts_with(sign));
    found.map_or(1, |sign| sign.len())
}

fn run(text: &[u8], is: impl Fn(u8) -> bool) -> usize {
    text.iter()
        .position(|&byte| !is(byte))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_comments_are_not() {
        let script =
            b"#!lua\nlocal a = 'x\\n' .. \"y\" --c\n--[[ d\n]] return a[1]==0x1F,1e-5,[=[ ]] ]=]";
        let expected = [
            Token::Name(b"local"),
            Token::Name(b"a"),
            Token::Sign(b"="),
            Token::Text(None),
            Token::Sign(b".."),
            Token::Text(Some(b"y")),
            Token::Name(b"return"),
            Token::Name(b"a"),
            Token::Sign(b"["),
            Token::Number,
            Token::Sign(b"]"),
            Token::Sign(b"=="),
            Token::Number,
            Token::Sign(b","),
            Token::Number,
            Token::Sign(b","),
            Token::Text(Some(b" ]] ")),
        ];
        assert_eq!(tokens(script).as_deref(), Some(&expected[..]));
    }

    #[test]
    fn what_never_ends_is_no_script() {
        for script in ["'abc", "\"abc\\\"", "[[abc", "--[[abc", "[=x"] {
            assert_eq!(tokens(script.as_bytes()), None, "{script}");
        }
    }

    #[test]
    fn a_range_is_no_part_of_a_number() {
        let expected = [Token::Number, Token::Sign(b".."), Token::Number];
        assert_eq!(tokens(b"1 ..2").as_deref(), Some(&expected[..]));
        assert_eq!(tokens(b"1..2").as_deref(), Some(&expected[..]));
    }
}
