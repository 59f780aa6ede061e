//! Glob patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET take them.
//!
//! `*` any bytes, `?` one, `[a-z]` and `[^a-z]` one of a class, `\` the next byte itself. Edges
//! as in stock, checked against DEBUG STRINGMATCH and KEYS: a range may be reversed; a class that is
//! not closed ends with the pattern; `]` first in a class closes it; a `\` that ends
//! the pattern is itself.
//!
//! When a part after a `*` fails, only the last `*` is moved on: an earlier one can do nothing that
//! the last cannot. So the cost is at most pattern x text, not exponential.

/// With more stars that have something after them, nothing matches, as in stock.
const STARS_MAX: usize = 1000;

/// Whether letters of ASCII match in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    Sensitive,
    Insensitive,
}

/// Whether all of `text` matches `pattern`. Of no text, as in stock, only no pattern is one.
pub fn glob_matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut pattern_at = 0;
    let mut text_at = 0;
    // After the last `*`: where the pattern goes on, and how much text it has taken.
    let mut star: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        if pattern.get(pattern_at) == Some(&b'*') {
            while pattern.get(pattern_at) == Some(&b'*') {
                pattern_at += 1;
            }
            if pattern_at == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            star = Some((pattern_at, text_at));
            continue;
        }
        let Some(&byte) = text.get(text_at) else {
            return pattern_at >= pattern.len();
        };
        match one_byte(&pattern[pattern_at..], byte, case) {
            Some(used) => {
                pattern_at += used;
                text_at += 1;
            }
            None => {
                let Some((after_star, taken)) = star else {
                    return false;
                };
                star = Some((after_star, taken + 1));
                pattern_at = after_star;
                text_at = taken + 1;
            }
        }
    }
}

/// How much of `pattern` (which does not begin with `*`) matches `byte`.
#[inline]
fn one_byte(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let (matches, used) = match *pattern.first()? {
        b'?' => (true, 1),
        b'[' => class(pattern, byte, case),
        b'\\' if pattern.len() >= 2 => (same(pattern[1], byte, case), 2),
        literal => (same(literal, byte, case), 1),
    };
    matches.then_some(used)
}

/// Whether `byte` is in the class `pattern` begins with, and the class's length.
fn class(pattern: &[u8], byte: u8, case: Case) -> (bool, usize) {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    loop {
        match pattern[at.min(pattern.len())..] {
            [b'\\', escaped, ..] => {
                found |= same(escaped, byte, case);
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [] => break,
            [first, b'-', last, ..] => {
                let [first, last, byte] = [first, last, byte].map(|byte| folded(byte, case));
                found |= (first.min(last)..=first.max(last)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= same(literal, byte, case);
                at += 1;
            }
        }
    }
    (found != negated, at)
}

fn same(left: u8, right: u8, case: Case) -> bool {
    folded(left, case) == folded(right, case)
}

fn folded(byte: u8, case: Case) -> u8 {
    match case {
        Case::Sensitive => byte,
        Case::Insensitive => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        for (texts, expected) in [(matching, true), (others, false)] {
            for text in texts {
                let found = glob_matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
                assert_eq!(found, expected, "{pattern} on {text}");
            }
        }
    }

    #[test]
    fn stars_and_question_marks() {
        check("", &[""], &["a"]);
        check("*", &["a", "abc"], &[""]);
        check("h?llo", &["hello", "h?llo"], &["hllo", "heello"]);
        check("h*llo", &["hllo", "heeeello"], &["hell", "hllo1"]);
        check("a**b*", &["ab", "axbx"], &["a", "xab"]);
        check("*a*b", &["ab", "aab", "xaxbxb"], &["ba", "a"]);
        check("a*?", &["ab", "abc"], &["a"]);
    }

    #[test]
    fn classes_with_ranges_and_negation() {
        check("h[ae]llo", &["hello", "hallo"], &["hillo"]);
        check("h[^e]llo", &["hallo"], &["hello", "hllo"]);
        check("h[a-c]llo", &["hallo", "hcllo"], &["hdllo"]);
        check("h[c-a]llo", &["hallo", "hcllo"], &["hdllo"]);
        check("[a\\-z]", &["a", "-", "z"], &["b", "\\"]);
        check("[]a", &[], &["a", "]a"]);
        check("[^]a", &["xa"], &["a"]);
    }

    #[test]
    fn a_class_that_is_not_closed_ends_with_the_pattern() {
        check("h[ab", &["ha", "hb"], &["hab", "h[ab", "hc"]);
        check("[", &[], &["", "["]);
        check("[^", &["x"], &[""]);
        check("[a-", &["a", "-"], &["b"]);
    }

    #[test]
    fn a_backslash_takes_the_next_byte_as_it_is() {
        check("\\*", &["*"], &["a", "\\*"]);
        check("a\\?", &["a?"], &["ab"]);
        check("a\\", &["a\\"], &["a"]);
    }

    #[test]
    fn case_is_ignored_on_demand() {
        assert!(glob_matches(b"MAX*[A-C]", b"maxmemoryB", Case::Insensitive));
        assert!(!glob_matches(b"MAX*", b"maxmemory", Case::Sensitive));
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        let pattern = [b"*a".repeat(500), b"b".to_vec()].concat();
        assert!(!glob_matches(&pattern, &[b'a'; 10_000], Case::Sensitive));
    }

    #[test]
    fn a_thousand_stars_are_the_most() {
        let (pattern, text) = (b"*a".repeat(1000), [b'a'; 1000]);
        assert!(glob_matches(&pattern, &text, Case::Sensitive));
        let (pattern, text) = (b"*a".repeat(1001), [b'a'; 1001]);
        assert!(!glob_matches(&pattern, &text, Case::Sensitive));
        let pattern = [b"*a".repeat(1000), b"*".to_vec()].concat();
        assert!(glob_matches(&pattern, &text, Case::Sensitive));
    }

    /// Every way to match, tried in turn.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            _ if text.is_empty() => pattern.iter().all(|byte| *byte == b'*'),
            [] => false,
            [b'*', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            _ => text.split_first().is_some_and(|(&byte, tail)| {
                one_byte(pattern, byte, Case::Sensitive)
                    .is_some_and(|used| naive(&pattern[used..], tail))
            }),
        }
    }

    proptest! {
        #[test]
        fn matches_as_if_every_way_were_tried(pattern in "[*?ab\\[\\]^\\\\-]{0,9}", text in "[ab-]{0,9}") {
            let expected = match text.is_empty() {
                true => pattern.is_empty(),
                false => naive(pattern.as_bytes(), text.as_bytes()),
            };
            let found = glob_matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
            prop_assert_eq!(found, expected);
        }
    }
}
