//! The list of files that the append-only file consists of, as stock Redis
//! keeps it: a base, what was added since, and what is to be removed.

use crate::resp::split_words;

/// What a file is of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The data at one moment.
    Base,
    /// What changed since.
    Increment,
    /// Not needed any more.
    History,
}

/// What a base is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseForm {
    /// As an RDB file.
    Rdb,
    /// As requests.
    Requests,
}

impl BaseForm {
    fn ending(self) -> &'static str {
        match self {
            BaseForm::Rdb => ".base.rdb",
            BaseForm::Requests => ".base.aof",
        }
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AofFile {
    pub name: Vec<u8>,
    pub number: u64,
    pub role: Role,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub base: Option<AofFile>,
    /// In the order in which they were written.
    pub increments: Vec<AofFile>,
    pub history: Vec<AofFile>,
    /// The highest numbers so far.
    base_number: u64,
    increment_number: u64,
}

/// A line that is none of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFault {
    /// From 1.
    pub line: usize,
    pub text: Vec<u8>,
    pub why: &'static str,
}

/// A longer line is none.
const LINE_BYTES_MAX: usize = 1024;

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestFault> {
        let mut manifest = Manifest::default();
        let mut lines = text.split(|byte| *byte == b'\n').enumerate().peekable();
        let mut is_empty = true;
        while let Some((index, line)) = lines.next() {
            let is_last = lines.peek().is_none();
            if is_last && line.is_empty() {
                break;
            }
            is_empty = false;
            let fault = |why| ManifestFault {
                line: index + 1,
                text: line.to_vec(),
                why,
            };
            if line.len() >= LINE_BYTES_MAX {
                return Err(fault("The AOF manifest file contains too long line"));
            }
            if is_last {
                return Err(fault(
                    "The AOF manifest file contains an invalid line format",
                ));
            }
            if line.starts_with(b"#") {
                continue;
            }
            manifest.take(line).map_err(fault)?;
        }
        if is_empty {
            return Err(ManifestFault {
                line: 0,
                text: Vec::new(),
                why: "Found an empty AOF manifest",
            });
        }
        Ok(manifest)
    }

    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        const FORMAT: &str = "Invalid AOF manifest file format";
        let words = split_words(line).ok_or(FORMAT)?;
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            return Err(FORMAT);
        }
        let (mut name, mut number, mut role) = (None, None, None);
        for pair in words.chunks_exact(2) {
            let value = &pair[1];
            if pair[0].eq_ignore_ascii_case(b"file") {
                if value.contains(&b'/') {
                    return Err("File can't be a path, just a filename");
                }
                name = Some(value.clone());
            } else if pair[0].eq_ignore_ascii_case(b"seq") {
                let text = std::str::from_utf8(value).map_err(|_| FORMAT)?;
                number = text.parse::<u64>().ok();
            } else if pair[0].eq_ignore_ascii_case(b"type") {
                role = Some(match value.as_slice() {
                    b"b" => Role::Base,
                    b"i" => Role::Increment,
                    b"h" => Role::History,
                    _ => return Err("Unknown AOF file type"),
                });
            }
        }
        let (Some(name), Some(number), Some(role)) = (name, number, role) else {
            return Err(FORMAT);
        };
        if name.is_empty() || number == 0 {
            return Err(FORMAT);
        }
        let file = AofFile { name, number, role };
        match role {
            Role::Base => {
                if self.base.is_some() {
                    return Err("Found duplicate base file information");
                }
                self.base_number = number;
                self.base = Some(file);
            }
            Role::History => self.history.push(file),
            Role::Increment => {
                if number <= self.increment_number {
                    return Err("Found a non-monotonic sequence number");
                }
                self.increment_number = number;
                self.increments.push(file);
            }
        }
        Ok(())
    }

    /// As a file holds it.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let files = self
            .base
            .iter()
            .chain(&self.history)
            .chain(&self.increments);
        for file in files {
            text.extend_from_slice(b"file ");
            put_name(&mut text, &file.name);
            let role = match file.role {
                Role::Base => 'b',
                Role::Increment => 'i',
                Role::History => 'h',
            };
            text.extend_from_slice(format!(" seq {} type {role}\n", file.number).as_bytes());
        }
        text
    }

    /// Adds the next file of changes; its name.
    pub fn add_increment(&mut self, stem: &[u8]) -> Vec<u8> {
        self.increment_number += 1;
        let name = named(stem, self.increment_number, ".incr.aof");
        self.increments.push(AofFile {
            name: name.clone(),
            number: self.increment_number,
            role: Role::Increment,
        });
        name
    }

    /// Puts another base in the place of the one that is there and of the first
    /// `increments` files of changes, which are history then; its name.
    pub fn replace_base(&mut self, stem: &[u8], form: BaseForm, increments: usize) -> Vec<u8> {
        self.base_number += 1;
        let name = named(stem, self.base_number, form.ending());
        let base = AofFile {
            name: name.clone(),
            number: self.base_number,
            role: Role::Base,
        };
        let old = self.base.replace(base).into_iter();
        let old = old.chain(self.increments.drain(..increments));
        self.history.extend(old.map(|file| AofFile {
            role: Role::History,
            ..file
        }));
        name
    }

    /// A manifest of one file that was there before there were manifests.
    #[must_use]
    pub fn of_old_file(name: &[u8]) -> Manifest {
        Manifest {
            base: Some(AofFile {
                name: name.to_vec(),
                number: 1,
                role: Role::Base,
            }),
            base_number: 1,
            ..Manifest::default()
        }
    }
}

fn named(stem: &[u8], number: u64, ending: &str) -> Vec<u8> {
    let mut name = stem.to_vec();
    name.extend_from_slice(format!(".{number}{ending}").as_bytes());
    name
}

/// A name that would be several words, or none, stands in quotes.
fn put_name(text: &mut Vec<u8>, name: &[u8]) {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if name.iter().all(is_plain) {
        return text.extend_from_slice(name);
    }
    text.push(b'"');
    for byte in name {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' => text.push(*byte),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            0x07 => text.extend_from_slice(b"\\a"),
            0x08 => text.extend_from_slice(b"\\b"),
            _ => text.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::{BaseForm, Manifest};

    #[test]
    fn a_manifest_is_what_it_was_read_from() {
        let text = b"file appendonly.aof.2.base.rdb seq 2 type b\n\
            file appendonly.aof.1.base.rdb seq 1 type h\n\
            file \"a b.1.incr.aof\" seq 1 type h\n\
            file appendonly.aof.4.incr.aof seq 4 type i\n\
            file appendonly.aof.5.incr.aof seq 5 type i\n";
        let mut manifest = Manifest::parse(text).expect("a manifest");
        assert_eq!(manifest.to_text(), text);
        assert_eq!(manifest.add_increment(b"x"), b"x.6.incr.aof");
        let name = manifest.replace_base(b"x", BaseForm::Rdb, 2);
        assert_eq!(name, b"x.3.base.rdb");
        assert_eq!(manifest.history.len(), 5);
        assert_eq!(manifest.increments.len(), 1);
        let again = Manifest::parse(&manifest.to_text());
        assert_eq!(again.as_ref(), Ok(&manifest));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_line() {
        for (text, line, why) in [
            ("", 0, "Found an empty AOF manifest"),
            (
                "file a seq 1 type i",
                1,
                "The AOF manifest file contains an invalid line format",
            ),
            ("# x\n\n", 2, "Invalid AOF manifest file format"),
            ("file a seq 1\n", 1, "Invalid AOF manifest file format"),
            (
                "file a seq x type i\n",
                1,
                "Invalid AOF manifest file format",
            ),
            (
                "file d/a seq 1 type i\n",
                1,
                "File can't be a path, just a filename",
            ),
            ("file a seq 1 type x\n", 1, "Unknown AOF file type"),
            (
                "file a seq 1 type b\nfile b seq 2 type b\n",
                2,
                "Found duplicate base file information",
            ),
            (
                "file a seq 2 type i\nfile b seq 2 type i\n",
                2,
                "Found a non-monotonic sequence number",
            ),
        ] {
            let fault = Manifest::parse(text.as_bytes()).expect_err(text);
            assert_eq!((fault.line, fault.why), (line, why), "{text}");
        }
    }
}
