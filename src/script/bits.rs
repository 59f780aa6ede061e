//! The library `bit`: operations on 32 bits, as the manual of Lua BitOp says.

use super::frame::Frame;
use super::raw::{Failure, Native, Outcome, Stack};

/// The functions, by their names.
pub(super) const FUNCTIONS: &[(&str, Native)] = &[
    ("tobit", tobit),
    ("tohex", tohex),
    ("bnot", bnot),
    ("band", band),
    ("bor", bor),
    ("bxor", bxor),
    ("lshift", lshift),
    ("rshift", rshift),
    ("arshift", arshift),
    ("rol", rol),
    ("ror", ror),
    ("bswap", bswap),
];

/// An argument's lowest 32 bits, a fraction rounded to the nearest, or even, number.
fn bits(stack: &Stack, at: i32) -> Result<u32, Failure> {
    // 2^52 + 2^51: added to a number, the sum's lowest bits are those of the number.
    const BIAS: f64 = 6_755_399_441_055_744.0;
    match stack.number(at) {
        Some(number) => Ok((number + BIAS).to_bits() as u32),
        None => Err(Failure::expected(stack, at, "number")),
    }
}

/// Results are signed.
fn answer(stack: &mut Stack, bits: u32) -> Outcome {
    stack.push_number(f64::from(bits as i32));
    Ok(1)
}

fn tobit(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let bits = bits(stack, 1)?;
    answer(stack, bits)
}

fn bnot(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let bits = bits(stack, 1)?;
    answer(stack, !bits)
}

fn bswap(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let bits = bits(stack, 1)?;
    answer(stack, bits.swap_bytes())
}

/// All arguments, joined by twos.
fn fold(stack: &mut Stack, join: fn(u32, u32) -> u32) -> Outcome {
    let mut sum = bits(stack, 1)?;
    for at in 2..=stack.top() {
        sum = join(sum, bits(stack, at)?);
    }
    answer(stack, sum)
}

fn band(stack: &mut Stack, _frame: &Frame) -> Outcome {
    fold(stack, |one, other| one & other)
}

fn bor(stack: &mut Stack, _frame: &Frame) -> Outcome {
    fold(stack, |one, other| one | other)
}

fn bxor(stack: &mut Stack, _frame: &Frame) -> Outcome {
    fold(stack, |one, other| one ^ other)
}

/// The first argument, moved by the lowest five bits of the second.
fn shift(stack: &mut Stack, by: fn(u32, u32) -> u32) -> Outcome {
    let (value, places) = (bits(stack, 1)?, bits(stack, 2)?);
    answer(stack, by(value, places & 31))
}

fn lshift(stack: &mut Stack, _frame: &Frame) -> Outcome {
    shift(stack, |value, places| value << places)
}

fn rshift(stack: &mut Stack, _frame: &Frame) -> Outcome {
    shift(stack, |value, places| value >> places)
}

fn arshift(stack: &mut Stack, _frame: &Frame) -> Outcome {
    shift(stack, |value, places| (value as i32 >> places) as u32)
}

fn rol(stack: &mut Stack, _frame: &Frame) -> Outcome {
    shift(stack, u32::rotate_left)
}

fn ror(stack: &mut Stack, _frame: &Frame) -> Outcome {
    shift(stack, u32::rotate_right)
}

/// The lowest digits, as many as the second argument says; in capitals if it is negative.
fn tohex(stack: &mut Stack, _frame: &Frame) -> Outcome {
    let bits = bits(stack, 1)?;
    let digits = match stack.top() {
        1 => 8,
        _ => self::bits(stack, 2)? as i32,
    };
    let text = if digits < 0 {
        format!("{bits:08X}")
    } else {
        format!("{bits:08x}")
    };
    let shown = digits.unsigned_abs().min(8) as usize;
    stack.push_bytes(&text.as_bytes()[8 - shown..]);
    Ok(1)
}
