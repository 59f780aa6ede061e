//! The reply of a command, as a value of Lua.
//!
//! Read straight from the bytes: a string is copied once, into Lua.

use super::failure;
use super::raw::{Failure, Stack};

/// Replies within replies that a command may give.
const DEPTH_MAX: usize = 1_000;

/// What a reply is, at its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Came {
    Value,
    Error,
}

/// Pushes the one reply in `bytes`. An error becomes a table.
pub(super) fn push(stack: &mut Stack, bytes: &[u8]) -> Result<Came, Failure> {
    let mut cursor = Cursor { bytes };
    cursor.push(stack, DEPTH_MAX)?;
    assert!(cursor.bytes.is_empty(), "a command gives one reply");
    Ok(if bytes.first() == Some(&b'-') {
        Came::Error
    } else {
        Came::Value
    })
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn push(&mut self, stack: &mut Stack, depth: usize) -> Result<(), Failure> {
        if depth == 0 || !stack.reserve(6) {
            return Err(Failure::Bare("reached lua stack limit".into()));
        }
        let (kind, line) = self.line();
        match kind {
            b'+' => self.push_named(stack, "ok", |stack| stack.push_bytes(line)),
            b'-' => failure::push_command_error(stack, line),
            b':' => stack.push_number(integer(line) as f64),
            b'$' | b'*' if line == b"-1" => stack.push_bool(false),
            b'$' => stack.push_bytes(self.take(line)),
            b'*' | b'>' => self.push_array(stack, count(line), depth)?,
            b'%' => self.push_map(stack, count(line), depth)?,
            b'~' => self.push_set(stack, count(line), depth)?,
            b'_' => stack.push_nil(),
            b'#' => stack.push_bool(line == b"t"),
            b',' => self.push_named(stack, "double", |stack| stack.push_number(double(line))),
            b'(' => self.push_named(stack, "big_number", |stack| stack.push_bytes(line)),
            b'=' => self.push_verbatim(stack, line),
            b'|' => self.skip_attribute(stack, count(line), depth)?,
            other => panic!("a command's reply begins with {other}"),
        }
        Ok(())
    }

    fn push_array(&mut self, stack: &mut Stack, len: i32, depth: usize) -> Result<(), Failure> {
        stack.push_table(len as usize, 0);
        for index in 1..=len {
            self.push(stack, depth - 1)?;
            stack.set_element(-2, index);
        }
        Ok(())
    }

    fn push_map(&mut self, stack: &mut Stack, len: i32, depth: usize) -> Result<(), Failure> {
        stack.push_table(0, 1);
        stack.push_table(0, len as usize);
        for _ in 0..len {
            self.push(stack, depth - 1)?;
            self.push(stack, depth - 1)?;
            set_pair(stack);
        }
        stack.set_field(-2, "map");
        Ok(())
    }

    fn push_set(&mut self, stack: &mut Stack, len: i32, depth: usize) -> Result<(), Failure> {
        stack.push_table(0, 1);
        stack.push_table(0, len as usize);
        for _ in 0..len {
            self.push(stack, depth - 1)?;
            stack.push_bool(true);
            set_pair(stack);
        }
        stack.set_field(-2, "set");
        Ok(())
    }

    fn push_named(&self, stack: &mut Stack, field: &str, push: impl FnOnce(&mut Stack)) {
        stack.push_table(0, 1);
        push(stack);
        stack.set_field(-2, field);
    }

    fn push_verbatim(&mut self, stack: &mut Stack, line: &[u8]) {
        let (format, text) = self.take(line).split_at(4);
        stack.push_table(0, 1);
        stack.push_table(0, 2);
        stack.push_bytes(text);
        stack.set_field(-2, "string");
        stack.push_bytes(&format[..3]);
        stack.set_field(-2, "format");
        stack.set_field(-2, "verbatim_string");
    }

    /// Pairs about the reply that follows: no value of Lua's has a place for them.
    fn skip_attribute(&mut self, stack: &mut Stack, len: i32, depth: usize) -> Result<(), Failure> {
        for _ in 0..len * 2 {
            self.push(stack, depth - 1)?;
            stack.pop(1);
        }
        self.push(stack, depth - 1)
    }

    /// The type byte of the next line, and the rest of it.
    fn line(&mut self) -> (u8, &'a [u8]) {
        let end = memchr::memchr(b'\r', self.bytes).expect("a reply is whole");
        let (line, rest) = self.bytes.split_at(end);
        self.bytes = &rest[2..];
        let (kind, line) = line.split_first().expect("a line has a type");
        (*kind, line)
    }

    /// As many bytes as `line` says.
    fn take(&mut self, line: &[u8]) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(integer(line) as usize);
        self.bytes = &rest[2..];
        taken
    }
}

/// Takes value and key from the top into the table below; a key that cannot be one is left out.
fn set_pair(stack: &mut Stack) {
    if stack.is_absent(-2) {
        stack.pop(2);
    } else {
        stack.raw_set(-3);
    }
}

fn count(line: &[u8]) -> i32 {
    i32::try_from(integer(line)).expect("a reply has fewer elements")
}

fn integer(line: &[u8]) -> i64 {
    crate::base::parse_i64(line).expect("a reply's number")
}

fn double(line: &[u8]) -> f64 {
    let text = std::str::from_utf8(line).expect("a number is ASCII");
    text.parse().expect("a reply's double")
}
