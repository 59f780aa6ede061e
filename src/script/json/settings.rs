//! What scripts may set: kept in a table of Lua's, so that it goes when the functions go.

use crate::script::frame::Frame;
use crate::script::number::cut;
use crate::script::raw::{Failure, Kind, Outcome, Stack, UPVALUE};

/// What becomes of a number JSON has no word for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Invalid {
    Refused,
    Written,
    Null,
}

/// All settings, as numbers, at the places [`Place`] names.
pub(super) struct Settings([i32; PLACES]);

const PLACES: usize = 9;

/// The element of the table each setting is.
#[derive(Clone, Copy)]
enum Place {
    SparseConvert,
    SparseRatio,
    SparseSafe,
    EncodeDepth,
    DecodeDepth,
    Precision,
    KeepBuffer,
    EncodeInvalid,
    DecodeInvalid,
}

impl Default for Settings {
    fn default() -> Self {
        Self([0, 2, 10, 1_000, 1_000, 14, 1, 0, 1])
    }
}

impl Settings {
    pub(super) fn push(&self, stack: &mut Stack) {
        stack.push_table(PLACES, 0);
        for (value, index) in self.0.iter().zip(1..) {
            stack.push_number(f64::from(*value));
            stack.set_element(-2, index);
        }
    }

    pub(super) fn read(stack: &mut Stack, table: i32) -> Self {
        let mut settings = Self::default();
        for (value, index) in settings.0.iter_mut().zip(1..) {
            stack.raw_element(table, index);
            *value = stack.number(-1).map_or(0, cut) as i32;
            stack.pop(1);
        }
        settings
    }

    fn get(&self, place: Place) -> i32 {
        self.0[place as usize]
    }

    pub(super) fn encode_depth_max(&self) -> usize {
        self.get(Place::EncodeDepth) as usize
    }

    pub(super) fn decode_depth_max(&self) -> usize {
        self.get(Place::DecodeDepth) as usize
    }

    pub(super) fn precision(&self) -> usize {
        self.get(Place::Precision) as usize
    }

    pub(super) fn invalid_is_read(&self) -> bool {
        self.get(Place::DecodeInvalid) != 0
    }

    pub(super) fn invalid_written(&self) -> Invalid {
        match self.get(Place::EncodeInvalid) {
            0 => Invalid::Refused,
            1 => Invalid::Written,
            _ => Invalid::Null,
        }
    }

    /// Whether a table whose largest index is `largest` is no array, having only `count` elements.
    pub(super) fn is_sparse(&self, largest: f64, count: i32) -> bool {
        let ratio = f64::from(self.get(Place::SparseRatio));
        ratio > 0.0
            && largest > f64::from(count) * ratio
            && largest > f64::from(self.get(Place::SparseSafe))
    }

    pub(super) fn sparse_is_object(&self) -> bool {
        self.get(Place::SparseConvert) != 0
    }
}

pub(super) fn encode_sparse_array(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 3)?;
    choice(stack, 1, Place::SparseConvert, &OFF_ON)?;
    integer(stack, 2, Place::SparseRatio, 0, i32::MAX)?;
    integer(stack, 3, Place::SparseSafe, 0, i32::MAX)?;
    Ok(3)
}

pub(super) fn encode_max_depth(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    integer(stack, 1, Place::EncodeDepth, 1, i32::MAX)
}

pub(super) fn decode_max_depth(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    integer(stack, 1, Place::DecodeDepth, 1, i32::MAX)
}

pub(super) fn encode_number_precision(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    integer(stack, 1, Place::Precision, 1, 14)
}

/// Has no effect beyond being told: the buffer is always kept, up to a limit.
pub(super) fn encode_keep_buffer(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    choice(stack, 1, Place::KeepBuffer, &OFF_ON)
}

pub(super) fn encode_invalid_numbers(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    choice(stack, 1, Place::EncodeInvalid, &["off", "on", "null"])
}

pub(super) fn decode_invalid_numbers(stack: &mut Stack, _frame: &Frame) -> Outcome {
    arguments(stack, 1)?;
    choice(stack, 1, Place::DecodeInvalid, &OFF_ON)
}

const OFF_ON: [&str; 2] = ["off", "on"];

/// At most `most` arguments; those missing become nil, and keep their setting.
fn arguments(stack: &mut Stack, most: i32) -> Result<(), Failure> {
    if stack.top() > most {
        return Err(Failure::argument(most + 1, "found too many arguments"));
    }
    stack.set_top(most);
    Ok(())
}

/// Sets a number within its bounds, if one is given, and pushes what is set then.
fn integer(stack: &mut Stack, at: i32, place: Place, least: i32, most: i32) -> Outcome {
    if stack.kind(at) != Kind::Nil {
        let Some(number) = stack.number(at) else {
            return Err(Failure::expected(stack, at, "number"));
        };
        let value = cut(number) as i32;
        if !(least..=most).contains(&value) {
            let text = format!("expected integer between {least} and {most}");
            return Err(Failure::argument(1, text));
        }
        set(stack, place, value);
    }
    let value = get(stack, place);
    stack.push_number(f64::from(value));
    Ok(1)
}

/// Sets one of `names`, if one is given, and pushes what is set then. `off` and `on` may be given
/// as booleans, and are pushed as such.
fn choice(stack: &mut Stack, at: i32, place: Place, names: &[&str]) -> Outcome {
    match stack.kind(at) {
        Kind::Nil => {}
        Kind::Boolean => {
            let value = i32::from(stack.truth(at));
            set(stack, place, value);
        }
        Kind::String | Kind::Number => {
            let name = stack.text(at).unwrap_or_default();
            let Some(value) = names.iter().position(|known| known.as_bytes() == name) else {
                let text = format!("invalid option '{}'", String::from_utf8_lossy(name));
                return Err(Failure::argument(at, text));
            };
            set(stack, place, value as i32);
        }
        _ => return Err(Failure::expected(stack, at, "string")),
    }
    match get(stack, place) {
        value @ 0..=1 => stack.push_bool(value == 1),
        value => stack.push_bytes(names[value as usize].as_bytes()),
    }
    Ok(1)
}

fn set(stack: &mut Stack, place: Place, value: i32) {
    stack.push_number(f64::from(value));
    stack.set_element(UPVALUE, place as i32 + 1);
}

fn get(stack: &mut Stack, place: Place) -> i32 {
    stack.raw_element(UPVALUE, place as i32 + 1);
    let value = stack.number(-1).map_or(0, cut) as i32;
    stack.pop(1);
    value
}
