//! The library `struct`: values to bytes and back by a format, as its manual says.

use super::frame::Frame;
use super::number::cut;
use super::raw::{Failure, Kind, Native, Outcome, Stack};

/// The functions, by their names.
pub(super) const FUNCTIONS: &[(&str, Native)] =
    &[("pack", pack), ("unpack", unpack), ("size", size)];

/// The longest integer.
const INTEGER_BYTES_MAX: usize = 32;

/// Where `!` without a number aligns to.
const ALIGN_MAX: usize = 8;

/// A format under way.
struct Format {
    text: Vec<u8>,
    at: usize,
    is_big: bool,
    align: usize,
}

/// One step of a format: an option, the bytes of its value, the bytes to skip before.
struct Field {
    option: u8,
    size: usize,
    padding: usize,
}

impl Format {
    fn read(stack: &mut Stack) -> Result<Self, Failure> {
        Ok(Self {
            text: string(stack, 1)?.to_vec(),
            at: 0,
            is_big: false,
            align: 1,
        })
    }

    /// The next option; `position` is where its value would begin.
    fn next(&mut self, position: usize) -> Result<Option<Field>, Failure> {
        let Some(&option) = self.text.get(self.at) else {
            return Ok(None);
        };
        self.at += 1;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => {
                let size = self.number(4)?;
                if size > INTEGER_BYTES_MAX {
                    return Err(Failure::here(format!(
                        "integral size {size} is larger than limit of {INTEGER_BYTES_MAX}"
                    )));
                }
                size
            }
            _ => 0,
        };
        let padding = if size == 0 || option == b'c' {
            0
        } else {
            // Sizes that are no power of two are not aligned but masked, as the library has it.
            let mask = size.min(self.align) - 1;
            (mask + 1).wrapping_sub(position & mask) & mask
        };
        Ok(Some(Field {
            option,
            size,
            padding,
        }))
    }

    /// The number the format has here, or `missing`.
    fn number(&mut self, missing: usize) -> Result<usize, Failure> {
        let mut number = None;
        while let Some(digit @ b'0'..=b'9') = self.text.get(self.at) {
            let value = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
            if value > i32::MAX as usize {
                return Err(Failure::here("integral size overflow"));
            }
            number = Some(value);
            self.at += 1;
        }
        Ok(number.unwrap_or(missing))
    }

    /// An option that stands for no value.
    fn control(&mut self, option: u8) -> Result<(), Failure> {
        match option {
            b' ' => {}
            b'>' => self.is_big = true,
            b'<' => self.is_big = false,
            b'!' => {
                let align = self.number(ALIGN_MAX)?;
                if !align.is_power_of_two() {
                    let text = format!("alignment {align} is not a power of 2");
                    return Err(Failure::here(text));
                }
                self.align = align;
            }
            other => {
                let text = format!("invalid format option '{}'", char::from(other));
                return Err(Failure::argument(1, text));
            }
        }
        Ok(())
    }
}

fn pack(stack: &mut Stack, frame: &Frame) -> Outcome {
    let mut format = Format::read(stack)?;
    let mut out = frame.scratch.borrow_mut();
    out.clear();
    let mut argument = 2;
    let mut position = 0;
    while let Some(field) = format.next(position)? {
        out.extend(std::iter::repeat_n(0, field.padding));
        position += field.padding + field.size;
        match field.option {
            b'x' => out.push(0),
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = unsigned(number(stack, argument)?);
                write_integer(&mut out, value, field.size, format.is_big);
                argument += 1;
            }
            b'f' => {
                let value = number(stack, argument)? as f32;
                put(&mut out, value.to_le_bytes(), format.is_big);
                argument += 1;
            }
            b'd' => {
                let value = number(stack, argument)?;
                put(&mut out, value.to_le_bytes(), format.is_big);
                argument += 1;
            }
            b'c' | b's' => {
                let written = write_string(stack, argument, &field, &mut out)?;
                position += written - field.size;
                argument += 1;
            }
            other => format.control(other)?,
        }
    }
    stack.push_bytes(&out);
    Ok(1)
}

/// Appends a string, and says how many bytes.
fn write_string(
    stack: &mut Stack,
    argument: i32,
    field: &Field,
    out: &mut Vec<u8>,
) -> Result<usize, Failure> {
    if !matches!(stack.kind(argument), Kind::String | Kind::Number) {
        return Err(missing(stack, argument, "string"));
    }
    let text = stack.text(argument).unwrap_or_default();
    let len = if field.size == 0 {
        text.len()
    } else {
        field.size
    };
    let Some(text) = text.get(..len) else {
        return Err(Failure::argument(argument + 1, "string too short"));
    };
    out.extend_from_slice(text);
    if field.option == b's' {
        out.push(0);
        return Ok(len + 1);
    }
    Ok(len)
}

fn unpack(stack: &mut Stack, frame: &Frame) -> Outcome {
    let mut format = Format::read(stack)?;
    // A copy, since what is read from it is pushed meanwhile.
    let mut data = frame.scratch.borrow_mut();
    data.clear();
    data.extend_from_slice(string(stack, 2)?);
    let mut position = start(stack)?;
    let first = stack.top();
    while let Some(field) = format.next(position)? {
        position = position.wrapping_add(field.padding);
        let value = slice(&data, position, field.size)?;
        if !stack.reserve(2) {
            return Err(Failure::here("stack overflow (too many results)"));
        }
        let mut used = field.size;
        match field.option {
            b'x' => {}
            b'b' | b'h' | b'l' | b'i' => {
                let bits = read_integer(value, format.is_big);
                stack.push_number(signed(bits, value.len()) as f64);
            }
            b'B' | b'H' | b'L' | b'T' | b'I' => {
                stack.push_number(read_integer(value, format.is_big) as f64);
            }
            b'f' => {
                let bits = read_integer(value, format.is_big) as u32;
                stack.push_number(f64::from(f32::from_bits(bits)));
            }
            b'd' => stack.push_number(f64::from_bits(read_integer(value, format.is_big))),
            b'c' if field.size == 0 => {
                used = previous_size(stack, first)?;
                stack.push_bytes(slice(&data, position, used)?);
            }
            b'c' => stack.push_bytes(value),
            b's' => {
                let rest = &data[position..];
                let Some(len) = memchr::memchr(0, rest) else {
                    return Err(Failure::here("unfinished string in data"));
                };
                stack.push_bytes(&rest[..len]);
                used = len + 1;
            }
            other => format.control(other)?,
        }
        position += used;
    }
    stack.push_number(position.wrapping_add(1) as f64);
    Ok(stack.top() - first)
}

/// The first byte to read, from 0. What is below the data is far beyond it.
fn start(stack: &mut Stack) -> Result<usize, Failure> {
    if stack.is_absent(3) {
        return Ok(0);
    }
    let position = cut(number(stack, 3)?);
    if position == 0 {
        return Err(Failure::argument(3, "offset must be 1 or greater"));
    }
    Ok((position as usize).wrapping_sub(1))
}

fn slice(data: &[u8], position: usize, size: usize) -> Result<&[u8], Failure> {
    // An option without a value reads nothing, wherever it stands.
    if size == 0 && position <= data.len() {
        return Ok(&[]);
    }
    position
        .checked_add(size)
        .and_then(|end| data.get(position..end))
        .ok_or_else(|| Failure::argument(2, "data string too short"))
}

/// Takes the number read last, which is the length of a string.
fn previous_size(stack: &mut Stack, first: i32) -> Result<usize, Failure> {
    let size = if stack.top() > first {
        stack.number(-1)
    } else {
        None
    };
    let Some(size) = size else {
        return Err(Failure::here("format 'c0' needs a previous size"));
    };
    stack.pop(1);
    Ok(cut(size) as usize)
}

fn size(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let mut format = Format::read(stack)?;
    let mut position = 0_usize;
    while let Some(field) = format.next(position)? {
        match field.option {
            b's' => {
                return Err(Failure::argument(1, "option 's' has no fixed size"));
            }
            b'c' if field.size == 0 => {
                return Err(Failure::argument(1, "option 'c0' has no fixed size"));
            }
            option if !option.is_ascii_alphanumeric() => format.control(option)?,
            _ => {}
        }
        position += field.padding + field.size;
    }
    stack.push_number(position as f64);
    Ok(1)
}

fn number(stack: &Stack, at: i32) -> Result<f64, Failure> {
    if let Some(number) = stack.number(at) {
        return Ok(number);
    }
    Err(missing(stack, at, "number"))
}

/// An argument to pack is missing or of another type. The library puts a nil after its arguments.
fn missing(stack: &Stack, at: i32, type_name: &str) -> Failure {
    let got = match stack.kind(at) {
        Kind::None => Kind::Nil,
        kind => kind,
    };
    Failure::argument(at, format!("{type_name} expected, got {}", got.name()))
}

fn string(stack: &mut Stack, at: i32) -> Result<&[u8], Failure> {
    if matches!(stack.kind(at), Kind::String | Kind::Number) {
        return Ok(stack.text(at).unwrap_or_default());
    }
    Err(Failure::expected(stack, at, "string"))
}

/// A number as 64 bits: what is beyond them is 0.
fn unsigned(value: f64) -> u64 {
    // 2^64.
    const LIMIT: f64 = 18_446_744_073_709_551_616.0;
    if value < 0.0 || value.is_nan() {
        cut(value) as u64
    } else if value < LIMIT {
        value as u64
    } else {
        0
    }
}

/// Appends `size` bytes; beyond the 8 of the value they are 0, whatever its sign.
fn write_integer(out: &mut Vec<u8>, value: u64, size: usize, is_big: bool) {
    let mut bytes = [0; INTEGER_BYTES_MAX];
    bytes[..8].copy_from_slice(&value.to_le_bytes());
    let bytes = &mut bytes[..size];
    if is_big {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

fn put<const LEN: usize>(out: &mut Vec<u8>, mut bytes: [u8; LEN], is_big: bool) {
    if is_big {
        bytes.reverse();
    }
    out.extend_from_slice(&bytes);
}

/// The lowest 64 bits of an integer of any length.
fn read_integer(bytes: &[u8], is_big: bool) -> u64 {
    let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if is_big {
        bytes.iter().fold(0, join)
    } else {
        bytes.iter().rev().fold(0, join)
    }
}

/// Extends the sign of an integer of `size` bytes. Beyond 8 of them, stock looks for the sign at
/// the place the processor takes from the lowest six bits of the distance; so do we.
fn signed(bits: u64, size: usize) -> i64 {
    let sign = (size as u32 * 8).wrapping_sub(1) & 63;
    let above = u64::MAX << sign;
    let extended = if bits & above == 0 {
        bits
    } else {
        bits | above
    };
    extended as i64
}
