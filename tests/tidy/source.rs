//! One source file as the tidy test sees it: raw, with comments and strings
//! blanked, and as words with the path segment before them.
//!
//! Blanking keeps every line break, so a line number is the same in all
//! views. The lexer knows exactly what can hide code: line and nested block
//! comments, strings, raw strings, bytes, characters against lifetimes.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// An identifier in code.
#[derive(Debug)]
pub struct Token {
    pub line: usize,
    pub word: String,
    /// The path segment before it (`std` in `std::fs` and `std::{fs}`), or "".
    pub before: String,
}

pub struct Source {
    path: PathBuf,
    raw: String,
    code: String,
    words: Vec<Token>,
    /// First line of the `#[cfg(test)] mod … {` at the foot, if there is one.
    tests_from: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.path.display())
    }
}

impl Source {
    /// Every `.rs` file below `roots`, in order of path. A missing root has
    /// none.
    pub fn all(roots: &[&str]) -> Vec<Self> {
        let mut paths = Vec::new();
        for root in roots {
            walk(Path::new(root), &mut paths);
        }
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let raw =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::new(path, raw)
    }

    pub fn new(path: PathBuf, raw: String) -> Self {
        let code = blank(&raw);
        let is_test_file = path.file_name().is_some_and(|name| name == "tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests");
        let tests_from = if is_test_file {
            0
        } else {
            test_module_line(&code)
        };
        let words = words(&code);
        Self {
            path,
            raw,
            code,
            words,
            tests_from,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn raw(&self) -> &str {
        &self.raw
    }

    pub fn words(&self) -> &[Token] {
        &self.words
    }

    /// The path without `src/`.
    pub fn below_src(&self) -> &str {
        let path = self.path.to_str().expect("source paths are ASCII");
        path.strip_prefix("src/").unwrap_or(path)
    }

    /// The first folder below `src/`; none for `lib.rs` and `main.rs`.
    pub fn folder(&self) -> Option<&str> {
        self.below_src().split_once('/').map(|(folder, _)| folder)
    }

    /// How many modules deep the file is: `a/mod.rs` 1, `a/b.rs` 2.
    pub fn depth(&self) -> usize {
        let below = self.below_src().trim_end_matches(".rs");
        let below = below.strip_suffix("/mod").unwrap_or(below);
        below.split('/').count()
    }

    pub fn is_test_line(&self, line: usize) -> bool {
        line >= self.tests_from
    }

    /// First segments after `root::`, brace groups opened.
    pub fn named_after(&self, root: &str) -> Vec<&Token> {
        let named = |token: &&Token| token.before == root;
        self.words.iter().filter(named).collect()
    }

    /// `(line, length)` of every chain of `super`.
    pub fn super_chains(&self) -> Vec<(usize, usize)> {
        let mut chains = Vec::new();
        let mut length = 0;
        let mut line = 0;
        for token in &self.words {
            if token.word != "super" {
                continue;
            }
            if token.before == "super" {
                length += 1;
            } else {
                chains.push((line, length));
                length = 1;
            }
            line = token.line;
        }
        chains.push((line, length));
        chains.retain(|(_, length)| *length > 0);
        chains
    }

    /// Lines that take the whole crate at once, past every arrow.
    pub fn opaque_lines(&self) -> Vec<usize> {
        (1..)
            .zip(self.code.lines())
            .filter(|(_, line)| {
                ["crate::*", "crate as ", "crate::{self", "crate::{*"]
                    .iter()
                    .any(|opaque| line.contains(opaque))
            })
            .map(|(number, _)| number)
            .collect()
    }

    /// What `pub use crate::…` lines name.
    pub fn re_exported_from_crate(&self) -> Vec<&Token> {
        let mut found = Vec::new();
        for (index, token) in self.words.iter().enumerate() {
            let is_public = index > 1
                && self.words[index - 1].word == "use"
                && (self.words[index - 2].word == "pub"
                    || (index > 2 && self.words[index - 3].word == "pub"));
            if is_public && token.word == "crate" {
                let rest = &self.words[index + 1..];
                let end = rest
                    .iter()
                    .position(|next| next.before.is_empty())
                    .unwrap_or(rest.len());
                found.extend(rest[..end].iter().filter(|next| next.before == "crate"));
            }
        }
        found
    }

    /// Items at the top, attributes removed, blanks squeezed.
    pub fn items(&self) -> Vec<String> {
        let mut items = Vec::new();
        let mut rest = without_attributes(&self.code);
        while let Some(end) = item_end(&rest) {
            let tail = rest.split_off(end);
            let item = rest.split_whitespace().collect::<Vec<_>>().join(" ");
            items.push(item);
            rest = tail;
        }
        if !rest.trim().is_empty() {
            items.push(rest.trim().to_owned());
        }
        items
    }

    pub fn module_names(&self) -> Vec<&Token> {
        self.words
            .windows(2)
            .filter(|pair| pair[0].word == "mod")
            .map(|pair| &pair[1])
            .collect()
    }

    pub fn ignored_tests(&self) -> Vec<usize> {
        let squeezed = |line: &str| line.split_whitespace().collect::<String>();
        (1..)
            .zip(self.code.lines())
            .filter(|(_, line)| squeezed(line).contains("#[ignore"))
            .map(|(number, _)| number)
            .collect()
    }

    /// `(line, name)` of every command row: the first `name: "…"` after
    /// `Command {`.
    pub fn command_rows(&self) -> Vec<(usize, String)> {
        let mut rows = Vec::new();
        let mut in_row = false;
        for (number, line) in (1..).zip(self.raw.lines()) {
            if line.starts_with("const ") || line.starts_with("pub") {
                in_row = line.contains(": Command = Command {");
            }
            let quoted = line.trim().strip_prefix("name: \"");
            if let (true, Some(quoted)) = (in_row, quoted) {
                let name = quoted.split('"').next().expect("split gives one part");
                rows.push((number, name.to_owned()));
                in_row = false;
            }
        }
        rows
    }
}

fn walk(path: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("the listing goes on").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(&path, into);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Names of the folders directly below `root`.
pub fn folders(root: &str) -> Vec<String> {
    fs::read_dir(root)
        .expect("the tests run in the repository's root")
        .map(|entry| entry.expect("the listing goes on").path())
        .filter(|path| path.is_dir())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect()
}

/// The names of all commands that transcripts send, in capitals.
pub fn transcript_commands(folder: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return names;
    };
    for entry in entries {
        let path = entry.expect("the listing goes on").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a transcript is UTF-8");
        for line in text.lines() {
            if let Some((before, command)) = line.split_once("> ")
                && !before.contains(' ')
            {
                // The second word may be a subcommand's name.
                let words = command.split_whitespace().take(2);
                names.extend(words.map(str::to_ascii_uppercase));
            }
        }
    }
    names
}

/// The text with comments and the insides of literals turned into blanks.
fn blank(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut code = String::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + hidden_length(bytes, at);
        if end == at {
            code.push(char::from(bytes[at].min(127)));
            at += 1;
            continue;
        }
        for byte in &bytes[at..end] {
            code.push(if *byte == b'\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    code
}

/// How many bytes from `at` are comment or literal; 0 if code stands there.
fn hidden_length(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let is_word = at > 0 && is_word_byte(bytes[at - 1]);
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_length(rest),
        [b'"', ..] => string_length(rest),
        [b'r', b'"' | b'#', ..] if !is_word => raw_string_length(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !is_word => raw_string_length(rest, 2),
        [b'\'', ..] => character_length(rest),
        _ => 0,
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn raw_string_length(rest: &[u8], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|b| **b == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return 0; // r#identifier
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    let body = prefix + hashes + 1;
    let end = rest[body..].windows(close.len()).position(|w| w == close);
    end.map_or(rest.len(), |end| body + end + close.len())
}

/// `'x'`, `'\n'` and `'é'` are hidden; a lifetime is code.
fn character_length(rest: &[u8]) -> usize {
    match rest {
        [_, b'\\', ..] => {
            let end = rest[3..].iter().position(|b| *b == b'\'');
            end.map_or(rest.len(), |end| 3 + end + 1)
        }
        [_, first, ..] => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            if rest.get(1 + width) == Some(&b'\'') {
                width + 2
            } else {
                0
            }
        }
        _ => 0,
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Identifiers with the segment before them. A brace group gives each of its
/// members the segment before the brace.
fn words(code: &str) -> Vec<Token> {
    let bytes = code.as_bytes();
    let mut found: Vec<Token> = Vec::new();
    // What `::` at this place continues, and one such per open brace.
    let mut before = String::new();
    let mut groups: Vec<String> = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if is_word_byte(byte) {
            let end = at + bytes[at..].iter().take_while(|b| is_word_byte(**b)).count();
            let word = code[at..end].to_owned();
            found.push(Token { line, word, before });
            before = String::new();
            at = end;
            continue;
        }
        match byte {
            b'\n' => line += 1,
            b':' if bytes.get(at + 1) == Some(&b':') => {
                before = found
                    .last()
                    .map_or_else(String::new, |last| last.word.clone());
                at += 1;
            }
            b'{' => {
                groups.push(before.clone());
            }
            b'}' => {
                groups.pop();
                before = String::new();
            }
            b',' => before = groups.last().cloned().unwrap_or_default(),
            b';' | b'(' | b'=' => before = String::new(),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The first line of the foot's test module; beyond every line without one.
fn test_module_line(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    lines
        .iter()
        .position(|line| *line == "#[cfg(test)]")
        .filter(|at| lines.get(at + 1).is_some_and(|next| next.ends_with('{')))
        .map_or(usize::MAX, |at| at + 1)
}

fn without_attributes(code: &str) -> String {
    let mut kept = String::new();
    let mut depth = 0;
    let mut in_attribute = false;
    for (at, mark) in code.char_indices() {
        let opens = mark == '#' && code[at + 1..].trim_start_matches('!').starts_with('[');
        in_attribute |= opens;
        if !in_attribute {
            kept.push(mark);
            continue;
        }
        match mark {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                in_attribute = depth > 0;
            }
            _ => {}
        }
    }
    kept
}

/// Where the first item ends: at a `;` outside braces, or at the brace that
/// closes it.
fn item_end(code: &str) -> Option<usize> {
    let mut depth = 0;
    let is_listing = code.split_whitespace().any(|word| word == "use");
    for (at, mark) in code.char_indices() {
        match mark {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return Some(at + 1),
            _ => {}
        }
        if mark == '}' && depth == 0 && !is_listing {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(PathBuf::from("src/a/b.rs"), text.to_owned())
    }

    fn named(text: &str) -> Vec<String> {
        let source = source(text);
        let words = source.named_after("crate");
        words.iter().map(|token| token.word.clone()).collect()
    }

    #[test]
    fn brace_groups_are_opened() {
        assert_eq!(named("use crate::{a::{b, c}, d as e, f};"), ["a", "d", "f"]);
        assert_eq!(named("fn g(h: crate::i::J) -> crate::k::L {}"), ["i", "k"]);
        assert_eq!(named("use crate::\n    m::N;"), ["m"]);
    }

    #[test]
    fn comments_and_literals_hide_nothing_but_themselves() {
        assert_eq!(
            named("// crate::a\n/* /* crate::b */ crate::c */ crate::d"),
            ["d"]
        );
        assert_eq!(named(r##"let s = "crate::a\" crate::b"; crate::c"##), ["c"]);
        assert_eq!(named("let s = r#\"crate::a\" \"#; crate::b"), ["b"]);
        assert_eq!(
            named("let q = '\"'; crate::a; let r = b'\\''; crate::b"),
            ["a", "b"]
        );
        assert_eq!(named("fn f<'a>(x: &'a str) { crate::c }"), ["c"]);
    }

    #[test]
    fn climbing_is_counted() {
        let source = source("use super::super::c; use super::d;");
        assert_eq!(source.super_chains(), [(1, 2), (1, 1)]);
        assert_eq!(source.depth(), 2);
    }

    #[test]
    fn hidden_exports_are_found() {
        let source = source("pub use crate::a::B; pub(crate) use crate::{c::D, e}; use crate::f;");
        let words = source.re_exported_from_crate();
        let words: Vec<&str> = words.iter().map(|token| token.word.as_str()).collect();
        assert_eq!(words, ["a", "c", "e"]);
    }

    #[test]
    fn items_are_cut_and_code_is_seen() {
        let source = source("#![x]\nmod a;\npub use b::{c, d};\n#[cfg(test)]\nmod e { f(); }");
        assert_eq!(
            source.items(),
            ["mod a;", "pub use b::{c, d};", "mod e { f(); }"]
        );
    }
}
