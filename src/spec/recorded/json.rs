//! As much JSON as the recorded facts need: numbers and truth values are kept as their text.

/// A JSON value.
#[derive(Debug)]
pub(super) enum Json {
    Text(String),
    Array(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// The value written in `text`; panics with the position where it is none.
    pub(super) fn parse(text: &str) -> Self {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value();
        reader.skip_spaces();
        assert_eq!(reader.at, text.len(), "something follows the value");
        value
    }

    /// The member of a map with this name.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Map(members) = self else {
            return None;
        };
        let member = members.iter().find(|(member, _)| member == name);
        member.map(|(_, value)| value)
    }

    /// The text of a text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Array(_) | Self::Map(_) => None,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Json {
        self.skip_spaces();
        match self.peek() {
            b'"' => Json::Text(self.string()),
            b'[' => Json::Array(self.list(b']', Self::value)),
            b'{' => Json::Map(self.list(b'}', Self::member)),
            _ => {
                let rest = &self.text[self.at..];
                let end = rest
                    .find([',', ']', '}', '\n'])
                    .expect("something ends a number");
                self.at += end;
                Json::Text(rest[..end].to_owned())
            }
        }
    }

    fn member(&mut self) -> (String, Json) {
        self.skip_spaces();
        let name = self.string();
        self.skip_spaces();
        assert_eq!(self.peek(), b':', "byte {}", self.at);
        self.at += 1;
        (name, self.value())
    }

    fn list<T>(&mut self, end: u8, item: fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.skip_spaces();
            if self.peek() == b',' {
                self.at += 1;
            }
            self.skip_spaces();
            if self.peek() == end {
                self.at += 1;
                return items;
            }
            items.push(item(self));
        }
    }

    /// A string; the recorded ones escape nothing but quotes.
    fn string(&mut self) -> String {
        assert_eq!(self.peek(), b'"', "byte {}", self.at);
        self.at += 1;
        let mut string = String::new();
        let mut escaped = false;
        for c in self.text[self.at..].chars() {
            self.at += c.len_utf8();
            match c {
                '"' if !escaped => break,
                '\\' if !escaped => escaped = true,
                _ => {
                    escaped = false;
                    string.push(c);
                }
            }
        }
        string
    }

    fn skip_spaces(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> u8 {
        *self.text.as_bytes().get(self.at).expect("more to read")
    }
}
