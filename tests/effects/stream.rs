//! Writes down what a stream of effects holds, in a form that is the same at
//! every run: moments are told from now.

/// What is within this many milliseconds of now is a moment.
const NEAR_MS: i64 = 10_000_000_000;

/// Moments are told to the tenth of a second.
const STEP_MS: i64 = 100;

/// Commands as lines, the database in front unless it is 0. SELECT is told by
/// that.
pub fn lines(commands: &[Vec<Vec<u8>>], now_ms: i64, last: &[Vec<u8>]) -> Vec<String> {
    let is_by_chance = last.iter().any(|word| word.eq_ignore_ascii_case(b"SPOP"));
    let mut database = String::from("0");
    let mut lines = Vec::new();
    for words in commands {
        if words[0].eq_ignore_ascii_case(b"SELECT") {
            database = shown(&words[1], now_ms);
            continue;
        }
        let mut line: Vec<String> = words.iter().map(|word| shown(word, now_ms)).collect();
        if is_by_chance && line[0].eq_ignore_ascii_case("SREM") {
            line[2..].fill("?".to_owned());
        }
        let is_frame = matches!(line[0].as_str(), "MULTI" | "EXEC");
        let line = line.join(" ");
        lines.push(match database.as_str() {
            _ if is_frame => line,
            "0" => line,
            database => format!("{database}: {line}"),
        });
    }
    lines
}

fn shown(word: &[u8], now_ms: i64) -> String {
    if word.is_empty() {
        return "\"\"".to_owned();
    }
    let text = word.escape_ascii().to_string();
    let moment = |text: &str| {
        let from_now = text.parse::<i64>().ok()?.checked_sub(now_ms)?;
        (from_now.abs() < NEAR_MS).then(|| (from_now + STEP_MS / 2).div_euclid(STEP_MS) * STEP_MS)
    };
    match text.split_once('-') {
        Some((ms, number)) => match moment(ms) {
            Some(ms) if number.parse::<u64>().is_ok() => format!("@{ms}-{number}"),
            Some(_) | None => text,
        },
        None => moment(&text).map_or(text, |ms| format!("@{ms}")),
    }
}

/// The commands in RESP arrays of bulk strings; stops at what is none.
pub fn commands(mut bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut commands = Vec::new();
    while let Some(count) = header(&mut bytes, b'*') {
        let mut words = Vec::new();
        for _ in 0..count {
            let len = header(&mut bytes, b'$').expect("a bulk string");
            words.push(bytes[..len].to_vec());
            bytes = &bytes[len + 2..];
        }
        commands.push(words);
    }
    commands
}

fn header(bytes: &mut &[u8], kind: u8) -> Option<usize> {
    let rest = bytes.strip_prefix(&[kind])?;
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    *bytes = &rest[end + 2..];
    Some(number)
}
