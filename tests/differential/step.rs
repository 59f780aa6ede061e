//! One request of an episode.

use crate::compare::Comparison;
use crate::wire::quote;

/// One request, and how its replies are compared.
#[derive(Clone)]
pub struct Step {
    pub words: Vec<Vec<u8>>,
    pub comparison: Comparison,
}

impl Step {
    pub fn exact(text: &str) -> Self {
        Self {
            words: text
                .split(' ')
                .map(|word| word.as_bytes().to_vec())
                .collect(),
            comparison: Comparison::Exact,
        }
    }

    /// The command's name, in capitals.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.words[0]).to_ascii_uppercase()
    }

    /// As it is written in a transcript.
    pub fn text(&self) -> String {
        let is_plain = |word: &[u8]| {
            let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
            !word.is_empty() && word.iter().all(is_plain)
        };
        let shown = self.words.iter().map(|word| {
            if is_plain(word) {
                String::from_utf8_lossy(word).into_owned()
            } else {
                quote(word)
            }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    pub fn is(&self, at: usize, word: &str) -> bool {
        let found = self.words.get(at);
        found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub fn has(&self, word: &str) -> bool {
        (1..self.words.len()).any(|at| self.is(at, word))
    }

    /// The keys that it may write in an order that is open.
    pub fn written_openly(&self) -> Vec<Vec<u8>> {
        let after = |word: &str| {
            let at = (1..self.words.len()).rfind(|at| self.is(*at, word));
            at.and_then(|at| self.words.get(at + 1)).cloned()
        };
        let first = || self.words.get(1).cloned();
        let keys = match self.comparison {
            Comparison::Clocked => [first(), None],
            Comparison::Sort => [after("STORE"), None],
            Comparison::Geo if self.name() == "GEOSEARCHSTORE" => [first(), None],
            Comparison::Geo => [after("STORE"), after("STOREDIST")],
            _ => [None, None],
        };
        keys.into_iter().flatten().collect()
    }
}
