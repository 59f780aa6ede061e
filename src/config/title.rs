//! The title of the process, as `proc-title-template` wants it.

use super::settings::Settings;

/// What a template may ask for, between braces.
const NAMES: &[&str] = &[
    "title",
    "listen-addr",
    "server-mode",
    "port",
    "tls-port",
    "unixsocket",
    "config-file",
];

/// Fills a template in; `None` if it asks for something else, or leaves a brace
/// open.
fn fill<'v>(template: &[u8], value: impl Fn(&'static str) -> &'v [u8]) -> Option<Vec<u8>> {
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.iter().position(|byte| *byte == b'{') {
        let (before, behind) = rest.split_at(open);
        filled.extend_from_slice(before);
        if let Some(brace) = behind.strip_prefix(b"{{") {
            // Two stand for one.
            filled.push(b'{');
            rest = brace;
            continue;
        }
        let close = behind.iter().position(|byte| *byte == b'}')?;
        let name = NAMES
            .iter()
            .find(|name| name.as_bytes() == &behind[1..close])?;
        filled.extend_from_slice(value(name));
        rest = &behind[close + 1..];
    }
    filled.extend_from_slice(rest);
    Some(filled)
}

/// Whether a template is one.
pub(super) fn is_template(template: &[u8]) -> bool {
    fill(template, |_| b"x").is_some_and(|filled| !filled.trim_ascii().is_empty())
}

/// The title of a process that was started as `program`.
#[must_use]
pub fn title(settings: &Settings, program: &[u8], config_file: &[u8]) -> Vec<u8> {
    let port = settings.bytes("port");
    let socket = settings.bytes("unixsocket");
    let bound = settings.bytes("bind");
    let first = bound.split(|byte| *byte == b' ').next();
    let host = first.filter(|host| !host.is_empty()).unwrap_or(b"*");
    let address = match port {
        b"0" => socket.to_vec(),
        _ => [host, b":", port].concat(),
    };
    let value = |name: &str| match name {
        "title" => program,
        "listen-addr" => &address,
        "port" => port,
        "tls-port" => settings.bytes("tls-port"),
        "unixsocket" => socket,
        "config-file" => config_file,
        // Nothing stands for a node alone.
        _ => b"",
    };
    let filled = fill(settings.bytes("proc-title-template"), value);
    let filled = filled.expect("a template is looked at when it is set");
    filled.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::{fill, is_template};

    #[test]
    fn a_template_is_filled_in_or_is_none() {
        let filled = |template: &str| {
            let filled = fill(template.as_bytes(), |name| &name.as_bytes()[..2]);
            filled.map(|filled| String::from_utf8(filled).expect("it is ASCII"))
        };
        assert_eq!(filled("a {title}-{port} b").as_deref(), Some("a ti-po b"));
        assert_eq!(filled("{{title} }").as_deref(), Some("{title} }"));
        assert_eq!(filled("{titles}"), None);
        assert_eq!(filled("{Title}"), None);
        assert_eq!(filled("x {port"), None);
        assert!(is_template(b"{server-mode}"));
        assert!(!is_template(b"  ") && !is_template(b""));
    }
}
