//! Words that only their client may read: passwords, which the slow log and
//! MONITOR show as `(redacted)`.

use crate::resp::Args;

use super::table::Entry;

const REDACTED: &[u8] = b"(redacted)";

/// Settings whose values are passwords.
const SECRET_SETTINGS: [&[u8]; 4] = [
    b"requirepass",
    b"masterauth",
    b"tls-key-file-pass",
    b"tls-client-key-file-pass",
];

/// A request's words as others may see them.
#[must_use]
pub fn shown_words<'a>(entry: &Entry, args: Args<'a>) -> Vec<&'a [u8]> {
    let mut words: Vec<&[u8]> = args.iter().collect();
    match entry.name {
        "auth" => words[1..].fill(REDACTED),
        "hello" => hide_login(&mut words),
        "config|set" => hide_settings(&mut words),
        _ => {}
    }
    words
}

/// `HELLO 3 AUTH user password SETNAME name`.
fn hide_login(words: &mut [&[u8]]) {
    let mut at = 2;
    while at < words.len() {
        if words[at].eq_ignore_ascii_case(b"auth") {
            let login = words.iter_mut().skip(at + 1).take(2);
            login.for_each(|word| *word = REDACTED);
            at += 3;
        } else {
            at += 2;
        }
    }
}

/// `CONFIG SET name value name value`.
fn hide_settings(words: &mut [&[u8]]) {
    for pair in words[2..].chunks_exact_mut(2) {
        if (SECRET_SETTINGS.iter()).any(|name| name.eq_ignore_ascii_case(pair[0])) {
            pair[1] = REDACTED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown_words;
    use crate::command::{Table, commands};
    use crate::resp::OwnedArgs;

    fn shown(request: &str) -> String {
        let table = Table::new(commands());
        let owned = OwnedArgs::new(request.split(' '));
        let entry = table.find(owned.args()).expect("there is such a command");
        let words = shown_words(entry, owned.args());
        String::from_utf8(words.join(&b' ')).expect("all text")
    }

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        let redacted = [
            ("AUTH p", "AUTH (redacted)"),
            ("auth u p", "auth (redacted) (redacted)"),
            ("HELLO 3", "HELLO 3"),
            (
                "HELLO 3 SETNAME auth AUTH u p",
                "HELLO 3 SETNAME auth AUTH (redacted) (redacted)",
            ),
            (
                "HELLO 2 auth u p setname n",
                "HELLO 2 auth (redacted) (redacted) setname n",
            ),
            ("HELLO 2 AUTH u", "HELLO 2 AUTH (redacted)"),
            (
                "CONFIG SET maxmemory 1 RequirePass p",
                "CONFIG SET maxmemory 1 RequirePass (redacted)",
            ),
            ("CONFIG SET masterauth", "CONFIG SET masterauth"),
            ("SET requirepass p", "SET requirepass p"),
        ];
        for (request, expected) in redacted {
            assert_eq!(shown(request), expected);
        }
    }
}
