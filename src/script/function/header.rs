//! The first line of a library: `#!lua name=mylib`.

use crate::resp::{Refusal, split_words};

/// What the first line says, and the rest, which keeps that line's end.
pub(super) struct Header<'a> {
    pub(super) name: Vec<u8>,
    pub(super) code: &'a [u8],
}

/// The refusal of a name of a library or function.
pub(super) const BAD_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) \
                                   and must be at least one character long";

pub(super) fn read(text: &[u8]) -> Result<Header<'_>, Refusal> {
    if !text.starts_with(b"#!") {
        return Err("ERR Missing library metadata".into());
    }
    let invalid = Refusal::Stated("ERR Invalid library metadata");
    let end = memchr::memchr(b'\n', text).ok_or(invalid.clone())?;
    let (line, code) = text.split_at(end);
    let words = split_words(line).ok_or(invalid)?;
    let mut words = words.iter().map(Vec::as_slice);
    let engine = words.next().unwrap_or_default();
    let mut name = None;
    for word in words {
        let Some((key, value)) = word.split_at_checked(NAME.len()) else {
            return Err(bad_option(word));
        };
        if !key.eq_ignore_ascii_case(NAME) {
            return Err(bad_option(word));
        }
        if name.replace(value.to_vec()).is_some() {
            return Err(
                "ERR Invalid metadata value, name argument was given multiple times".into(),
            );
        }
    }
    let name = name.ok_or("ERR Library name was not given")?;
    if !is_name(&name) {
        return Err(Refusal::Composed(format!("ERR {BAD_NAME}")));
    }
    let engine = &engine[2..];
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(Refusal::Composed(format!(
            "ERR Engine '{}' not found",
            String::from_utf8_lossy(engine)
        )));
    }
    Ok(Header { name, code })
}

const NAME: &[u8] = b"name=";

fn bad_option(word: &[u8]) -> Refusal {
    Refusal::Composed(format!(
        "ERR Invalid metadata value given: {}",
        String::from_utf8_lossy(word)
    ))
}

/// Whether a library or function may be called so.
pub(super) fn is_name(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    !name.is_empty() && name.iter().all(is_plain)
}
