//! What a script returns, as a reply.
//!
//! The path to the value under way is kept on Lua's stack and in a list, not
//! in calls: a script may nest tables 8,000 deep. The limit is Lua's own for
//! the places of one call, counted as stock counts: one for an array, three
//! for a map or a set.

use super::number;
use super::raw::{Kind, Stack};
use crate::resp::{Reply, Version};

/// A table under way.
enum Level {
    /// An array at the top; its next element.
    Array { next: i32, len: i32 },
    /// A table, its field `map`, and the key written last.
    Map { value_is_next: bool },
    /// A table, its field `set`, and the member written last.
    Set,
}

/// Writes the value at the top and takes it. `version` is the one the script chose: it decides
/// what becomes of booleans.
pub(super) fn write(stack: &mut Stack, version: Version, reply: &mut Reply<'_>) {
    let mut levels = Vec::new();
    loop {
        if let Some(level) = write_value(stack, version, reply) {
            levels.push(level);
        }
        // To the next value, leaving the tables that end.
        loop {
            let Some(level) = levels.last_mut() else {
                return;
            };
            if level.advance(stack) {
                break;
            }
            levels.pop();
        }
    }
}

impl Level {
    /// Pushes the next value; at the end takes all that belongs to the table.
    fn advance(&mut self, stack: &mut Stack) -> bool {
        match self {
            Level::Array { next, len } => {
                if *next > *len {
                    stack.pop(1);
                    return false;
                }
                stack.raw_element(-1, *next);
                *next += 1;
                true
            }
            Level::Map {
                value_is_next: true,
            } => {
                // The value lies at the top already.
                *self = Level::Map {
                    value_is_next: false,
                };
                true
            }
            Level::Map { .. } if stack.next(-2) => {
                stack.push_value(-2);
                *self = Level::Map {
                    value_is_next: true,
                };
                true
            }
            Level::Set if stack.next(-2) => {
                stack.pop(1);
                stack.push_value(-1);
                true
            }
            Level::Map { .. } | Level::Set => {
                stack.pop(2);
                false
            }
        }
    }
}

/// Writes a value that is whole and takes it, or the header of a table that stays.
fn write_value(stack: &mut Stack, version: Version, reply: &mut Reply<'_>) -> Option<Level> {
    if !stack.reserve(4) {
        reply.error("ERR reached lua stack limit");
        stack.pop(1);
        return None;
    }
    match stack.kind(-1) {
        Kind::String => reply.bulk(stack.bytes(-1).unwrap_or_default()),
        Kind::Number => reply.int(number::cut(stack.number(-1).unwrap_or(0.0))),
        Kind::Boolean => match (version, stack.truth(-1)) {
            (Version::Three, value) => reply.bool(value),
            (Version::Two, true) => reply.int(1),
            (Version::Two, false) => reply.null(),
        },
        Kind::Table => return write_table(stack, reply),
        Kind::None
        | Kind::Nil
        | Kind::Function
        | Kind::LightUserdata
        | Kind::Userdata
        | Kind::Thread => reply.null(),
    }
    stack.pop(1);
    None
}

fn write_table(stack: &mut Stack, reply: &mut Reply<'_>) -> Option<Level> {
    let table = stack.top();
    if write_whole(stack, reply) {
        stack.set_top(table - 1);
        return None;
    }
    if stack.raw_field(table, "map") == Kind::Table {
        reply.map(entries(stack));
        stack.push_nil();
        return Some(Level::Map {
            value_is_next: false,
        });
    }
    stack.pop(1);
    if stack.raw_field(table, "set") == Kind::Table {
        reply.set(entries(stack));
        stack.push_nil();
        return Some(Level::Set);
    }
    stack.pop(1);
    let len = elements(stack);
    reply.array(len as usize);
    Some(Level::Array { next: 1, len })
}

/// Writes the table at the top if a field makes it one value. May leave values above it.
fn write_whole(stack: &mut Stack, reply: &mut Reply<'_>) -> bool {
    let table = stack.top();
    if stack.raw_field(table, "err") == Kind::String {
        reply.error_bytes(stack.bytes(-1).unwrap_or_default());
    } else if stack.raw_field(table, "ok") == Kind::String {
        reply.simple_bytes(stack.bytes(-1).unwrap_or_default());
    } else if stack.raw_field(table, "double") == Kind::Number {
        reply.double(stack.number(-1).unwrap_or(0.0));
    } else if stack.raw_field(table, "big_number") == Kind::String {
        write_big_number(stack.bytes(-1).unwrap_or_default(), reply);
    } else {
        stack.set_top(table);
        return write_verbatim(stack, reply);
    }
    true
}

fn write_big_number(digits: &[u8], reply: &mut Reply<'_>) {
    let mut line = digits.to_vec();
    for byte in &mut line {
        if matches!(*byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    match reply.version() {
        Version::Two => reply.bulk(&line),
        Version::Three => {
            reply.raw(b"(");
            reply.raw(&line);
            reply.raw(b"\r\n");
        }
    }
}

/// A format is three letters: cut, or filled with spaces.
fn write_verbatim(stack: &mut Stack, reply: &mut Reply<'_>) -> bool {
    let table = stack.top();
    if stack.raw_field(table, "verbatim_string") != Kind::Table
        || stack.raw_field(table + 1, "format") != Kind::String
        || stack.raw_field(table + 1, "string") != Kind::String
    {
        stack.set_top(table);
        return false;
    }
    let mut format = [b' '; 3];
    for (to, from) in format.iter_mut().zip(stack.bytes(-2).unwrap_or_default()) {
        *to = *from;
    }
    let text = stack.bytes(-1).unwrap_or_default();
    match reply.version() {
        Version::Two => reply.bulk(text),
        Version::Three => {
            reply.raw(format!("={}\r\n", text.len() + 4).as_bytes());
            reply.raw(&format);
            reply.raw(b":");
            reply.raw(text);
            reply.raw(b"\r\n");
        }
    }
    true
}

/// Elements of the table at the top, up to the first that is nil.
fn elements(stack: &mut Stack) -> i32 {
    let mut len = 0;
    while len < i32::MAX {
        let kind = stack.raw_element(-1, len + 1);
        stack.pop(1);
        if kind == Kind::Nil {
            break;
        }
        len += 1;
    }
    len
}

/// Pairs of the table at the top.
fn entries(stack: &mut Stack) -> usize {
    let mut len = 0;
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        len += 1;
    }
    len
}
