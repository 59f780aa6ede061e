//! Values: from what a person wrote to the text CONFIG GET shows, or why not.
//!
//! The text kept is canonical: sizes in bytes, words in lower case, limits of
//! all three classes. Error texts are stock's.

use super::events;
use super::setting::Kind;
use super::title::is_template;

/// The classes of output limits, with the name CONFIG GET shows and the other
/// name accepted.
pub(super) const CLASSES: [(&str, &str); 3] = [
    ("normal", "normal"),
    ("slave", "replica"),
    ("pubsub", "pubsub"),
];

/// The canonical text of `value`, given the text of `now`, which some kinds
/// change in part.
pub(super) fn canonical(kind: Kind, now: &[u8], value: &[u8]) -> Result<Vec<u8>, String> {
    match kind {
        Kind::Text => Ok(value.to_vec()),
        Kind::Title if is_template(value) => Ok(value.to_vec()),
        Kind::Title => Err(String::from(
            "template format is invalid or contains unknown variables",
        )),
        Kind::Bool => word(value, &["yes", "no"])
            .ok_or_else(|| String::from("argument must be 'yes' or 'no'")),
        Kind::Integer(least, most) => {
            let number = integer(value).ok_or("argument couldn't be parsed into an integer")?;
            within(number, least, most)
        }
        Kind::Octal => octal(value),
        Kind::Memory(least, most) => {
            let bytes = memory(value).ok_or("argument must be a memory value")?;
            within(bytes, least, most)
        }
        Kind::MemoryOrPercent => memory_or_percent(value),
        Kind::Enum(words) => word(value, words).ok_or_else(|| one_of(words)),
        Kind::Words(most) => many(value, most),
        Kind::OutputLimits => output_limits(now, value),
        Kind::Save => save(value),
        Kind::Percentiles => percentiles(value),
        Kind::Events => events::canonical(value),
        Kind::Shutdown => shutdown(value),
        Kind::OomScores => oom_scores(value),
    }
}

/// Bytes of a size such as `64mb`; `k` is 1000 and `kb` 1024. An empty text
/// is 0, as in stock.
pub fn memory(text: &[u8]) -> Option<i64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = match text[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits == 0 {
        return text.is_empty().then_some(0);
    }
    integer_of_digits(&text[..digits])?.checked_mul(unit)
}

/// A strict decimal integer: no spaces, no plus sign, no leading zeros.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits[0] == b'0';
    let minus_zero = digits.len() != text.len() && digits == b"0";
    if digits.is_empty() || leading_zero || minus_zero || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn integer_of_digits(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The words of a value, separated by spaces.
pub(super) fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

fn within(number: i64, least: i64, most: i64) -> Result<Vec<u8>, String> {
    if (least..=most).contains(&number) {
        return Ok(number.to_string().into_bytes());
    }
    Err(format!(
        "argument must be between {least} and {most} inclusive"
    ))
}

fn word(value: &[u8], words: &[&str]) -> Option<Vec<u8>> {
    words
        .iter()
        .find(|word| word.as_bytes().eq_ignore_ascii_case(value))
        .map(|word| word.as_bytes().to_vec())
}

fn one_of(words: &[&str]) -> String {
    format!(
        "argument(s) must be one of the following: {}",
        words.join(", ")
    )
}

fn octal(value: &[u8]) -> Result<Vec<u8>, String> {
    let mode = std::str::from_utf8(value)
        .ok()
        .and_then(|text| u32::from_str_radix(text, 8).ok())
        .ok_or("argument couldn't be parsed as an octal number")?;
    if mode > 0o777 {
        return Err(String::from("argument must be between 0 and 777 inclusive"));
    }
    Ok(format!("{mode:o}").into_bytes())
}

fn memory_or_percent(value: &[u8]) -> Result<Vec<u8>, String> {
    const WRONG: &str = "argument must be a memory or percent value";
    if let Some(share) = value.strip_suffix(b"%") {
        let share = integer(share).filter(|share| *share >= 0).ok_or(WRONG)?;
        if share > 100 {
            return Err(String::from(
                "percentage argument must be less or equal to 100",
            ));
        }
        return Ok(format!("{share}%").into_bytes());
    }
    memory(value)
        .map(|bytes| bytes.to_string().into_bytes())
        .ok_or_else(|| String::from(WRONG))
}

fn many(value: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let words: Vec<&[u8]> = words(value).collect();
    if words.len() > most {
        return Err(String::from("Too many bind addresses specified."));
    }
    Ok(words.join(&b' '))
}

fn output_limits(now: &[u8], value: &[u8]) -> Result<Vec<u8>, String> {
    let parts: Vec<&[u8]> = words(value).collect();
    if !parts.len().is_multiple_of(4) {
        return Err(String::from(
            "Wrong number of arguments in buffer limit configuration.",
        ));
    }
    let mut limits: Vec<Vec<u8>> = words(now).map(<[u8]>::to_vec).collect();
    assert_eq!(limits.len(), 12, "three classes of four words each");
    for part in parts.chunks(4) {
        let class = CLASSES
            .iter()
            .position(|(shown, other)| {
                part[0].eq_ignore_ascii_case(shown.as_bytes())
                    || part[0].eq_ignore_ascii_case(other.as_bytes())
            })
            .ok_or("Invalid client class specified in buffer limit configuration.")?;
        let wrong = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        let hard = memory(part[1]).ok_or(wrong)?;
        let soft = memory(part[2]).ok_or(wrong)?;
        let seconds = integer(part[3])
            .filter(|seconds| *seconds >= 0)
            .ok_or(wrong)?;
        for (place, number) in [hard, soft, seconds].into_iter().enumerate() {
            limits[class * 4 + place + 1] = number.to_string().into_bytes();
        }
    }
    Ok(limits.join(&b' '))
}

fn save(value: &[u8]) -> Result<Vec<u8>, String> {
    let parts: Vec<&[u8]> = words(value).collect();
    let sound = parts.len().is_multiple_of(2)
        && parts.chunks(2).all(|pair| {
            integer(pair[0]).is_some_and(|seconds| seconds >= 1)
                && integer(pair[1]).is_some_and(|changes| changes >= 0)
        });
    if sound {
        Ok(parts.join(&b' '))
    } else {
        Err(String::from("Invalid save parameters"))
    }
}

fn percentiles(value: &[u8]) -> Result<Vec<u8>, String> {
    let name = "latency-tracking-info-percentiles";
    let mut shown = Vec::new();
    for part in words(value) {
        let share: f64 = std::str::from_utf8(part)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("Invalid {name} parameters"))?;
        if !(0.0..=100.0).contains(&share) {
            return Err(format!("{name} parameters should sit between [0.0,100.0]"));
        }
        shown.push(percentile_text(share));
    }
    Ok(shown.join(" ").into_bytes())
}

/// Six decimals at most, without trailing zeros, as INFO names its fields.
fn percentile_text(share: f64) -> String {
    let text = format!("{share:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shutdown(value: &[u8]) -> Result<Vec<u8>, String> {
    const WORDS: &[&str] = &["default", "save", "nosave", "now", "force"];
    let mut on = [false; 5];
    for part in words(value) {
        let place = WORDS
            .iter()
            .position(|word| word.as_bytes().eq_ignore_ascii_case(part));
        on[place.ok_or_else(|| one_of(WORDS))?] = true;
    }
    if on == [false; 5] {
        return Err(one_of(WORDS));
    }
    if on[1] && on[2] {
        return Err(String::from(
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ));
    }
    let named: Vec<&str> = (1..5)
        .filter(|place| on[*place])
        .map(|place| WORDS[place])
        .collect();
    Ok(if named.is_empty() {
        b"default".to_vec()
    } else {
        named.join(" ").into_bytes()
    })
}

fn oom_scores(value: &[u8]) -> Result<Vec<u8>, String> {
    let parts: Vec<&[u8]> = words(value).collect();
    if parts.len() != 3 {
        return Err(String::from("wrong number of arguments"));
    }
    let sound = |part: &&[u8]| integer(part).is_some_and(|score| (-2000..=2000).contains(&score));
    if !parts.iter().all(sound) {
        return Err(String::from(
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ));
    }
    Ok(parts.join(&b' '))
}
