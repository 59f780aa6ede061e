//! A value of Lua's as JSON.
//!
//! The path to the value under way is kept on Lua's stack and in a list, not in calls: how deep
//! it may be is for the script to set.

use super::settings::{Invalid, Settings};
use crate::script::number::write_general;
use crate::script::raw::{Failure, Kind, Stack};

/// A table under way, at the top but for the key of an object.
enum Level {
    Array { next: i32, len: i32 },
    Object { has_members: bool },
}

/// Appends the value at the top, and takes it.
pub(super) fn write(
    stack: &mut Stack,
    settings: &Settings,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut levels = Vec::new();
    loop {
        if stack.kind(-1) == Kind::Table {
            check_depth(stack, settings, levels.len() + 1)?;
            levels.push(open(stack, settings, out)?);
        } else {
            write_scalar(stack, settings, out)?;
            stack.pop(1);
        }
        // To the next value, closing the tables that end.
        loop {
            let Some(level) = levels.last_mut() else {
                return Ok(());
            };
            if level.advance(stack, settings, out)? {
                break;
            }
            levels.pop();
        }
    }
}

fn check_depth(stack: &mut Stack, settings: &Settings, depth: usize) -> Result<(), Failure> {
    if depth <= settings.encode_depth_max() && stack.reserve(3) {
        return Ok(());
    }
    Err(Failure::here(format!(
        "Cannot serialise, excessive nesting ({depth})"
    )))
}

fn open(stack: &mut Stack, settings: &Settings, out: &mut Vec<u8>) -> Result<Level, Failure> {
    if let Some(len) = array_len(stack, settings)? {
        out.push(b'[');
        return Ok(Level::Array { next: 1, len });
    }
    out.push(b'{');
    stack.push_nil();
    Ok(Level::Object { has_members: false })
}

impl Level {
    /// Pushes the next value; at the end takes the table.
    fn advance(
        &mut self,
        stack: &mut Stack,
        settings: &Settings,
        out: &mut Vec<u8>,
    ) -> Result<bool, Failure> {
        match self {
            Level::Array { next, len } => {
                if next > len {
                    out.push(b']');
                    stack.pop(1);
                    return Ok(false);
                }
                if *next > 1 {
                    out.push(b',');
                }
                stack.raw_element(-1, *next);
                *next += 1;
            }
            Level::Object { has_members } => {
                if !stack.next(-2) {
                    out.push(b'}');
                    stack.pop(1);
                    return Ok(false);
                }
                if *has_members {
                    out.push(b',');
                }
                *has_members = true;
                write_key(stack, settings, out)?;
            }
        }
        Ok(true)
    }
}

/// The largest index of the table at the top, if its keys are positive whole numbers.
fn array_len(stack: &mut Stack, settings: &Settings) -> Result<Option<i32>, Failure> {
    let (mut largest, mut count) = (0.0, 0);
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        let index = match stack.kind(-1) {
            Kind::Number => stack.number(-1).unwrap_or(0.0),
            _ => 0.0,
        };
        if index < 1.0 || index.floor() != index || index > f64::from(i32::MAX) {
            stack.pop(1);
            return Ok(None);
        }
        largest = f64::max(largest, index);
        count += 1;
    }
    if count == 0 {
        return Ok(None);
    }
    if settings.is_sparse(largest, count) {
        if settings.sparse_is_object() {
            return Ok(None);
        }
        return Err(cannot("table", "excessively sparse array"));
    }
    Ok(Some(largest as i32))
}

fn cannot(type_name: &str, why: &str) -> Failure {
    Failure::here(format!("Cannot serialise {type_name}: {why}"))
}

/// Appends the key below the top, and the colon.
fn write_key(stack: &Stack, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Failure> {
    match stack.kind(-2) {
        Kind::Number => {
            out.push(b'"');
            write_number(stack.number(-2).unwrap_or(0.0), settings, out)?;
            out.push(b'"');
        }
        Kind::String => write_string(stack.bytes(-2).unwrap_or_default(), out),
        other => {
            return Err(cannot(other.name(), "table key must be a number or string"));
        }
    }
    out.push(b':');
    Ok(())
}

fn write_scalar(stack: &Stack, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Failure> {
    match stack.kind(-1) {
        Kind::String => write_string(stack.bytes(-1).unwrap_or_default(), out),
        Kind::Number => write_number(stack.number(-1).unwrap_or(0.0), settings, out)?,
        Kind::Boolean if stack.truth(-1) => out.extend_from_slice(b"true"),
        Kind::Boolean => out.extend_from_slice(b"false"),
        Kind::Nil => out.extend_from_slice(b"null"),
        Kind::LightUserdata if stack.light(-1).is_null() => out.extend_from_slice(b"null"),
        other => return Err(cannot(other.name(), "type not supported")),
    }
    Ok(())
}

fn write_number(value: f64, settings: &Settings, out: &mut Vec<u8>) -> Result<(), Failure> {
    if !value.is_finite() {
        match settings.invalid_written() {
            Invalid::Refused => return Err(cannot("number", "must not be NaN or Inf")),
            Invalid::Null => out.extend_from_slice(b"null"),
            // Whatever its sign, as the library has it.
            Invalid::Written if value.is_nan() => out.extend_from_slice(b"nan"),
            Invalid::Written => write_general(out, value, 1),
        }
        return Ok(());
    }
    write_general(out, value, settings.precision());
    Ok(())
}

fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'/' => b"\\/",
            8 => b"\\b",
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            12 => b"\\f",
            b'\r' => b"\\r",
            0..32 | 127 => b"",
            _ => continue,
        };
        out.extend_from_slice(&text[plain..at]);
        plain = at + 1;
        if escape.is_empty() {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
        } else {
            out.extend_from_slice(escape);
        }
    }
    out.extend_from_slice(&text[plain..]);
    out.push(b'"');
}
