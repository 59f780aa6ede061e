//! The command line: `basalt [file.conf] [--directive value …] [-]`.
//!
//! A word that begins with `--` starts a directive, unless the one before has
//! no value yet and needs one: `--logfile --x` logs to a file called `--x`.
//! `--save` alone means `--save ""`. Directives apply after the file and
//! standard input, in their order.

use std::path::PathBuf;

use super::file::{Fault, Files, Loaded};
use super::words::in_quotes;

/// What the program does with its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Print this and end.
    Say(String),
    /// Run a node.
    Node(Box<Loaded>),
}

impl Start {
    /// Reads the command line, without the program's own name, and what it
    /// names.
    pub fn parse(words: &[Vec<u8>], files: &mut Files<'_>) -> Result<Self, Fault> {
        match parse(words) {
            Invocation::Version => Ok(Self::Say(version_line())),
            Invocation::Help => Ok(Self::Say(HELP.to_owned())),
            Invocation::Sentinel => Err(Fault::plain(String::from(
                "basalt does not have Sentinel yet",
            ))),
            Invocation::Node(arguments) => {
                load(&arguments, files).map(|loaded| Self::Node(Box::new(loaded)))
            }
        }
    }
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// `--version` or `-v`: print `version_line()`.
    Version,
    /// `--help` or `-h`: print `HELP`.
    Help,
    /// `--sentinel`: basalt has no Sentinel yet.
    Sentinel,
    /// A node.
    Node(Arguments),
}

/// Where a node's settings come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The file to read first.
    pub file: Option<PathBuf>,
    /// Whether standard input is read next.
    pub standard_input: bool,
    /// Directives as lines of `redis.conf`, read last.
    pub directives: Vec<u8>,
}

/// What `--help` prints.
pub const HELP: &str = "\
Usage: basalt [file.conf] [--directive value ...] [-]

  file.conf    settings in redis.conf syntax
  --directive  a setting on the command line; it overrides the file
  -            read settings from standard input, before the directives
  --version    print the version and end; -v is the same
  --help       print this and end; -h is the same

Examples:
  basalt
  basalt /etc/basalt.conf --port 7000 --bind 127.0.0.1 ::1
  echo 'maxmemory 128mb' | basalt - --shards 4

docs/settings.md lists every setting.
";

/// What `--version` prints, without a line end.
pub fn version_line() -> String {
    format!(
        "basalt v={} redis=7.2.4 bits={}",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

/// Reads the command line, without the program's own name.
pub fn parse(words: &[Vec<u8>]) -> Invocation {
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    match words.as_slice() {
        [b"--version" | b"-v", ..] => return Invocation::Version,
        [b"--help" | b"-h", ..] => return Invocation::Help,
        _ => {}
    }
    if words.iter().any(|word| *word == b"--sentinel") {
        return Invocation::Sentinel;
    }
    let mut arguments = Arguments::default();
    let mut rest = words.as_slice();
    if let [first, after @ ..] = rest
        && (first.is_empty() || first[0] != b'-')
    {
        if !first.is_empty() {
            arguments.file = Some(PathBuf::from(String::from_utf8_lossy(first).into_owned()));
        }
        rest = after;
    }
    if let [b"-", after @ ..] = rest {
        arguments.standard_input = true;
        rest = after;
    } else if let [before @ .., b"-"] = rest {
        arguments.standard_input = true;
        rest = before;
    }
    arguments.directives = lines(rest);
    Invocation::Node(arguments)
}

/// Reads file, standard input and directives, in this order.
pub fn load(arguments: &Arguments, files: &mut Files<'_>) -> Result<Loaded, Fault> {
    let mut loaded = Loaded::default();
    loaded.file.clone_from(&arguments.file);
    if let Some(path) = &arguments.file {
        loaded.read_file(path, files)?;
    }
    if arguments.standard_input {
        loaded.read_file("-".as_ref(), files)?;
    }
    loaded.read_text("command line", &arguments.directives, files)?;
    loaded.check()?;
    Ok(loaded)
}

/// The directives of the command line, one per line.
fn lines(words: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut values = None;
    for word in words {
        let begins = word.len() > 2 && word.starts_with(b"--");
        let lacks_value = values == Some(0);
        if begins && lacks_value && text.ends_with(b"save") {
            text.extend(b" \"\"");
            values = Some(1);
        }
        if begins && values != Some(0) {
            if !text.is_empty() {
                text.push(b'\n');
            }
            // `--port 7000` may also come as one word.
            let directive = &word[2..];
            text.extend(directive);
            values = Some(usize::from(directive.contains(&b' ')));
        } else {
            if !text.is_empty() {
                text.push(b' ');
            }
            // Quoted, as stock shows a line that is wrong: nobody wrote it as a line.
            text.extend(in_quotes(word));
            values = Some(values.unwrap_or(0) + 1);
        }
    }
    if values == Some(0) && text.ends_with(b"save") {
        text.extend(b" \"\"");
    }
    text
}
