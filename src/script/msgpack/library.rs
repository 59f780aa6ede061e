//! The table `cmsgpack` and its functions.

use super::pack;
use super::unpack::{self, Request};
use crate::script::frame::Frame;
use crate::script::number::cut;
use crate::script::raw::{Failure, Kind, Machine, Native, Outcome, Stack};
use crate::script::sandbox;

const FUNCTIONS: &[(&str, Native)] = &[
    ("pack", pack_all),
    ("unpack", unpack_all),
    ("unpack_one", unpack_one),
    ("unpack_limit", unpack_limit),
];

const TEXTS: [(&str, &str); 4] = [
    ("_NAME", "cmsgpack"),
    ("_VERSION", "lua-cmsgpack 0.4.0"),
    ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
    ("_DESCRIPTION", "MessagePack C implementation for Lua"),
];

/// Pushes the table.
pub(in crate::script) fn push(machine: &mut Machine) {
    machine.stack().push_table(0, 8);
    sandbox::set_functions(machine, FUNCTIONS);
    let stack = machine.stack();
    // Scripts may look at them, and so they say what the library they know says.
    for (name, text) in TEXTS {
        stack.push_bytes(text.as_bytes());
        stack.set_field(-2, name);
    }
}

fn pack_all(stack: &mut Stack, frame: &Frame) -> Outcome {
    let top = stack.top();
    if top == 0 {
        return Err(Failure::argument(0, "MessagePack pack needs input."));
    }
    if !stack.reserve(top) {
        return Err(Failure::argument(
            0,
            "Too many arguments for MessagePack pack.",
        ));
    }
    let mut out = frame.scratch.borrow_mut();
    out.clear();
    for at in 1..=top {
        stack.push_value(at);
        pack::write(stack, 0, &mut out);
    }
    stack.push_bytes(&out);
    Ok(1)
}

fn unpack_all(stack: &mut Stack, frame: &Frame) -> Outcome {
    run(stack, frame, 0, 0)
}

fn unpack_one(stack: &mut Stack, frame: &Frame) -> Outcome {
    let offset = offset(stack, 2)?;
    run(stack, frame, 1, offset)
}

fn unpack_limit(stack: &mut Stack, frame: &Frame) -> Outcome {
    let Some(limit) = stack.number(2) else {
        return Err(Failure::expected(stack, 2, "number"));
    };
    let offset = offset(stack, 3)?;
    run(stack, frame, cut(limit) as i32, offset)
}

fn offset(stack: &Stack, at: i32) -> Result<i32, Failure> {
    if stack.is_absent(at) {
        return Ok(0);
    }
    match stack.number(at) {
        Some(offset) => Ok(cut(offset) as i32),
        None => Err(Failure::expected(stack, at, "number")),
    }
}

fn run(stack: &mut Stack, frame: &Frame, limit: i32, offset: i32) -> Outcome {
    if !matches!(stack.kind(1), Kind::String | Kind::Number) {
        return Err(Failure::expected(stack, 1, "string"));
    }
    // A copy, since what is read from it is pushed meanwhile.
    let mut data = frame.scratch.borrow_mut();
    data.clear();
    data.extend_from_slice(stack.text(1).unwrap_or_default());
    let len = data.len();
    let (Ok(limit), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        return Err(Failure::here(format!(
            "Invalid request to unpack with offset of {offset} and limit of {len}."
        )));
    };
    if start > len {
        return Err(Failure::here(format!(
            "Start offset {offset} greater than input length {len}."
        )));
    }
    // Neither limit nor offset: everything, and no word of where it ended.
    let request = if limit == 0 && start == 0 {
        Request::All
    } else {
        Request::From { start, limit }
    };
    stack.set_top(0);
    unpack::push(stack, request, &data)
}
