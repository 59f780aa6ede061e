//! The language of a transcript, and its parser.
//!
//! ```text
//! # A comment.
//! > SET k "v\x00"          one command, quoted as in redis-cli
//! OK                       its reply as redis-cli shows it, up to a blank line,
//!                          a comment or the next command
//! b> GET k                 the same on another connection, opened on first use
//! ?> EXISTS k              asked again until the reply is the expected one
//! %> KEYS *                members sorted, where their order means nothing
//! |> BLPOP k 0             sent, and seen to wait: its reply is read by `<`
//! => GET k                 the reply's bytes, quoted
//! !> "*1\r\n$4\r\nPI"      these bytes; then as many replies as are expected
//! b<                       the next thing that arrives, nothing sent
//! *> MATCH a*              SCAN from 0 to 0 with these arguments: keys, sorted
//! @3                       HELLO 3 (`@3 b` for connection b)
//! ~ "id=/[0-9]+/ .../.*/"  text with regular expressions between slashes
//! ~ ...                    any further lines
//! !stock why               what stock replies instead, with the reason
//! !basalt why              what basalt replies instead, with the reason
//! ```
//!
//! A closed connection shows as `(closed)` and is opened anew on its next use.
//! In a command `{id}` `{id:b}` `{addr:b}` `{laddr:b}` stand for a connection's
//! CLIENT ID and its two addresses, `{now+N}` and `{nowms+N}` for the time.

use regex::bytes::Regex;

/// How a step's command is sent and its reply looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ask,
    Poll,
    Sorted,
    Bytes,
    Raw,
    Read,
    Scan,
    Wait,
}

/// Expected lines and where they stand, to replace them.
#[derive(Debug, Clone, Default)]
pub struct Block {
    pub lines: Vec<String>,
    /// Index of the first line in the file, and one past the last.
    pub from: usize,
    pub to: usize,
}

#[derive(Debug, Clone)]
pub struct Step {
    /// Counted from 1.
    pub line: usize,
    pub connection: String,
    pub kind: Kind,
    pub text: String,
    pub expected: Block,
    pub on_stock: Option<Block>,
    pub on_basalt: Option<Block>,
}

impl Step {
    pub fn expected_on(&self, is_stock: bool) -> &Block {
        let own = if is_stock {
            &self.on_stock
        } else {
            &self.on_basalt
        };
        own.as_ref().unwrap_or(&self.expected)
    }
}

impl Block {
    /// Whether these are the lines wanted.
    pub fn accepts(&self, lines: &[String]) -> bool {
        let mut got = lines.iter();
        for wanted in &self.lines {
            if wanted == "~ ..." {
                return true;
            }
            let Some(line) = got.next() else {
                return false;
            };
            let fits = match wanted.strip_prefix("~ ") {
                Some(pattern) => pattern_fits(pattern, line),
                None => wanted == line,
            };
            if !fits {
                return false;
            }
        }
        got.next().is_none()
    }

    pub fn has_pattern(&self) -> bool {
        self.lines.iter().any(|line| line.starts_with("~ "))
    }
}

/// Text outside slashes is literal, inside is a regular expression.
fn pattern_fits(pattern: &str, line: &str) -> bool {
    let mut expression = String::from("(?s-u)^");
    for (index, part) in pattern.split('/').enumerate() {
        if index % 2 == 0 {
            expression.push_str(&regex::escape(part));
        } else {
            expression.push_str(&format!("(?:{part})"));
        }
    }
    expression.push('$');
    let regex = Regex::new(&expression).unwrap_or_else(|error| panic!("~ {pattern}: {error}"));
    regex.is_match(line.as_bytes())
}

pub fn parse(file: &str, text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Which block of the last step takes reply lines; none between steps.
    let mut open: Option<fn(&mut Step) -> &mut Block> = None;
    for (index, line) in text.lines().enumerate() {
        let at = |what: &str| format!("{file}:{}: {what}", index + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            open = None;
        } else if let Some(step) = step_of(line, index + 1) {
            steps.push(step);
            open = Some(|step| &mut step.expected);
        } else if let Some((who, why)) = difference_of(line) {
            assert!(!why.is_empty(), "{}", at("a difference needs a reason"));
            let step = steps
                .last_mut()
                .unwrap_or_else(|| panic!("{}", at("no command before it")));
            let block = Some(Block {
                from: index + 1,
                to: index + 1,
                ..Block::default()
            });
            if who == "stock" {
                step.on_stock = block;
                open = Some(|step| step.on_stock.as_mut().expect("just set"));
            } else {
                step.on_basalt = block;
                open = Some(|step| step.on_basalt.as_mut().expect("just set"));
            }
        } else {
            let (step, block_of) = steps
                .last_mut()
                .zip(open)
                .unwrap_or_else(|| panic!("{}", at("a reply without a command before it")));
            let block = block_of(step);
            block.lines.push(line.to_owned());
            block.to = index + 1;
        }
    }
    steps
}

fn difference_of(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix('!')?;
    let (who, why) = rest.split_once(' ').unwrap_or((rest, ""));
    matches!(who, "stock" | "basalt").then_some((who, why.trim()))
}

fn step_of(line: &str, number: usize) -> Option<Step> {
    let (head, kind, text) = if let Some(rest) = line.strip_prefix('@') {
        let (version, connection) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut step = step_of(&format!("{connection}> HELLO {version}"), number)?;
        step.expected.lines.push("~ ...".to_owned());
        return Some(step);
    } else if let Some(head) = line.strip_suffix('<') {
        (head, Kind::Read, "")
    } else {
        let (head, text) = line.split_once("> ")?;
        (head, Kind::Ask, text)
    };
    let mark = head
        .find(|c: char| !c.is_ascii_lowercase())
        .unwrap_or(head.len());
    let (connection, mark) = head.split_at(mark);
    let kind = match (mark, kind) {
        ("", kind) => kind,
        ("?", Kind::Ask) => Kind::Poll,
        ("%", Kind::Ask) => Kind::Sorted,
        ("=", Kind::Ask) => Kind::Bytes,
        ("!", Kind::Ask) => Kind::Raw,
        ("*", Kind::Ask) => Kind::Scan,
        ("|", Kind::Ask) => Kind::Wait,
        _ => return None,
    };
    let block = Block {
        lines: Vec::new(),
        from: number,
        to: number,
    };
    Some(Step {
        line: number,
        connection: connection.to_owned(),
        kind,
        text: text.to_owned(),
        expected: block,
        on_stock: None,
        on_basalt: None,
    })
}

/// Splits a command into arguments as redis-cli does; none if a quote is not
/// closed or is followed by text.
pub fn arguments(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = text.as_bytes();
    let mut found = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(found);
        }
        let (argument, length) = match rest[0] {
            b'"' => double_quoted(rest)?,
            b'\'' => single_quoted(rest)?,
            _ => {
                let length = rest.iter().take_while(|b| !b.is_ascii_whitespace()).count();
                (rest[..length].to_vec(), length)
            }
        };
        rest = &rest[length..];
        if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            return None;
        }
        found.push(argument);
    }
}

fn double_quoted(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut at = 1;
    loop {
        match *rest.get(at)? {
            b'"' => return Some((text, at + 1)),
            b'\\' => {
                let escaped = *rest.get(at + 1)?;
                at += 2;
                text.push(match escaped {
                    b'x' => {
                        let digits = std::str::from_utf8(rest.get(at..at + 2)?).ok()?;
                        at += 2;
                        u8::from_str_radix(digits, 16).ok()?
                    }
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    other => other,
                });
            }
            byte => {
                text.push(byte);
                at += 1;
            }
        }
    }
}

fn single_quoted(rest: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut at = 1;
    loop {
        match (*rest.get(at)?, rest.get(at + 1)) {
            (b'\\', Some(b'\'')) => {
                text.push(b'\'');
                at += 2;
            }
            (b'\'', _) => return Some((text, at + 1)),
            (byte, _) => {
                text.push(byte);
                at += 1;
            }
        }
    }
}
