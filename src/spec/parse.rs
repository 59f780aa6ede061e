//! The parser of usage lines: one function per line of the grammar in [`super::usage`].

use super::usage::{Argument, Kind, UsageFault};

/// Reads one usage line from left to right.
pub(super) struct Parser<'u> {
    usage: &'u str,
    at: usize,
    /// The index the next key without an explicit one gets.
    next_key: usize,
}

type Parsed<T> = Result<T, UsageFault>;

impl<'u> Parser<'u> {
    pub(super) fn new(usage: &'u str) -> Self {
        Self {
            usage,
            at: 0,
            next_key: 0,
        }
    }

    /// The whole line.
    pub(super) fn line(mut self) -> Parsed<Vec<Argument>> {
        let arguments = self.sequence()?;
        if self.at < self.usage.len() {
            return Err(self.expected("an argument"));
        }
        Ok(arguments)
    }

    /// Arguments up to the end, a bar or a closing bracket.
    fn sequence(&mut self) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        loop {
            self.skip_spaces();
            match self.peek() {
                None | Some(b'|' | b')' | b']') => return Ok(arguments),
                Some(_) => arguments.push(self.argument()?),
            }
        }
    }

    fn argument(&mut self) -> Parsed<Argument> {
        match self.peek() {
            Some(b'[') => self.optional(),
            Some(byte) if byte.is_ascii_uppercase() => self.token(),
            Some(byte) if byte.is_ascii_lowercase() => self.named(),
            Some(_) | None => Err(self.expected("a name, a word in capitals or `[`")),
        }
    }

    /// `[argument]`, and `[argument]...` which repeats a word with its value.
    fn optional(&mut self) -> Parsed<Argument> {
        self.take(b'[', "`[`")?;
        self.skip_spaces();
        let mut argument = self.argument()?;
        self.skip_spaces();
        self.take(b']', "`]` after one argument")?;
        argument.optional = true;
        if self.accept("...") {
            argument.multiple = true;
            argument.multiple_token = argument.token.is_some();
        }
        Ok(argument)
    }

    /// A word in capitals: by itself, or before the value or group it belongs to.
    fn token(&mut self) -> Parsed<Argument> {
        let word = self.word();
        let start = self.at;
        self.skip_spaces();
        let value_follows =
            start < self.at && self.peek().is_some_and(|byte| byte.is_ascii_lowercase());
        if value_follows && !self.names_a_token() {
            let mut argument = self.named()?;
            argument.token = Some(word);
            return Ok(argument);
        }
        self.at = start;
        let mut argument = Argument::new(word.to_ascii_lowercase(), Kind::PureToken);
        argument.token = Some(word);
        self.versions_and_dots(&mut argument)?;
        Ok(argument)
    }

    /// True when what follows has the form `name=TOKEN`, which takes no word before it.
    fn names_a_token(&self) -> bool {
        let rest = &self.usage[self.at..];
        let name = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        rest[name..].starts_with('=') && !rest[name..].starts_with("=(")
    }

    /// `name…`: a value, a named word or a group.
    fn named(&mut self) -> Parsed<Argument> {
        let name = self.name()?;
        let mut argument = if self.accept("=(") {
            self.group(name)?
        } else if self.accept("=") {
            let mut argument = Argument::new(name, Kind::PureToken);
            argument.token = Some(self.word());
            argument
        } else {
            self.value(name)?
        };
        self.versions_and_dots(&mut argument)?;
        Ok(argument)
    }

    /// After `name=(`: choices between bars, or a block.
    fn group(&mut self, name: String) -> Parsed<Argument> {
        let mut children = self.sequence()?;
        let kind = if self.peek() == Some(b'|') {
            Kind::OneOf
        } else {
            Kind::Block
        };
        if kind == Kind::OneOf && children.len() != 1 {
            return Err(self.expected("one argument before `|`"));
        }
        while self.accept("|") {
            let choice = self.sequence()?;
            if choice.len() != 1 {
                return Err(self.expected("one argument between bars"));
            }
            children.extend(choice);
        }
        self.take(b')', "`)`")?;
        if children.is_empty() {
            return Err(self.expected("arguments inside a group"));
        }
        let mut argument = Argument::new(name, kind);
        argument.children = children;
        Ok(argument)
    }

    /// After a value's name: its type, key and text.
    fn value(&mut self, name: String) -> Parsed<Argument> {
        let kind = if self.accept(":") {
            self.kind()?
        } else if name == "key" {
            Kind::Key
        } else {
            Kind::String
        };
        let mut argument = Argument::new(name, kind);
        if self.accept("@") {
            argument.keys = Some(self.number()?);
        } else if kind == Kind::Key {
            argument.keys = Some(self.next_key);
        }
        if let (Kind::Key, Some(index)) = (kind, argument.keys) {
            self.next_key = index + 1;
        }
        if self.accept("\"") {
            let text = self.until(b'"');
            argument.text = Some(text.to_owned());
            self.take(b'"', "a closing quote")?;
        }
        Ok(argument)
    }

    fn kind(&mut self) -> Parsed<Kind> {
        let name = self.name()?;
        [
            Kind::String,
            Kind::Integer,
            Kind::Double,
            Kind::Key,
            Kind::Pattern,
            Kind::UnixTime,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| self.expected("a type before this"))
    }

    fn versions_and_dots(&mut self, argument: &mut Argument) -> Parsed<()> {
        while self.accept("{") {
            let deprecated = self.accept("..");
            let version = Some(self.until(b'}').to_owned());
            self.take(b'}', "`}`")?;
            if deprecated {
                argument.deprecated_since = version;
            } else {
                argument.since = version;
            }
        }
        argument.multiple = self.accept("...");
        Ok(())
    }

    fn name(&mut self) -> Parsed<String> {
        let start = self.at;
        let rest = &self.usage[start..];
        self.at += rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        if self.at == start {
            return Err(self.expected("a name in small letters"));
        }
        Ok(self.usage[start..self.at].to_owned())
    }

    /// A word to be written as it stands: everything up to a space or a sign of the grammar.
    fn word(&mut self) -> String {
        let start = self.at;
        let rest = &self.usage[start..];
        self.at += rest
            .find(|c: char| c == ' ' || "|)]{".contains(c))
            .unwrap_or(rest.len());
        self.usage[start..self.at].to_owned()
    }

    fn number(&mut self) -> Parsed<usize> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.usage[start..self.at]
            .parse()
            .map_err(|_| self.expected("a number"))
    }

    fn until(&mut self, end: u8) -> &'u str {
        let start = self.at;
        let rest = &self.usage.as_bytes()[start..];
        self.at += rest
            .iter()
            .position(|byte| *byte == end)
            .unwrap_or(rest.len());
        &self.usage[start..self.at]
    }

    fn peek(&self) -> Option<u8> {
        self.usage.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = self.usage[self.at..].starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Parsed<()> {
        if self.peek() != Some(byte) {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn expected(&self, expected: &'static str) -> UsageFault {
        let at = self.at;
        UsageFault { at, expected }
    }
}

impl Argument {
    fn new(name: String, kind: Kind) -> Self {
        Self {
            name,
            kind,
            token: None,
            text: None,
            keys: None,
            since: None,
            deprecated_since: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            children: Vec::new(),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}
