//! How this family prints: descriptions of commands, lines of fields, sizes.

use std::fmt::{Display, Write as _};

use crate::resp::Reply;
use crate::spec::Description;

/// A tree of COMMAND INFO or COMMAND DOCS in the client's protocol.
pub(super) fn describe(reply: &mut Reply<'_>, description: &Description) {
    match description {
        Description::Int(number) => reply.int(*number),
        Description::Text(text) => reply.text(text),
        Description::Status(text) => reply.simple(text),
        Description::Array(items) => {
            reply.array(items.len());
            items.iter().for_each(|item| describe(reply, item));
        }
        Description::Set(items) => {
            reply.set(items.len());
            items.iter().for_each(|item| describe(reply, item));
        }
        Description::Map(entries) => {
            reply.map(entries.len());
            for (name, entry) in entries {
                reply.text(name);
                describe(reply, entry);
            }
        }
        Description::Named(entries) => {
            reply.map(entries.len());
            for (name, entry) in entries {
                reply.text(name);
                describe(reply, entry);
            }
        }
    }
}

/// Lines of INFO: `name:value`, ended as on the wire.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    /// Begins a section; an empty line parts it from the one before.
    pub(super) fn section(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line(format_args!("# {title}"));
    }

    /// One line.
    pub(super) fn line(&mut self, line: impl Display) {
        write!(self.text, "{line}\r\n").expect("a String takes any text");
    }

    /// One field.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// A size in bytes, and as `name_human`.
    pub(super) fn size(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.line(format_args!("{name}_human:{}", human(bytes)));
    }

    /// Fields that have nothing to count here, as an unused stock server
    /// shows them.
    pub(super) fn zeros(&mut self, names: &[&str]) {
        for name in names {
            self.field(name, 0);
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Bytes in the largest unit they reach: `1.02M`.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let unit = (bytes.ilog2() as usize / 10).min(UNITS.len());
    let size = bytes as f64 / (1_u64 << (10 * unit)) as f64;
    format!("{size:.2}{}", UNITS[unit - 1])
}

/// `part` of `whole`; 0 of nothing.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, human};

    #[test]
    fn sizes_are_in_stocks_units() {
        let shown: Vec<String> = [0, 1023, 1024, 1_065_112, 25_276_514_304, u64::MAX]
            .map(human)
            .to_vec();
        assert_eq!(
            shown,
            ["0B", "1023B", "1.00K", "1.02M", "23.54G", "16384.00P"]
        );
    }

    #[test]
    fn sections_are_parted_by_an_empty_line() {
        let mut lines = Lines::default();
        lines.section("One");
        lines.size("a", 2048);
        lines.section("Two");
        assert_eq!(
            lines.text(),
            "# One\r\na:2048\r\na_human:2.00K\r\n\r\n# Two\r\n"
        );
    }
}
