//! MessagePack as values of Lua's.
//!
//! Collections under way are kept on Lua's stack and in a list, not in calls: data may nest as
//! deep as Lua's stack is.

use crate::script::raw::{Failure, Kind, Outcome, Stack};

/// What is wanted of the data.
#[derive(Clone, Copy)]
pub(super) enum Request {
    All,
    /// At most so many values from a byte on, and before them the byte that comes after, or -1
    /// at the end.
    From {
        start: usize,
        limit: usize,
    },
}

/// Pushes the values that were asked for; the stack is empty.
pub(super) fn push(stack: &mut Stack, request: Request, data: &[u8]) -> Outcome {
    let (start, limit) = match request {
        Request::All => (0, usize::MAX),
        Request::From { start, limit } => (start, limit),
    };
    let mut reader = Reader {
        data,
        at: start,
        levels: Vec::new(),
    };
    let mut count = 0;
    while reader.at < data.len() && count < limit {
        if !stack.reserve(4) {
            return Err(overflow(
                "too many return values at once; use unpack_one or unpack_limit instead.",
            ));
        }
        reader.push_value(stack)?;
        count += 1;
    }
    if let Request::From { .. } = request {
        let is_end = reader.at == data.len();
        stack.push_number(if is_end { -1.0 } else { reader.at as f64 });
        stack.insert(1);
    }
    Ok(stack.top())
}

fn overflow(what: &str) -> Failure {
    Failure::here(format!("stack overflow ({what})"))
}

/// A collection under way, its table on the stack.
enum Level {
    Array {
        next: i32,
        left: usize,
    },
    /// What is left counts keys and values.
    Map {
        left: usize,
    },
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
    levels: Vec<Level>,
}

impl<'a> Reader<'a> {
    fn push_value(&mut self, stack: &mut Stack) -> Result<(), Failure> {
        loop {
            let is_open = self.begin(stack)?;
            if !is_open && self.end(stack)? {
                return Ok(());
            }
        }
    }

    /// Pushes a value, or an empty table that becomes the last level if something is in it.
    fn begin(&mut self, stack: &mut Stack) -> Result<bool, Failure> {
        let kind = self.take(1)?[0];
        match kind {
            0x00..=0x7f | 0xe0..=0xff => stack.push_number(f64::from(kind as i8)),
            0x80..=0x8f => return self.open_map(stack, usize::from(kind & 15)),
            0x90..=0x9f => return self.open_array(stack, usize::from(kind & 15)),
            0xa0..=0xbf => stack.push_bytes(self.take(usize::from(kind & 31))?),
            0xc0 => stack.push_nil(),
            0xc2 => stack.push_bool(false),
            0xc3 => stack.push_bool(true),
            0xca => {
                let bits = self.unsigned(4)? as u32;
                stack.push_number(f64::from(f32::from_bits(bits)));
            }
            0xcb => stack.push_number(f64::from_bits(self.unsigned(8)?)),
            0xcc..=0xce => {
                let value = self.unsigned(1 << (kind - 0xcc))?;
                stack.push_number(value as f64);
            }
            // 64 bits are signed, whatever their type says.
            0xcf..=0xd3 => {
                let len = if kind == 0xcf { 8 } else { 1 << (kind - 0xd0) };
                let unused = 64 - len * 8;
                let value = (self.unsigned(len)? << unused) as i64 >> unused;
                stack.push_number(value as f64);
            }
            0xd9..=0xdb => {
                let len = self.unsigned(1 << (kind - 0xd9))? as usize;
                stack.push_bytes(self.take(len)?);
            }
            0xdc | 0xdd => {
                let len = self.unsigned(2 << (kind - 0xdc))? as usize;
                return self.open_array(stack, len);
            }
            0xde | 0xdf => {
                let len = self.unsigned(2 << (kind - 0xde))? as usize;
                return self.open_map(stack, len);
            }
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => {
                return Err(Failure::here("Bad data format in input."));
            }
        }
        Ok(false)
    }

    fn open_array(&mut self, stack: &mut Stack, len: usize) -> Result<bool, Failure> {
        if !stack.reserve(3) {
            return Err(overflow("in function mp_decode_to_lua_array"));
        }
        stack.push_table(0, 0);
        if len > 0 {
            self.levels.push(Level::Array { next: 1, left: len });
        }
        Ok(len > 0)
    }

    fn open_map(&mut self, stack: &mut Stack, len: usize) -> Result<bool, Failure> {
        if !stack.reserve(3) {
            return Err(overflow("in function mp_decode_to_lua_hash"));
        }
        stack.push_table(0, 0);
        if len > 0 {
            self.levels.push(Level::Map { left: len * 2 });
        }
        Ok(len > 0)
    }

    /// Puts the value at the top into its collection, and those that end with it into theirs.
    /// Whether it was the outermost.
    fn end(&mut self, stack: &mut Stack) -> Result<bool, Failure> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                return Ok(true);
            };
            let left = match level {
                Level::Array { next, left } => {
                    stack.set_element(-2, *next);
                    *next = next.wrapping_add(1);
                    left
                }
                Level::Map { left } => {
                    // An odd number is left before a value.
                    if *left % 2 == 1 {
                        check_key(stack)?;
                        stack.raw_set(-3);
                    }
                    left
                }
            };
            *left -= 1;
            if *left > 0 {
                return Ok(false);
            }
            self.levels.pop();
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Failure> {
        let rest = &self.data[self.at..];
        let taken = rest
            .get(..len)
            .ok_or_else(|| Failure::here("Missing bytes in input."))?;
        self.at += len;
        Ok(taken)
    }

    fn unsigned(&mut self, len: usize) -> Result<u64, Failure> {
        let bytes = self.take(len)?;
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Ok(bytes.iter().fold(0, join))
    }
}

/// Lua's own errors for keys that are none: the key is below the top.
fn check_key(stack: &Stack) -> Result<(), Failure> {
    match stack.kind(-2) {
        Kind::Nil => Err(Failure::Bare("table index is nil".into())),
        Kind::Number if stack.number(-2).is_some_and(f64::is_nan) => {
            Err(Failure::Bare("table index is NaN".into()))
        }
        _ => Ok(()),
    }
}
