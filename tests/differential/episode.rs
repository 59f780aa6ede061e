//! The commands of one episode, from a seed.

use crate::compare::Comparison;
use crate::grammar::Template;
use crate::random::Random;
use crate::stage::{Difference, SETTINGS, Stage};
use crate::step::Step;
use crate::words::{EDGES, Kinds};

pub struct Episode {
    pub seed: u64,
    pub protocol: &'static str,
    pub steps: Vec<Step>,
}

/// After so many commands all keys are compared.
const DIGEST_EVERY: usize = 50;

impl Episode {
    pub fn new(seed: u64, count: usize, templates: &[Template]) -> Self {
        let mut random = Random::new(seed);
        let protocol = *random.of(&["2", "3"]);
        let mut clock = 1;
        let focus = random.chance(65).then(|| random.of(templates).letter);
        let mut steps = settings(&mut random);
        for at in 1..=count {
            steps.push(any_step(&mut random, &mut clock, focus, templates));
            if at.is_multiple_of(DIGEST_EVERY) || at == count {
                for own in ["DIGEST", "CHANGES"] {
                    steps.push(Step {
                        comparison: Comparison::Own,
                        ..Step::exact(own)
                    });
                }
            }
        }
        Self {
            seed,
            protocol,
            steps,
        }
    }

    pub fn first_difference(&self, stage: &mut Stage) -> Option<(usize, Difference)> {
        first_difference(stage, self.protocol, &self.steps)
    }
}

/// Plays steps from the beginning.
pub fn first_difference(
    stage: &mut Stage,
    protocol: &str,
    steps: &[Step],
) -> Option<(usize, Difference)> {
    stage.begin(protocol);
    let mut played = steps.iter().enumerate();
    played.find_map(|(at, step)| stage.play(step).err().map(|difference| (at, difference)))
}

/// Half of the episodes run with other settings than usual.
fn settings(random: &mut Random) -> Vec<Step> {
    let mut steps = Vec::new();
    if random.chance(50) {
        for (name, values) in SETTINGS {
            if random.chance(40) {
                let value = random.of(values);
                steps.push(Step::exact(&format!("CONFIG SET {name} {value}")));
            }
        }
    }
    steps
}

fn any_step(
    random: &mut Random,
    clock: &mut i64,
    focus: Option<char>,
    templates: &[Template],
) -> Step {
    loop {
        let template = random.of(templates);
        let is_beside = focus.is_some_and(|focus| focus != template.letter);
        // Those of any key are asked of the one in focus, too.
        let left_out = if template.letter == 'k' { 70 } else { 90 };
        if is_beside && random.chance(left_out) {
            continue;
        }
        let mut kinds = Kinds {
            random,
            letter: 's',
            focus,
            clock,
        };
        let mut words = template.words(&mut kinds);
        let mut comparison = template.comparison;
        // A set of one score is to stay one, and nobody is to wait for ever.
        let is_level = words[0].eq_ignore_ascii_case(b"ZADD") && words[1].starts_with(b"y");
        if comparison != Comparison::Own && !is_level && !template.waits() {
            if random.chance(8) {
                spoil(&mut words, random);
            } else if random.chance(2) {
                words.splice(0..0, [b"COMMAND".to_vec(), b"GETKEYS".to_vec()]);
                comparison = Comparison::Exact;
            }
        }
        // A star makes the clock decide about the id.
        if words[0].eq_ignore_ascii_case(b"XADD") && words.iter().any(|word| word == b"*") {
            comparison = Comparison::Clocked;
        }
        if !is_steady(&words) {
            continue;
        }
        // Where LPOS differs is known by its name.
        let is_known = template.name() == "LPOS";
        let may_be_called = comparison == Comparison::Exact && !template.waits() && !is_known;
        if may_be_called && CALLED.contains(&template.letter) && random.chance(4) {
            words = called(words, random);
        }
        return Step { words, comparison };
    }
}

/// The letters whose commands are called by scripts, too.
const CALLED: &[char] = &['s', 'n', 'b', 'l', 'h', 'e'];

/// The command as a script calls it: one that could reach any key, or its own key alone.
fn called(mut words: Vec<Vec<u8>>, random: &mut Random) -> Vec<Vec<u8>> {
    let call = *random.of(&["call", "pcall"]);
    let name = String::from_utf8_lossy(&words[0]).into_owned();
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (script, keys) = match random.below(3) {
        0 if is_plain && words.len() > 1 => {
            words.remove(0);
            let script = format!("return redis.{call}('{name}', KEYS[1], unpack(ARGV))");
            (script, "1")
        }
        1 => (format!("return {{redis.{call}(unpack(ARGV))}}"), "0"),
        _ => (format!("return redis.{call}(unpack(ARGV))"), "0"),
    };
    let before = ["EVAL", &script, keys].map(|word| word.as_bytes().to_vec());
    words.splice(0..0, before);
    words
}

/// Does something to the words that nobody would.
fn spoil(words: &mut Vec<Vec<u8>>, random: &mut Random) {
    for _ in 0..=random.below(2) {
        let count = words.len();
        let at = 1 + random.below(count);
        match random.below(6) {
            0 if at < count => drop(words.remove(at)),
            1 if at < count => words[at] = random.of(EDGES).to_vec(),
            2 if at < count => {
                let word = words[at].clone();
                words.push(word);
            }
            3 if count > 2 => words.swap(1 + random.below(count - 1), 1 + random.below(count - 1)),
            4 => words.truncate(at),
            _ => words.insert(at, random.of(EDGES).to_vec()),
        }
    }
}

/// Whether no deadline comes while the commands run.
fn is_steady(words: &[Vec<u8>]) -> bool {
    let is_soon = |word: &[u8]| {
        let number = std::str::from_utf8(word)
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        number.is_some_and(|number| (1..100_000).contains(&number))
    };
    let name = String::from_utf8_lossy(&words[0]).to_ascii_uppercase();
    let takes_time = matches!(
        name.as_str(),
        "SET" | "SETEX" | "PSETEX" | "GETEX" | "EXPIRE" | "PEXPIRE" | "RESTORE"
    );
    if !takes_time {
        return true;
    }
    let is_option = |at: usize| {
        let option = &words[at - 1];
        matches!(at, 2) && name != "SET" && name != "GETEX"
            || option.eq_ignore_ascii_case(b"EX")
            || option.eq_ignore_ascii_case(b"PX")
    };
    (2..words.len()).all(|at| !is_option(at) || !is_soon(&words[at]))
}
