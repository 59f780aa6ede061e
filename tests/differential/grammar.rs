//! The language `commands.txt` is written in: one command a line, its words by chance.
//!
//! ```text
//! [string s]                     the commands below are of strings, `key` is s1, s2 or s3;
//!                                the letter k is for those of any key
//! SET key value { NX | EX secs } a word in capitals stands for itself, others name a kind (words.rs)
//! ( a | b )                      one of them
//! [ a b ]                        both or nothing
//! { a | b | c }                  some of them, in any order
//! a ...                          once or several times
//! 5 GET key                      five times as often as others
//! GET key => unordered           how its replies are compared (compare.rs)
//! ```

use crate::compare::Comparison;
use crate::random::Random;
use crate::words::Kinds;

const COMMANDS: &str = include_str!("commands.txt");

/// How often `a ...` stands at most.
const REPEATS_MAX: usize = 4;

pub struct Template {
    /// The letter of its keys.
    pub letter: char,
    pub comparison: Comparison,
    items: Vec<Item>,
}

enum Item {
    Literal(String),
    Kind(String),
    Maybe(Vec<Item>),
    OneOf(Vec<Vec<Item>>),
    Some(Vec<Vec<Item>>),
    Several(Box<Item>),
}

/// Every command, as often as its line says.
pub fn templates() -> Vec<Template> {
    let mut templates = Vec::new();
    let mut letter = 's';
    for line in COMMANDS.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            letter = section.chars().rev().nth(1).expect("[name letter]");
            continue;
        }
        let (text, comparison) = line.split_once(" => ").unwrap_or((line, "exact"));
        let (times, text) = match text.split_once(' ') {
            Some((head, rest)) if head.parse::<usize>().is_ok() => {
                (head.parse().expect("just tried"), rest)
            }
            _ => (1, text),
        };
        for _ in 0..times {
            let mut words = text.split_whitespace().peekable();
            let items = sequence(&mut words);
            assert!(words.next().is_none(), "{line}: a bracket too many");
            templates.push(Template {
                letter,
                comparison: Comparison::named(comparison),
                items,
            });
        }
    }
    templates
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn sequence(tokens: &mut Tokens<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(token) = tokens.peek().copied() {
        if matches!(token, "|" | ")" | "]" | "}") {
            break;
        }
        tokens.next();
        let item = match token {
            "(" => Item::OneOf(alternatives(tokens, ")")),
            "{" => Item::Some(alternatives(tokens, "}")),
            "[" => {
                let inner = sequence(tokens);
                assert_eq!(tokens.next(), Some("]"));
                Item::Maybe(inner)
            }
            "..." => Item::Several(Box::new(items.pop().expect("something is repeated"))),
            word if word.starts_with(|first: char| first.is_ascii_lowercase()) => {
                Item::Kind(word.to_owned())
            }
            word => Item::Literal(word.to_owned()),
        };
        items.push(item);
    }
    items
}

fn alternatives(tokens: &mut Tokens<'_>, end: &str) -> Vec<Vec<Item>> {
    let mut all = vec![sequence(tokens)];
    while tokens.peek() == Some(&"|") {
        tokens.next();
        all.push(sequence(tokens));
    }
    assert_eq!(tokens.next(), Some(end));
    all
}

impl Template {
    /// The command's name, in capitals.
    pub fn name(&self) -> String {
        match self.items.first() {
            Some(Item::Literal(name)) => name.clone(),
            _ => panic!("a command begins with its name"),
        }
    }

    /// Whether the command may wait, as long as one of its words says.
    pub fn waits(&self) -> bool {
        let is_time = |kind: &str| matches!(kind, "timeout" | "block-ms");
        let mut items = self.items.iter();
        items.any(|item| matches!(item, Item::Kind(kind) if is_time(kind)))
    }

    pub fn words(&self, kinds: &mut Kinds<'_>) -> Vec<Vec<u8>> {
        kinds.letter = self.letter;
        let mut words = Vec::new();
        expand(&self.items, kinds, &mut words);
        words
    }
}

fn expand(items: &[Item], kinds: &mut Kinds<'_>, words: &mut Vec<Vec<u8>>) {
    for item in items {
        match item {
            Item::Literal(word) => words.push(in_some_case(word, kinds.random)),
            Item::Kind(kind) => kinds.draw(kind, words),
            Item::Maybe(inner) => {
                if kinds.random.chance(40) {
                    expand(inner, kinds, words);
                }
            }
            Item::OneOf(all) => {
                let chosen: &Vec<Item> = kinds.random.of(all);
                expand(chosen, kinds, words);
            }
            Item::Some(all) => {
                let mut left: Vec<&Vec<Item>> = all.iter().collect();
                while !left.is_empty() && kinds.random.chance(45) {
                    let at = kinds.random.below(left.len());
                    // Now and then the same option comes twice.
                    let chosen = if kinds.random.chance(90) {
                        left.swap_remove(at)
                    } else {
                        left[at]
                    };
                    expand(chosen, kinds, words);
                }
            }
            Item::Several(inner) => {
                for _ in 0..=kinds.random.below(REPEATS_MAX) {
                    expand(std::slice::from_ref(inner), kinds, words);
                }
            }
        }
    }
}

fn in_some_case(word: &str, random: &mut Random) -> Vec<u8> {
    match random.below(10) {
        0 => word.to_ascii_lowercase().into_bytes(),
        1 => {
            let flip =
                |byte: u8| byte ^ (u8::from(byte.is_ascii_alphabetic() && random.chance(50)) << 5);
            word.bytes().map(flip).collect()
        }
        _ => word.as_bytes().to_vec(),
    }
}
