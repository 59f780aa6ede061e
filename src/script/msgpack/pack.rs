//! A value of Lua's as MessagePack.

use crate::script::raw::{Kind, Stack};

/// Tables within tables; one deeper is written as nil.
const DEPTH_MAX: usize = 16;

/// Appends the value at the top, and takes it. The shortest form is chosen.
pub(super) fn write(stack: &mut Stack, depth: usize, out: &mut Vec<u8>) {
    match stack.kind(-1) {
        Kind::String => write_string(stack.bytes(-1).unwrap_or_default(), out),
        Kind::Number => write_number(stack.number(-1).unwrap_or(0.0), out),
        Kind::Boolean if stack.truth(-1) => out.push(0xc3),
        Kind::Boolean => out.push(0xc2),
        Kind::Table if depth < DEPTH_MAX && stack.reserve(4) => write_table(stack, depth, out),
        _ => out.push(0xc0),
    }
    stack.pop(1);
}

fn write_string(text: &[u8], out: &mut Vec<u8>) {
    let len = text.len();
    if len < 32 {
        out.push(0xa0 | len as u8);
    } else if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[0xd9, len]);
    } else {
        write_len(len, 0xda, out);
    }
    out.extend_from_slice(text);
}

/// Appends a length of 16 bits after `short`, or of 32 after the type that follows it.
fn write_len(len: usize, short: u8, out: &mut Vec<u8>) {
    if let Ok(len) = u16::try_from(len) {
        out.push(short);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(short + 1);
        // The format has no longer length; a longer value is cut off, as the library has it.
        out.extend_from_slice(&(len as u32).to_be_bytes());
    }
}

fn write_number(value: f64, out: &mut Vec<u8>) {
    // Up to 2^63, which is not within 64 bits.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let whole = value as i64;
    if (-LIMIT..LIMIT).contains(&value) && whole as f64 == value {
        write_integer(whole, out);
    } else if f64::from(value as f32) == value {
        out.push(0xca);
        out.extend_from_slice(&(value as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    let bytes = value.to_be_bytes();
    let (kind, len) = match value {
        -32..=0x7f => return out.push(bytes[7]),
        0x80..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..=-33 => (0xd0, 1),
        -0x8000..=-0x81 => (0xd1, 2),
        -0x8000_0000..=-0x8001 => (0xd2, 4),
        i64::MIN..=-0x8000_0001 => (0xd3, 8),
    };
    out.push(kind);
    out.extend_from_slice(&bytes[8 - len..]);
}

fn write_table(stack: &mut Stack, depth: usize, out: &mut Vec<u8>) {
    let (is_array, len) = shape(stack);
    match (is_array, len) {
        (true, 0..=15) => out.push(0x90 | len as u8),
        (true, _) => write_len(len, 0xdc, out),
        (false, 0..=15) => out.push(0x80 | len as u8),
        (false, _) => write_len(len, 0xde, out),
    }
    if is_array {
        for index in 1..=len as i32 {
            stack.raw_element(-1, index);
            write(stack, depth + 1, out);
        }
        return;
    }
    stack.push_nil();
    while stack.next(-2) {
        stack.push_value(-2);
        write(stack, depth + 1, out);
        write(stack, depth + 1, out);
    }
}

/// Whether the table at the top is an array without holes, and how many entries it has.
fn shape(stack: &mut Stack) -> (bool, usize) {
    let (mut largest, mut count, mut is_array) = (0.0, 0, true);
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        let index = match stack.kind(-1) {
            Kind::Number => stack.number(-1).unwrap_or(0.0),
            _ => 0.0,
        };
        is_array &= index >= 1.0 && index.floor() == index;
        largest = f64::max(largest, index);
        count += 1;
    }
    (is_array && largest == f64::from(count), count as usize)
}
