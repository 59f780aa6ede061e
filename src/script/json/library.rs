//! The table `cjson` and its functions.

use super::settings::{self, Settings};
use super::{decode, encode};
use crate::script::frame::Frame;
use crate::script::raw::{
    Failure, Kind, Machine, Native, Outcome, Stack, UPVALUE, push_native_with,
};

const FUNCTIONS: &[(&str, Native)] = &[
    ("encode", encode_value),
    ("decode", decode_text),
    ("encode_sparse_array", settings::encode_sparse_array),
    ("encode_max_depth", settings::encode_max_depth),
    ("decode_max_depth", settings::decode_max_depth),
    ("encode_number_precision", settings::encode_number_precision),
    ("encode_keep_buffer", settings::encode_keep_buffer),
    ("encode_invalid_numbers", settings::encode_invalid_numbers),
    ("decode_invalid_numbers", settings::decode_invalid_numbers),
    ("new", new),
];

/// Pushes the table.
pub(in crate::script) fn push(machine: &mut Machine) {
    let frame = machine.frame().clone();
    push_table(machine.stack(), &frame);
}

/// Each table has settings of its own, in a table that its functions share.
fn push_table(stack: &mut Stack, frame: &Frame) {
    stack.push_table(0, 16);
    Settings::default().push(stack);
    for (name, native) in FUNCTIONS {
        push_native_with(stack, frame, *native, -1);
        stack.set_field(-3, name);
    }
    stack.pop(1);
    stack.push_light(std::ptr::null_mut());
    stack.set_field(-2, "null");
    for (name, text) in [("_NAME", "cjson"), ("_VERSION", "2.1.0")] {
        stack.push_bytes(text.as_bytes());
        stack.set_field(-2, name);
    }
}

fn new(stack: &mut Stack, frame: &Frame) -> Outcome {
    push_table(stack, frame);
    Ok(1)
}

fn encode_value(stack: &mut Stack, frame: &Frame) -> Outcome {
    one_argument(stack)?;
    let settings = Settings::read(stack, UPVALUE);
    let mut out = frame.scratch.borrow_mut();
    out.clear();
    encode::write(stack, &settings, &mut out)?;
    stack.push_bytes(&out);
    Ok(1)
}

fn decode_text(stack: &mut Stack, frame: &Frame) -> Outcome {
    one_argument(stack)?;
    let settings = Settings::read(stack, UPVALUE);
    if !matches!(stack.kind(1), Kind::String | Kind::Number) {
        return Err(Failure::expected(stack, 1, "string"));
    }
    // A copy, since what is read from it is pushed meanwhile.
    let mut text = frame.scratch.borrow_mut();
    text.clear();
    text.extend_from_slice(stack.text(1).unwrap_or_default());
    decode::push(stack, &settings, &text)?;
    Ok(1)
}

fn one_argument(stack: &Stack) -> Result<(), Failure> {
    if stack.top() == 1 {
        Ok(())
    } else {
        Err(Failure::argument(1, "expected 1 argument"))
    }
}
