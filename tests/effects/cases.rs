//! Reads `cases.txt`; its language is told there.

/// One case.
pub struct Case {
    /// Its requests, as written.
    pub text: String,
    requests: Vec<Vec<Vec<u8>>>,
    /// What the last of them tells.
    pub told: Vec<String>,
    /// Where `told` stands in the file's lines.
    pub from: usize,
    pub to: usize,
    /// Not as stock 7.0 tells it.
    pub is_by_hand: bool,
}

impl Case {
    pub fn before(&self) -> &[Vec<Vec<u8>>] {
        &self.requests[..self.requests.len() - 1]
    }

    pub fn last(&self) -> &[Vec<u8>] {
        self.requests.last().expect("a line has a request")
    }
}

pub fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut is_by_hand = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(told) = line.strip_prefix("  ") {
            let case = cases.last_mut().expect("a case comes first");
            case.told.push(told.to_owned());
            case.to = index + 1;
        } else if line.starts_with('!') {
            is_by_hand = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            cases.push(Case {
                text: line.to_owned(),
                requests: line.split(';').map(words).collect(),
                told: Vec::new(),
                from: index + 1,
                to: index + 1,
                is_by_hand,
            });
            is_by_hand = false;
        }
    }
    cases
}

/// Words are separated by spaces; `\xHH` is a byte, `""` an empty word.
fn words(request: &str) -> Vec<Vec<u8>> {
    request.split_whitespace().map(word).collect()
}

fn word(written: &str) -> Vec<u8> {
    if written == "\"\"" {
        return Vec::new();
    }
    let mut parts = written.split("\\x");
    let mut bytes = Vec::from(parts.next().unwrap_or_default());
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
