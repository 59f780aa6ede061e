//! JSON as a value of Lua's.
//!
//! Objects and arrays under way are kept on Lua's stack and in a list, not in calls: how deep
//! they may be is for the script to set.

use super::number;
use super::settings::Settings;
use crate::script::raw::{Failure, Stack};

/// Pushes the one value `text` is.
pub(super) fn push(stack: &mut Stack, settings: &Settings, text: &[u8]) -> Result<(), Failure> {
    // A text of ASCII has no zero among its first two bytes.
    if text.len() >= 2 && text[..2].contains(&0) {
        return Err(Failure::here(
            "JSON parser does not support UTF-16 or UTF-32",
        ));
    }
    let mut reader = Reader {
        scanner: Scanner {
            text,
            at: 0,
            invalid_is_read: settings.invalid_is_read(),
            string: Vec::new(),
        },
        depth_max: settings.decode_depth_max(),
        levels: Vec::new(),
    };
    reader.push(stack)
}

/// A collection under way.
enum Level {
    /// The table is at the top; so many elements are in it.
    Array(i32),
    /// The table is below the key at the top.
    Object,
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    depth_max: usize,
    levels: Vec<Level>,
}

impl Reader<'_> {
    fn push(&mut self, stack: &mut Stack) -> Result<(), Failure> {
        let mut token = self.scanner.next();
        loop {
            let is_whole = self.begin(stack, &token)?;
            if is_whole {
                if self.end(stack)? {
                    break;
                }
                token = self.scanner.next();
            } else if matches!(self.levels.last(), Some(Level::Array(_))) {
                token = self.scanner.next();
                if token.kind == TokenKind::ArrayEnd {
                    self.levels.pop();
                    if self.end(stack)? {
                        break;
                    }
                    token = self.scanner.next();
                }
            } else {
                token = self.scanner.next();
                if token.kind == TokenKind::ObjectEnd {
                    self.levels.pop();
                    if self.end(stack)? {
                        break;
                    }
                } else {
                    self.key(stack, &token)?;
                }
                token = self.scanner.next();
            }
        }
        let token = self.scanner.next();
        if token.kind == TokenKind::End {
            Ok(())
        } else {
            Err(expected("the end", &token))
        }
    }

    /// Pushes the value `token` is, or the empty table it opens, which is then the last level.
    fn begin(&mut self, stack: &mut Stack, token: &Token) -> Result<bool, Failure> {
        match token.kind {
            TokenKind::String => stack.push_bytes(&self.scanner.string),
            TokenKind::Number(value) => stack.push_number(value),
            TokenKind::Boolean(value) => stack.push_bool(value),
            TokenKind::Null => stack.push_light(std::ptr::null_mut()),
            TokenKind::ArrayBegin => {
                self.descend(stack)?;
                self.levels.push(Level::Array(0));
                return Ok(false);
            }
            TokenKind::ObjectBegin => {
                self.descend(stack)?;
                self.levels.push(Level::Object);
                return Ok(false);
            }
            TokenKind::ArrayEnd
            | TokenKind::ObjectEnd
            | TokenKind::Colon
            | TokenKind::Comma
            | TokenKind::End
            | TokenKind::Error(_) => return Err(expected("value", token)),
        }
        Ok(true)
    }

    fn descend(&mut self, stack: &mut Stack) -> Result<(), Failure> {
        let depth = self.levels.len() + 1;
        if depth > self.depth_max || !stack.reserve(4) {
            return Err(Failure::here(format!(
                "Found too many nested data structures ({depth}) at character {}",
                self.scanner.at
            )));
        }
        stack.push_table(0, 0);
        Ok(())
    }

    /// Pushes a member's key and reads the colon after it.
    fn key(&mut self, stack: &mut Stack, token: &Token) -> Result<(), Failure> {
        if token.kind != TokenKind::String {
            return Err(expected("object key string", token));
        }
        stack.push_bytes(&self.scanner.string);
        let colon = self.scanner.next();
        if colon.kind == TokenKind::Colon {
            Ok(())
        } else {
            Err(expected("colon", &colon))
        }
    }

    /// Puts the value at the top into its collection, and those that end with it into theirs.
    /// Whether it was the outermost; if not, a value follows.
    fn end(&mut self, stack: &mut Stack) -> Result<bool, Failure> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Ok(true);
            };
            let is_array = match level {
                Level::Array(len) => {
                    *len += 1;
                    stack.set_element(-2, *len);
                    true
                }
                Level::Object => {
                    stack.raw_set(-3);
                    false
                }
            };
            let token = self.scanner.next();
            match (token.kind, is_array) {
                (TokenKind::Comma, true) => return Ok(false),
                (TokenKind::Comma, false) => {
                    let token = self.scanner.next();
                    self.key(stack, &token)?;
                    return Ok(false);
                }
                (TokenKind::ArrayEnd, true) | (TokenKind::ObjectEnd, false) => {
                    self.levels.pop();
                }
                (_, true) => return Err(expected("comma or array end", &token)),
                (_, false) => return Err(expected("comma or object end", &token)),
            }
        }
    }
}

fn expected(what: &str, token: &Token) -> Failure {
    let found = match token.kind {
        TokenKind::ObjectBegin => "T_OBJ_BEGIN",
        TokenKind::ObjectEnd => "T_OBJ_END",
        TokenKind::ArrayBegin => "T_ARR_BEGIN",
        TokenKind::ArrayEnd => "T_ARR_END",
        TokenKind::String => "T_STRING",
        TokenKind::Number(_) => "T_NUMBER",
        TokenKind::Boolean(_) => "T_BOOLEAN",
        TokenKind::Null => "T_NULL",
        TokenKind::Colon => "T_COLON",
        TokenKind::Comma => "T_COMMA",
        TokenKind::End => "T_END",
        TokenKind::Error(text) => text,
    };
    Failure::here(format!(
        "Expected {what} but found {found} at character {}",
        token.at + 1
    ))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum TokenKind {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its text is the scanner's.
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: TokenKind,
    at: usize,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    invalid_is_read: bool,
    /// The string last read.
    string: Vec<u8>,
}

impl Scanner<'_> {
    /// The byte at `at`; zero, which ends the text, beyond it.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let at = self.at;
        let single = match self.byte(at) {
            b'{' => TokenKind::ObjectBegin,
            b'}' => TokenKind::ObjectEnd,
            b'[' => TokenKind::ArrayBegin,
            b']' => TokenKind::ArrayEnd,
            b':' => TokenKind::Colon,
            b',' => TokenKind::Comma,
            0 => TokenKind::End,
            b'"' => return self.read_string(),
            _ => return self.read_word(),
        };
        self.at += 1;
        Token { kind: single, at }
    }

    fn read_word(&mut self) -> Token {
        let at = self.at;
        let rest = &self.text[at..];
        if matches!(rest[0], b'-' | b'0'..=b'9') {
            if !self.invalid_is_read && is_invalid(rest) {
                return error("invalid number", at);
            }
            return self.read_number();
        }
        let words: [(&[u8], TokenKind); 3] = [
            (b"true", TokenKind::Boolean(true)),
            (b"false", TokenKind::Boolean(false)),
            (b"null", TokenKind::Null),
        ];
        for (word, kind) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Token { kind, at };
            }
        }
        if self.invalid_is_read && is_invalid(rest) {
            return self.read_number();
        }
        error("invalid token", at)
    }

    fn read_number(&mut self) -> Token {
        let at = self.at;
        match number::leading(&self.text[at..]) {
            Some((value, len)) => {
                self.at += len;
                let kind = TokenKind::Number(value);
                Token { kind, at }
            }
            None => error("invalid number", at),
        }
    }

    fn read_string(&mut self) -> Token {
        let begin = self.at;
        self.at += 1;
        self.string.clear();
        loop {
            match self.byte(self.at) {
                b'"' => break,
                0 => return error("unexpected end of string", self.at),
                b'\\' => {
                    if let Err(why) = self.read_escape() {
                        return error(why, self.at);
                    }
                }
                plain => {
                    self.string.push(plain);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Token {
            kind: TokenKind::String,
            at: begin,
        }
    }

    /// Reads from the backslash on; stays there if what follows is wrong.
    fn read_escape(&mut self) -> Result<(), &'static str> {
        let byte = match self.byte(self.at + 1) {
            same @ (b'"' | b'\\' | b'/') => same,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (letter, len) = self.unicode().ok_or("invalid unicode escape code")?;
                let mut buffer = [0; 4];
                let bytes = letter.encode_utf8(&mut buffer).as_bytes();
                self.string.extend_from_slice(bytes);
                self.at += len;
                return Ok(());
            }
            _ => return Err("invalid escape code"),
        };
        self.string.push(byte);
        self.at += 2;
        Ok(())
    }

    /// The letter of one or, beyond 16 bits, two escapes, and their length.
    fn unicode(&self) -> Option<(char, usize)> {
        let first = self.unit(self.at)?;
        if first & 0xf800 != 0xd800 {
            return Some((char::from_u32(first)?, 6));
        }
        let second = self.unit(self.at + 6)?;
        if first & 0x400 != 0 || second & 0xfc00 != 0xdc00 {
            return None;
        }
        let letter = 0x1_0000 + ((first & 0x3ff) << 10 | (second & 0x3ff));
        Some((char::from_u32(letter)?, 12))
    }

    /// The 16 bits of the escape at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, &digit| {
            Some(unit << 4 | char::from(digit).to_digit(16)?)
        })
    }
}

fn error(text: &'static str, at: usize) -> Token {
    let kind = TokenKind::Error(text);
    Token { kind, at }
}

/// Whether `text` begins with what C takes for a number and JSON does not.
fn is_invalid(text: &[u8]) -> bool {
    if text.first() == Some(&b'+') {
        return true;
    }
    let magnitude = text.strip_prefix(b"-").unwrap_or(text);
    match magnitude {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [first, ..] if *first <= b'9' => false,
        [a, b, c, ..] => {
            let word = [a, b, c].map(u8::to_ascii_lowercase);
            word == *b"inf" || word == *b"nan"
        }
        _ => false,
    }
}
